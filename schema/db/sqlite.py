"""Records in a SQLite file.

A job runs as a whole in one thread: statement by statement through an event loop costs several
times what the statements cost.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from sqlalchemy import URL, Connection, Engine, create_engine, event

from schema.db.engine import Database, Job, Synchronous, T, translated

BUSY_TIMEOUT_SECONDS = 10.0
"""How long a writer waits for another process."""

_POLL_SECONDS = 0.01
_READER_THREADS = 2
_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


class SqliteDatabase(Database):
    """One writer connection, which begins immediately, and readers beside it (WAL)."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, url: URL, synchronous: Synchronous) -> None:
        self.url = url.set(drivername="sqlite+pysqlite")
        self._writer = _build_engine(self.url, synchronous, "BEGIN IMMEDIATE", 1)
        self._reader = _build_engine(self.url, synchronous, "BEGIN", _READER_THREADS)
        self._writer_thread = ThreadPoolExecutor(1, "records-writer")
        self._reader_threads = ThreadPoolExecutor(_READER_THREADS, "records-reader")

    async def write(self, job: Job[T]) -> T:
        """Run the job in the writer's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer_thread, _transact, self._writer, job)

    async def read(self, job: Job[T]) -> T:
        """Run the job in a reader's thread, on one snapshot."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader_threads, _transact, self._reader, job)

    async def close(self) -> None:
        """Wait for running jobs, then close the file."""
        await asyncio.to_thread(self._writer_thread.shutdown)
        await asyncio.to_thread(self._reader_threads.shutdown)
        self._writer.dispose()
        self._reader.dispose()

    async def announce(self, messages: Sequence[str]) -> None:
        """Do nothing: a file tells nobody, other processes poll."""

    async def announcements(self) -> AsyncGenerator[str, None]:
        """End at once: nothing is ever announced."""
        nothing: tuple[str, ...] = ()
        for message in nothing:
            yield message


def connect(url: URL, synchronous: Synchronous) -> Database:
    """Make the database of a URL; `open_database` calls it."""
    return SqliteDatabase(url, synchronous)


def _build_engine(url: URL, synchronous: str, begin: str, connections: int) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: sqlite3.Connection, _record: object) -> None:
        # The driver would begin transactions itself, and deferred ones: one that reads and then
        # writes fails at once when somebody else has written, whatever the timeout.
        connection.isolation_level = None
        _write_ahead(connection)
        connection.execute(f"PRAGMA synchronous={synchronous}").close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Bring the file to WAL mode, which it keeps; raises the driver's error if that never works."""
    # SQLite's own time-out does not cover the change of mode: with a writer in the way, such as
    # another process that opens the new file at this moment, it fails at once.
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if not _is_unavailable(error) or time.monotonic() > deadline:
                raise
            time.sleep(_POLL_SECONDS)


def _transact(engine: Engine, job: Job[T]) -> T:
    with translated(_is_unavailable), engine.begin() as connection:
        return job(connection)


def _is_unavailable(error: BaseException | None) -> bool:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF in _UNAVAILABLE
