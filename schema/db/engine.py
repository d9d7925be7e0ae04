"""The database of the records: SQLite or PostgreSQL behind one URL, errors translated.

A transaction is a *job*: a plain function of a connection, which cannot await anything, so that no
transaction ever spans I/O of another kind (invariant 13). On SQLite a job runs as a whole in one
thread: statement by statement through an event loop costs several times the statements. On
PostgreSQL it runs on an async connection.
"""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, TypeVar

import psycopg
from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import create_async_engine

from schema.errors import DatabaseUnavailable, SetupError

T = TypeVar("T")
Job: TypeAlias = Callable[[Connection], T]
"""One transaction's work."""

BUSY_TIMEOUT_SECONDS = 10.0
"""How long a writer of SQLite waits for another process."""
CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MILLISECONDS = 30_000
_READER_THREADS = 2
_POOL_SIZE = 10

_SQLITE_UNAVAILABLE = frozenset(
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
_POSTGRES_UNAVAILABLE = ("08", "53", "57", "58")
"""Classes of SQLSTATE: connection, resources, operator's intervention, system error."""


class Database(ABC):
    """The records' database; made by `open_database`, closed by whoever opened it."""

    url: URL

    @property
    @abstractmethod
    def dialect(self) -> Literal["sqlite", "postgresql"]:
        """Which database it is."""

    @abstractmethod
    async def write(self, job: Job[T]) -> T:
        """Run a job in a transaction that may write, and commit it.

        Raises:
            DatabaseUnavailable: If the database cannot be reached or is locked for too long.
        """

    @abstractmethod
    async def read(self, job: Job[T]) -> T:
        """Run a job that only reads, on one snapshot where the database has them.

        Raises:
            DatabaseUnavailable: If the database cannot be reached.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""


def open_database(url: str, synchronous: Literal["normal", "full"] = "normal") -> Database:
    """Open the database of a URL; no connection is made yet.

    Args:
        url: `sqlite:///path`, `postgresql://user@host/name`; a driver in it is ignored.
        synchronous: SQLite only; with `normal` a power cut may lose the last commits (design 8).

    Raises:
        SetupError: If the URL is of another database or is no URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SetupError(
            "DATABASE_URL is no URL. Set it to sqlite:///path or postgresql://user@host/name."
        ) from error
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteDatabase(parsed, synchronous)
        case "postgresql" | "postgres":
            return PostgresDatabase(parsed)
        case other:
            raise SetupError(
                f"DATABASE_URL names {other!r}. Set it to sqlite:///path or postgresql://..."
            )


class SqliteDatabase(Database):
    """A file: one writer connection that begins immediately, and readers beside it (WAL)."""

    dialect: Literal["sqlite"] = "sqlite"

    def __init__(self, url: URL, synchronous: Literal["normal", "full"]) -> None:
        self.url = url.set(drivername="sqlite+pysqlite")
        self._writer = self._engine(synchronous, "BEGIN IMMEDIATE", 1)
        self._reader = self._engine(synchronous, "BEGIN", _READER_THREADS)
        self._writer_thread = ThreadPoolExecutor(1, "records-writer")
        self._reader_threads = ThreadPoolExecutor(_READER_THREADS, "records-reader")

    async def write(self, job: Job[T]) -> T:
        """Run the job in the writer's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._writer_thread, _transact, self._writer, job)

    async def read(self, job: Job[T]) -> T:
        """Run the job in a reader's thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reader_threads, _transact, self._reader, job)

    async def close(self) -> None:
        """Wait for running jobs, then close the file."""
        await asyncio.to_thread(self._writer_thread.shutdown)
        await asyncio.to_thread(self._reader_threads.shutdown)
        self._writer.dispose()
        self._reader.dispose()

    def _engine(self, synchronous: str, begin: str, connections: int) -> Any:
        engine = create_engine(
            self.url,
            pool_size=connections,
            max_overflow=0,
            connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "check_same_thread": False},
        )

        @event.listens_for(engine, "connect")
        def _configure(connection: sqlite3.Connection, _record: object) -> None:
            # The driver would begin transactions itself, and deferred ones.
            connection.isolation_level = None
            connection.execute("PRAGMA journal_mode=WAL").close()
            connection.execute(f"PRAGMA synchronous={synchronous}").close()

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

        return engine


class PostgresDatabase(Database):
    """A server: a pool of async connections."""

    dialect: Literal["postgresql"] = "postgresql"

    def __init__(self, url: URL) -> None:
        self.url = url.set(drivername="postgresql+psycopg")
        self._engine = create_async_engine(
            self.url,
            pool_size=_POOL_SIZE,
            pool_timeout=CONNECT_TIMEOUT_SECONDS,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MILLISECONDS}",
                # A server that vanished without a word is noticed within half a minute.
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
        )

    async def write(self, job: Job[T]) -> T:
        """Run the job in a transaction."""
        with _translated():
            async with self._engine.begin() as connection:
                return await connection.run_sync(job)

    async def read(self, job: Job[T]) -> T:
        """Run the job in a transaction; every reader is content with read committed."""
        return await self.write(job)

    async def notify(self, channel: str, payloads: list[str]) -> None:
        """Wake other processes, in a transaction of its own.

        Raises:
            DatabaseUnavailable: If the database cannot be reached.
        """
        statement = text("SELECT pg_notify(:channel, :payload)")
        rows = [{"channel": channel, "payload": payload} for payload in payloads]

        def job(connection: Connection) -> None:
            for row in rows:
                connection.execute(statement, row)

        await self.write(job)

    async def listen(self) -> "psycopg.AsyncConnection[Any]":
        """Open a connection of its own for LISTEN; the caller closes it.

        Raises:
            DatabaseUnavailable: If the database cannot be reached.
        """
        conninfo = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            return await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
            )
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(str(error)) from error

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()


def is_deadlock(error: DBAPIError) -> bool:
    """Whether PostgreSQL chose this transaction as the victim: it is worth repeating."""
    return getattr(error.orig, "sqlstate", None) in ("40P01", "40001")


def _transact(engine: Any, job: Job[T]) -> T:
    with _translated(), engine.begin() as connection:
        return job(connection)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable("Every connection to the database is in use.") from error
    except DBAPIError as error:
        if _is_unavailable(error):
            raise DatabaseUnavailable(str(error.orig)) from error
        raise


def _is_unavailable(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        code: int = getattr(error.orig, "sqlite_errorcode", 0)
        return code & 0xFF in _SQLITE_UNAVAILABLE
    if isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError):
        state = error.orig.sqlstate
        return state is None or state.startswith(_POSTGRES_UNAVAILABLE)
    return False
