"""The hand-written workflow's data, records and activities: SQLite with the product's pragmas.

Beside the workflow's file, so that its sandbox loads none of it again.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from temporalio import activity

_SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=normal;
CREATE TABLE run (id TEXT PRIMARY KEY, status TEXT, inputs TEXT, outputs TEXT,
                  begun REAL, ended REAL);
CREATE TABLE node (run TEXT, number INTEGER, name TEXT, output TEXT, begun REAL, ended REAL,
                   PRIMARY KEY (run, number));
"""


@dataclass
class Task:
    """One run."""

    run_id: str
    shape: str
    """`branch`, `chain`, `parallel` or `empty`."""
    size: int
    text: str
    activities: int = 0
    """Regular activities besides, for the shape whose figures are known; then it writes its row."""


@dataclass
class Step:
    """One node row."""

    name: str
    output: str
    begun: float
    ended: float


class Rows:
    """Writes rows in one thread, a transaction a call."""

    def __init__(self, file: Path) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._rows = sqlite3.connect(file, check_same_thread=False)
        self._rows.executescript(_SCHEMA)

    @activity.defn
    async def begin(self, run_id: str, text: str) -> None:
        """Write the run row."""

        def insert() -> None:
            row = (run_id, text, time.time())
            self._rows.execute("INSERT INTO run VALUES (?, 'running', ?, NULL, ?, NULL)", row)

        await self._write(insert)

    @activity.defn
    async def work(self, text: str) -> str:
        """Do a node's work outside the workflow."""
        return text

    @activity.defn
    async def finish(self, run_id: str, steps: list[Step], output: str) -> None:
        """Write a row a node and the terminal state in one transaction."""

        def insert() -> None:
            rows = [(run_id, n, s.name, s.output, s.begun, s.ended) for n, s in enumerate(steps)]
            self._rows.executemany("INSERT OR IGNORE INTO node VALUES (?, ?, ?, ?, ?, ?)", rows)
            end = (output, time.time(), run_id)
            self._rows.execute(
                "UPDATE run SET status = 'succeeded', outputs = ?, ended = ? WHERE id = ?", end
            )

        await self._write(insert)

    async def _write(self, insert: Callable[[], None]) -> None:
        def transaction() -> None:
            with self._rows:
                insert()

        await asyncio.get_running_loop().run_in_executor(self._thread, transaction)

    def close(self) -> None:
        """Close the file."""
        self._thread.shutdown()
        self._rows.close()
