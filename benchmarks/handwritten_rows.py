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
from typing import TypeVar

import httpx
from temporalio import activity

T = TypeVar("T")

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
    """`branch`, `chain`, `parallel`, `http` or `empty`."""
    size: int
    text: str
    activities: int = 0
    """Regular activities besides, for the shape whose figures are known; then it writes its row."""
    url: str = ""
    """What the shape `http` asks for."""


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
        self._client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None))

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
    async def request(self, run_id: str, number: int, url: str) -> str:
        """Ask a peer: give what was recorded, else say that it begins, do it, and record it."""
        row, name = (run_id, number + 1), f"http {number}"
        recorded = await self._write(lambda: self._begin_node(row, name))
        if recorded is not None:
            return recorded
        key = f"{run_id}:{number}"
        response = await self._client.get(url, headers={"Idempotency-Key": key})
        response.raise_for_status()
        text = response.text
        await self._write(lambda: self._end_node(row, text))
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

    def _begin_node(self, row: tuple[str, int], name: str) -> str | None:
        query = "SELECT output FROM node WHERE run = ? AND number = ?"
        found: tuple[str | None] | None = self._rows.execute(query, row).fetchone()
        if found is not None and found[0] is not None:
            return found[0]
        node = (*row, name, time.time())
        self._rows.execute("INSERT OR REPLACE INTO node VALUES (?, ?, ?, NULL, ?, NULL)", node)
        return None

    def _end_node(self, row: tuple[str, int], output: str) -> None:
        end = (output, time.time(), *row)
        self._rows.execute(
            "UPDATE node SET output = ?, ended = ? WHERE run = ? AND number = ?", end
        )

    async def _write(self, write: Callable[[], T]) -> T:
        def transaction() -> T:
            with self._rows:
                return write()

        return await asyncio.get_running_loop().run_in_executor(self._thread, transaction)

    async def close(self) -> None:
        """Close the connections and the file."""
        await self._client.aclose()
        self._thread.shutdown()
        self._rows.close()
