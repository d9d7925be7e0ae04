"""Databases for tests: every test gets a migrated one of its own, on SQLite and on PostgreSQL.

Import the fixtures into a `conftest.py`. PostgreSQL runs in a temporary folder from the installed
package; where it is missing those tests skip, or fail if `HOLDFAST_REQUIRE` names `postgres`.
"""

import asyncio
import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from schema.db.engine import Database, open_database
from schema.db.event_log import EventLog
from schema.db.migrate import migrate
from schema.settings import Settings

DIALECTS = ("sqlite", "postgresql")
_TEMPLATE = "holdfast_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("records") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@dataclass(frozen=True)
class PostgresServer:
    """A server of the tests' own."""

    url: str
    """Without a database name, ending in `/`."""
    start: Callable[[], None]
    crash: Callable[[], None]


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server in a temporary folder."""
    binaries = _find_postgres()
    if binaries is None:
        reason = "PostgreSQL is not installed (Debian package `postgresql`)"
        if "postgres" in Settings().require:
            pytest.fail(reason)
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="holdfast-postgres-"))
    user = _unprivileged_user()
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    port = _free_port()

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [binaries / program, "-D", folder / "data", *arguments],
            check=True,
            cwd=folder,
            timeout=60,
            stdout=subprocess.DEVNULL,
            # As root the programs refuse to run.
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
        )

    run("initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=60"
    # What it holds need not survive this machine.
    options += " -c fsync=off -c full_page_writes=off"

    def start() -> None:
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")

    def crash() -> None:
        run("pg_ctl", "-m", "immediate", "-w", "stop")

    start()
    try:
        yield PostgresServer(f"postgresql://postgres@127.0.0.1:{port}/", start, crash)
    finally:
        crash()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(postgres: PostgresServer) -> str:
    """URL of a server without a database name, ending in `/`."""
    return postgres.url


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> str:
    """Name of a migrated database to copy."""
    _execute(postgres_server, f"CREATE DATABASE {_TEMPLATE}")
    asyncio.run(_migrate(postgres_server + _TEMPLATE))
    return _TEMPLATE


@pytest.fixture(params=DIALECTS)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a database without tables, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    server: str = request.getfixturevalue("postgres_server")
    name = f"empty_{next(_numbers)}"
    _execute(server, f"CREATE DATABASE {name}")
    return server + name


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a migrated database that nobody else uses, of each kind in turn."""
    if request.param == "sqlite":
        path = tmp_path / "records.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    server: str = request.getfixturevalue("postgres_server")
    template: str = request.getfixturevalue("postgres_template")
    name = f"test_{next(_numbers)}"
    _execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    return server + name


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, open."""
    opened = open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def event_log(database: Database) -> AsyncIterator[EventLog]:
    """An event log over `database`."""
    log = EventLog(database)
    yield log
    await log.close()


async def _migrate(url: str) -> None:
    database = open_database(url)
    await migrate(database)
    await database.close()


def _execute(server: str, statement: str) -> None:
    with psycopg.connect(f"{server}postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


def _find_postgres() -> Path | None:
    newest = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("pg_ctl")
    candidates = [*newest, *([Path(on_path).resolve().parent] if on_path else [])]
    found = (folder for folder in candidates if (folder / "initdb").exists())
    return next(found, None)


def _unprivileged_user() -> pwd.struct_passwd | None:
    """The user to run the server as; None if we are one ourselves."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return pwd.getpwnam("postgres" if "postgres" in names else "nobody")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
