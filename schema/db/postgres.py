"""Records in PostgreSQL: a pool of async connections, LISTEN and NOTIFY."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, Literal

import psycopg
from sqlalchemy import URL, Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from schema.db.engine import Database, Job, Synchronous, T, translated
from schema.errors import DatabaseUnavailable

CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MILLISECONDS = 30_000
CHANNEL = "run_events"
_POOL_SIZE = 10
_UNAVAILABLE = ("08", "53", "57", "58")
"""Classes of SQLSTATE: connection, resources, operator's intervention, system error."""
_NOTIFY = text("SELECT pg_notify(:channel, :message)")


class PostgresDatabase(Database):
    """A server; each job is a transaction on a connection of the pool."""

    dialect: Literal["postgresql"] = "postgresql"
    tells_commits = True

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
        with translated(_is_unavailable):
            async with self._engine.begin() as connection:
                return await connection.run_sync(job)

    async def read(self, job: Job[T]) -> T:
        """Run the job in a transaction; every reader is content with read committed."""
        return await self.write(job)

    async def close(self) -> None:
        """Close the pool."""
        await self._engine.dispose()

    async def announce(self, messages: Sequence[str]) -> None:
        """Notify whoever listens, in one transaction."""

        def job(connection: Connection) -> None:
            for message in messages:
                connection.execute(_NOTIFY, {"channel": CHANNEL, "message": message})

        await self.write(job)

    async def announcements(self) -> AsyncGenerator[str, None]:
        """Listen on a connection of its own."""
        conninfo = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            connection: psycopg.AsyncConnection[Any] = await psycopg.AsyncConnection.connect(
                conninfo, autocommit=True, connect_timeout=CONNECT_TIMEOUT_SECONDS
            )
            try:
                await connection.execute(f"LISTEN {CHANNEL}")
                yield ""
                async for notification in connection.notifies():
                    yield notification.payload
            finally:
                await connection.close()
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(str(error)) from error


def connect(url: URL, _synchronous: Synchronous) -> Database:
    """Make the database of a URL; `open_database` calls it."""
    return PostgresDatabase(url)


def _is_unavailable(error: BaseException | None) -> bool:
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    return error.sqlstate is None or error.sqlstate.startswith(_UNAVAILABLE)
