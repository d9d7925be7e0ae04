"""The work that is alive in this process: joined, shielded, ended (architecture 3.3, c and g).

An attempt of Temporal's is a visitor. Temporal cancels a living one when its server was away for
longer than a heartbeat may be late, and starts another beside it; it can even start the same one
twice. So the work is a task of its own, by the try it executes: attempts wait for it, and a second
one joins. Only a stop ends it, the worker's shutdown, or that its run is over.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, TypeAlias, TypeVar

from temporalio import activity

from schema.db.event_log import EventLog, RunFlags
from schema.errors import DatabaseUnavailable, TemporalUnavailable
from schema.runs import RunRef

T = TypeVar("T")
IsOpen: TypeAlias = Callable[[str], Awaitable[bool]]
"""Whether Temporal still executes a run, by its id; raises TemporalUnavailable."""

POLL_SECONDS = 0.3
"""How often the flags of the runs at work here are read: a stop of another process is one."""
ORPHAN_SECONDS = 90.0
"""How long work goes on that no attempt waits for, before the server is asked about its run."""
END_SECONDS = 5.0
"""Longest wait for work that was cancelled, and for a finished result on its way to the records."""
_RUNS_AT_ONCE = 500

_logger = logging.getLogger(__name__)


class End(StrEnum):
    """Why work ended before it had a result."""

    STOP = "stop"
    """Its run is being stopped, or is over."""
    SHUTDOWN = "shutdown"
    """The worker's orderly shutdown: its effect start is given back."""
    PAUSE = "pause"
    """Its run was paused before the effect began."""


class Piece:
    """One piece of living work: a try that is executed here."""

    def __init__(self, run: RunRef, pauses: int) -> None:
        self.run = run
        self.pauses = pauses
        """Pauses and resumptions of which whoever launched it knew."""
        self.may_have_begun = False
        """The effect may have begun: a pause comes too late."""
        self.has_result = False
        """The effect is over; what is left is to record it."""
        self.ended_by: End | None = None
        self.visitors = 0
        self.left_at = time.monotonic()
        self._task: asyncio.Task[Any] | None = None

    def begin(self, work: Callable[["Piece"], Awaitable[Any]]) -> None:
        """Begin the work, in the context of the attempt that came first."""
        self._task = asyncio.create_task(self._carry_out(work))

    @property
    def task(self) -> "asyncio.Task[Any]":
        """The work; its result is an `End` if it was ended."""
        assert self._task is not None
        return self._task

    @property
    def is_orphan(self) -> bool:
        """Whether no attempt has waited for it for a while."""
        return not self.visitors and time.monotonic() - self.left_at > ORPHAN_SECONDS

    def end(self, why: End) -> None:
        """Cancel the work at once; a finished result may still be recorded for a few seconds."""
        if self.ended_by is not None or (why is End.PAUSE and self.may_have_begun):
            return
        self.ended_by = why
        if self.has_result:
            asyncio.get_running_loop().call_later(END_SECONDS, self.task.cancel)
        else:
            self.task.cancel()

    async def _carry_out(self, work: Callable[["Piece"], Awaitable[Any]]) -> Any:
        try:
            return await work(self)
        except asyncio.CancelledError:
            if self.ended_by is None:  # the process itself comes to its end
                raise
            return self.ended_by


