"""The database of the records: SQLite or PostgreSQL behind one URL, errors translated.

A transaction is a *job*: a plain function of a connection, which cannot await anything, so that no
transaction ever spans I/O of another kind (invariant 13). Each kind is a module of its own, loaded
when a URL names it: the driver of the other one costs a command a tenth of a second.
"""

import importlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal, TypeAlias, TypeVar

from sqlalchemy import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from schema.errors import DatabaseUnavailable, SetupError

T = TypeVar("T")
Job: TypeAlias = Callable[[Connection], T]
"""One transaction's work."""
Synchronous: TypeAlias = Literal["normal", "full"]

_EXAMPLES = "Set it to sqlite:///path or postgresql://user@host/name."
_MODULES = {
    "sqlite": "schema.db.sqlite",
    "postgresql": "schema.db.postgres",
    "postgres": "schema.db.postgres",
}


class Database(ABC):
    """The records' database; made by `open_database`, closed by whoever opened it."""

    url: URL
    tells_commits: bool = False
    """Whether `announce` and `announcements` reach other processes; without it they must poll."""

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
        """Run a job that only reads.

        Raises:
            DatabaseUnavailable: If the database cannot be reached.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close every connection."""

    @abstractmethod
    async def announce(self, messages: Sequence[str]) -> None:
        """Tell other processes, in a transaction of its own, where the database can.

        Raises:
            DatabaseUnavailable: If the database cannot be reached.
        """

    @abstractmethod
    def announcements(self) -> AsyncGenerator[str, None]:
        """Hear what any process announces from now on; the first message is empty.

        Raises:
            DatabaseUnavailable: If the database cannot be reached any more.
        """


def open_database(url: str, synchronous: Synchronous = "normal") -> Database:
    """Open the database of a URL; no connection is made yet.

    Args:
        url: `sqlite:///path`, `postgresql://user@host/name`; a driver in it is ignored.
        synchronous: SQLite only; `normal` may lose last commits in a power cut (architecture 8).

    Raises:
        SetupError: If the URL is of another database or is no URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise SetupError(f"DATABASE_URL is no URL. {_EXAMPLES}") from error
    kind = parsed.get_backend_name()
    if kind not in _MODULES:
        raise SetupError(f"DATABASE_URL names {kind!r}. {_EXAMPLES}")
    database: Database = importlib.import_module(_MODULES[kind]).connect(parsed, synchronous)
    return database


def is_deadlock(error: DBAPIError) -> bool:
    """Whether the server chose this transaction as the victim: it is worth repeating."""
    return getattr(error.orig, "sqlstate", None) in ("40P01", "40001")


@contextmanager
def translated(is_unavailable: Callable[[BaseException | None], bool]) -> Iterator[None]:
    """Turn errors of a database that is away into `DatabaseUnavailable`; others pass.

    Args:
        is_unavailable: Tells it by the driver's error.
    """
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable("Every connection to the database is in use.") from error
    except DBAPIError as error:
        if error.connection_invalidated or is_unavailable(error.orig):
            raise DatabaseUnavailable(str(error.orig)) from error
        raise
