"""Wakes whoever follows a run: in this process at once, in others by notification or poll.

On PostgreSQL one connection listens and commits are announced in bundles, outside their
transaction: an announcing commit takes a lock of the whole server. On SQLite one query polls all
watched runs. Both happen only while somebody watches.
"""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager

from sqlalchemy import Connection, bindparam, select

from schema.db.engine import Database
from schema.db.tables import run_heads
from schema.errors import DatabaseUnavailable

BUNDLE_SECONDS = 0.025
"""How long commits are collected before other processes are told."""
POLL_SECONDS = 0.15
FIRST_POLL_SECONDS = 0.02
"""At first polls come faster: whoever begins to watch has often just started a short run."""
_SLOWER = 1.5
FALLBACK_POLL_SECONDS = 1.0
"""On PostgreSQL, for a notification that got lost with a connection."""
RECONNECT_SECONDS = 1.0
_MAX_PAYLOAD_CHARACTERS = 7_500

_logger = logging.getLogger(__name__)
_LAST_NUMBERS = select(run_heads.c.run_id, run_heads.c.last_seq).where(
    run_heads.c.run_id.in_(bindparam("runs", expanding=True))
)


class Wakeups:
    """Who watches which run, and how they hear of commits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._watches: dict[str, set[asyncio.Event]] = defaultdict(set)
        self._listeners: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._unannounced: dict[str, None] = {}
        self._announcer: asyncio.Task[None] | None = None

    @contextmanager
    def watch(self, run_id: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever something was committed for a run."""
        event = asyncio.Event()
        self._watches[run_id].add(event)
        if not self._listeners:
            self._listen()
        try:
            yield event
        finally:
            self._watches[run_id].discard(event)
            if not self._watches[run_id]:
                del self._watches[run_id]
            if not self._watches:
                self._stop_listening()

    def committed(self, run_ids: Sequence[str]) -> None:
        """Tell of a commit of this process."""
        self._wake(run_ids)
        if self._database.tells_commits:
            self._unannounced.update(dict.fromkeys(run_ids))
            if self._announcer is None:
                self._announcer = asyncio.create_task(self._announce())

    async def close(self) -> None:
        """Announce what is left and stop listening."""
        self._stop_listening()
        if self._announcer is not None:
            self._ending.add(self._announcer)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _wake(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            for event in self._watches.get(run_id, ()):
                event.set()

    def _listen(self) -> None:
        if self._database.tells_commits:
            self._listeners = [
                asyncio.create_task(self._hear()),
                asyncio.create_task(self._poll(FALLBACK_POLL_SECONDS)),
            ]
        else:
            self._listeners = [asyncio.create_task(self._poll(POLL_SECONDS))]

    def _stop_listening(self) -> None:
        for task in self._listeners:
            task.cancel()
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
        self._listeners = []

    async def _poll(self, seconds: float) -> None:
        """Compare the numbers of all watched runs with those of the round before."""
        before: Mapping[str, int] = {}
        pause = min(FIRST_POLL_SECONDS, seconds)
        while True:
            await asyncio.sleep(pause)
            pause = min(pause * _SLOWER, seconds)
            watched = list(self._watches)

            def last_numbers(
                connection: Connection, watched: list[str] = watched
            ) -> Mapping[str, int]:
                rows = connection.execute(_LAST_NUMBERS, {"runs": watched})
                return {run_id: last for run_id, last in rows}

            try:
                now = await self._database.read(last_numbers)
            except DatabaseUnavailable:
                continue
            self._wake(run_id for run_id, last in now.items() if before.get(run_id) != last)
            before = now

    async def _hear(self) -> None:
        while True:
            try:
                async with aclosing(self._database.announcements()) as announcements:
                    async for message in announcements:
                        # The first is empty: much may have been committed while nobody listened.
                        self._wake(json.loads(message) if message else list(self._watches))
            except DatabaseUnavailable as error:
                _logger.warning(
                    "Notifications of the database are lost; polling meanwhile.",
                    extra={"action": "listen_failed", "error": str(error)},
                )
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _announce(self) -> None:
        while self._unannounced:
            await asyncio.sleep(BUNDLE_SECONDS)
            run_ids, self._unannounced = list(self._unannounced), {}
            try:
                await self._database.announce(_bundles(run_ids))
            except DatabaseUnavailable as error:
                # Followers in other processes poll as well.
                _logger.info(
                    "Commits were not announced.",
                    extra={"action": "announce_failed", "error": str(error)},
                )
        self._announcer = None


def _bundles(run_ids: Sequence[str]) -> list[str]:
    """Write run ids as JSON lists, none longer than a notification may be."""
    bundles: list[str] = []
    current: list[str] = []
    size = 0
    for run_id in run_ids:
        length = len(json.dumps(run_id)) + 1
        if length > _MAX_PAYLOAD_CHARACTERS:
            continue
        if size + length > _MAX_PAYLOAD_CHARACTERS:
            bundles.append(json.dumps(current))
            current, size = [], 0
        current.append(run_id)
        size += length
    return [*bundles, json.dumps(current)] if current else bundles