class LivingWork:
    """All living work of a process, by the try it executes.

    Args:
        log: Tells of stops and pauses.
        is_open: Asks the server about the run of work that nobody waits for.
    """

    def __init__(self, log: EventLog, is_open: IsOpen | None = None) -> None:
        self._log = log
        self._is_open = is_open
        self._pieces: dict[str, Piece] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._listening = contextlib.ExitStack()
        self._listening.enter_context(log.telling_stops(self.stop))

    async def join(
        self, key: str, run: RunRef, pauses: int, work: Callable[[Piece], Awaitable[T]]
    ) -> T | End:
        """Wait for the living work of a try, or begin it.

        Cancelling the caller ends the work only if that means a stop or the worker's shutdown;
        after the latter it learns what the work came to.

        Args:
            key: The try: `node_exec_id:attempt`.
            run: Whose try.
            pauses: Pauses and resumptions of which the caller knows.
            work: What to do if it is not done already.
        """
        piece = self._pieces.get(key)
        if piece is None:
            piece = self._begin(key, Piece(run, pauses), work)
        piece.visitors += 1
        try:
            await asyncio.wait({piece.task})
        except asyncio.CancelledError:
            await self._leave(piece)
            if piece.ended_by is not End.SHUTDOWN or not piece.task.done():
                raise
        finally:
            piece.visitors -= 1
            piece.left_at = time.monotonic()
        result: T | End = piece.task.result()
        return result

    def stop(self, run_id: str) -> None:
        """End the work of a run that this process itself stops: nothing is faster."""
        for piece in self._pieces.values():
            if piece.run.run_id == run_id:
                piece.end(End.STOP)

    async def close(self) -> None:
        """End what is left after the workers have drained."""
        self._listening.close()
        for piece in list(self._pieces.values()):
            piece.end(End.SHUTDOWN)
        if tasks := [piece.task for piece in self._pieces.values()]:
            await asyncio.wait(tasks, timeout=2 * END_SECONDS)
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher

    def _begin(self, key: str, piece: Piece, work: Callable[[Piece], Awaitable[Any]]) -> Piece:
        self._pieces[key] = piece
        piece.begin(work)

        def forget(task: asyncio.Task[Any]) -> None:
            del self._pieces[key]
            if not piece.visitors and not task.cancelled() and (error := task.exception()):
                _logger.warning(
                    "Work that nobody waited for has failed.",
                    exc_info=error,
                    extra={"action": "orphan_failed", "run_id": piece.run.run_id},
                )

        piece.task.add_done_callback(forget)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch(), name="watcher of living work")
        return piece

    async def _leave(self, piece: Piece) -> None:
        """Judge why Temporal cancels an attempt, and end the work if that is meant."""
        details = activity.cancellation_details()
        if details is None:
            return
        if details.cancel_requested:
            piece.end(End.STOP)
        elif details.worker_shutdown:
            if piece.visitors == 1:
                piece.end(End.SHUTDOWN)
        elif await self._is_over(piece.run):
            # What the server no longer knows may have ended a moment ago.
            piece.end(End.STOP)
        if piece.ended_by is not None:
            await asyncio.wait({piece.task}, timeout=2 * END_SECONDS)

    async def _is_over(self, run: RunRef) -> bool:
        try:
            async with asyncio.timeout(END_SECONDS):
                flags = await self._log.read_flags([run.run_id])
        except (DatabaseUnavailable, TimeoutError):
            return False
        return run.run_id not in flags or flags[run.run_id].must_stop

    async def _watch(self) -> None:
        while self._pieces:
            await asyncio.sleep(POLL_SECONDS)
            run_ids = sorted({piece.run.run_id for piece in self._pieces.values()})
            for first in range(0, len(run_ids), _RUNS_AT_ONCE):
                await self._read_flags(run_ids[first : first + _RUNS_AT_ONCE])
            for piece in [each for each in self._pieces.values() if each.is_orphan]:
                await self._ask_about(piece)

    async def _read_flags(self, run_ids: list[str]) -> None:
        try:
            flags = await self._log.read_flags(run_ids)
        except DatabaseUnavailable:
            return  # every writer of these runs waits for it too
        for piece in list(self._pieces.values()):
            if (known := flags.get(piece.run.run_id)) is not None:
                _obey(piece, known)

    async def _ask_about(self, piece: Piece) -> None:
        piece.left_at = time.monotonic()
        if self._is_open is None:
            return
        try:
            is_open = await self._is_open(piece.run.run_id)
        except TemporalUnavailable:
            return  # it is asked again
        if not is_open:
            piece.end(End.STOP)


def _obey(piece: Piece, flags: RunFlags) -> None:
    if flags.must_stop:
        piece.end(End.STOP)
    elif flags.is_paused_after(piece.pauses):
        piece.end(End.PAUSE)
