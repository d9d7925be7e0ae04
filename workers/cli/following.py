"""Follows a run's log to its end, or to where it rests, and shows it on the way."""

import asyncio
from typing import TYPE_CHECKING

from schema.errors import DatabaseUnavailable
from schema.facts import LoggedFact, RunFinished, RunPaused, RunResumed
from schema.response_stream import ResponseStream, RunInfo
from schema.runs import RunInput, RunRef, RunStatus
from schema.values.artifact_ref import ArtifactRef
from schema.values.large_values import resolve
from schema.values.segments import Segment, SegmentType
from workers.cli.run_view import RunView

if TYPE_CHECKING:
    from workers.dependencies import Records


SHOWN_CHARACTERS = 1_000_000
"""Longest text that is shown as it comes; outputs have all of it."""


class RunFollower:
    """One reader of one run's log.

    Args:
        records: Where the log is.
        run_input: What the run was given.
        view: What shows it.
    """

    def __init__(self, records: "Records", run_input: RunInput, view: RunView) -> None:
        self._records = records
        self._ref = run_input.ref
        self._view = view
        self._stored: dict[ArtifactRef, Segment] = {}
        self._stream = ResponseStream(run_input.plan, run_info(run_input), self._stored, full=False)
        self._shows_text = view.shows_text
        self._shown_text = ""
        self._after = 0
        self._status = RunStatus.RUNNING
        self._rested = asyncio.Event()
        self._moved = asyncio.Event()

    async def to_rest(self, patience: float) -> RunStatus:
        """Follow until the run has ended or is paused.

        Args:
            patience: Seconds that a pause must last before it counts: a resume may be on its way.
        """
        reading = asyncio.create_task(self._read_all(), name="follow run")
        resting = asyncio.create_task(self._paused_for(patience), name="watch for a pause")
        try:
            await asyncio.wait((reading, resting), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            return self._status
        finally:
            for task in (reading, resting):
                task.cancel()
            await asyncio.gather(reading, resting, return_exceptions=True)

    async def _read_all(self) -> None:
        """Read to the end of the log; an outage of the database is waited out."""
        while not self._status.is_terminal:
            try:
                async for facts in self._records.log.follow(self._ref, self._after):
                    for logged in facts:
                        await self._take(logged)
                head = await self._records.log.get_head(self._ref)
                self._status = head.status
            except DatabaseUnavailable:
                self._view.say("  The database is away; waiting for it.")
                await self._records.log.wait_until_available()

    async def _paused_for(self, seconds: float) -> None:
        while True:
            await self._rested.wait()
            self._moved.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._moved.wait()
            except TimeoutError:
                if self._status is RunStatus.PAUSED:
                    return

    async def _take(self, logged: LoggedFact) -> None:
        if self._shows_text:
            await self._follow_text(logged)
        self._after = logged.seq
        self._view.show_fact(logged.fact)
        match logged.fact:
            case RunPaused():
                self._rest(RunStatus.PAUSED)
            case RunResumed():
                self._rest(RunStatus.RUNNING)
            case RunFinished(status=status):
                self._status = status

    async def _follow_text(self, logged: LoggedFact) -> None:
        """Fold the next entry and show what it adds, until that is more than anybody reads."""
        needed = self._stream.needs(logged)
        if sum(ref.bytes for ref in needed) + len(self._shown_text) > SHOWN_CHARACTERS:
            self._shows_text = False
            self._view.say("  The text is too long to be shown as it comes.")
            return
        for reference in needed:
            if reference not in self._stored:
                self._stored[reference] = await read_stored(self._records, self._ref, reference)
        self._stream.feed(logged)
        self._show_text(self._stream.text)

    def _show_text(self, text: str) -> None:
        if text == self._shown_text:
            return
        if text.startswith(self._shown_text):
            self._view.show_text(text[len(self._shown_text) :])
        else:
            self._view.replace_text(text)
        self._shown_text = text

    def _rest(self, status: RunStatus) -> None:
        self._status = status
        self._moved.set()
        if status is RunStatus.PAUSED:
            self._rested.set()
        else:
            self._rested.clear()


def run_info(run_input: RunInput) -> RunInfo:
    """Give what the fold needs besides the log; a run of the command line is its own message."""
    conversation_id = run_input.system.get("conversation_id")
    if not isinstance(conversation_id, str):
        return RunInfo.of(run_input)
    return RunInfo.of(run_input, message_id=run_input.run_id, conversation_id=conversation_id)


async def read_stored(records: "Records", run: RunRef, reference: ArtifactRef) -> Segment:
    """Read a value from the artifact store.

    Raises:
        NotFound: If it is not there any more.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    segment = Segment(SegmentType(reference.kind), reference)
    return await resolve(segment, records.artifacts, run.tenant_id)
