"""A database that is away is told apart from a mistake, and waited for."""

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from schema.db import sqlite
from schema.db.engine import Database, open_database
from schema.db.event_log import EventLog
from schema.db.migrate import migrate
from schema.errors import DatabaseUnavailable
from schema.runs import RunRef
from tests.integration.db.facts import NONE_YET, a_run, numbered, started

pytestmark = pytest.mark.anyio

NOWHERE = ["sqlite:////nonexistent/folder/records.db", "postgresql://postgres@127.0.0.1:1/x"]


@pytest.mark.parametrize("url", NOWHERE, ids=["sqlite", "postgresql"])
async def test_inv_09_a_database_that_is_away_is_unavailable(url: str) -> None:
    database = open_database(url)
    log = EventLog(database)

    requests = [log.append(RunRef(run_id=f"r{n}"), "T1", [], NONE_YET) for n in range(3)]
    answers = await asyncio.gather(*requests, log.list_open_runs(), return_exceptions=True)

    assert [type(answer) for answer in answers] == [DatabaseUnavailable] * 4
    await log.close()
    await database.close()


async def test_a_mistake_is_not_taken_for_an_outage(database: Database) -> None:
    with pytest.raises(DBAPIError) as raised:
        await database.write(lambda connection: connection.execute(text("SELECT no_such_column")))

    assert not isinstance(raised.value, DatabaseUnavailable)


async def test_waiting_ends_when_the_database_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    database = open_database(f"sqlite:///{folder / 'records.db'}")
    log = EventLog(database)
    waiting = asyncio.create_task(log.wait_until_available())
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(waiting)

    still_waiting = not waiting.done()
    folder.mkdir()
    async with asyncio.timeout(60):
        await waiting

    assert still_waiting
    await migrate(database)
    await a_run(log)
    await log.close()
    await database.close()


async def test_a_writer_waits_for_another_process_and_then_gives_up(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.2)
    path = tmp_path / "records.db"
    shutil.copy(sqlite_template, path)
    database = open_database(f"sqlite:///{path}")
    log = EventLog(database)
    run = await a_run(log)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(DatabaseUnavailable, match="locked"):
        await log.append(run, "T1", numbered([started()]), NONE_YET)
    readable = await log.read(run)
    other.execute("ROLLBACK")
    other.close()
    head = await log.append(run, "T1", numbered([started()]), NONE_YET)

    assert len(readable) == 1
    assert head.last_seq == 2
    await log.close()
    await database.close()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_lost_connection_is_an_outage_and_then_replaced(database: Database) -> None:
    def ask(connection: Connection) -> int:
        answer: int = connection.execute(text("SELECT 1")).scalar_one()
        return answer

    await asyncio.gather(*(database.write(ask) for _ in range(3)))
    killer = open_database(database.url.render_as_string(hide_password=False))
    kill = text(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await killer.write(lambda connection: connection.execute(kill).all())
    await killer.close()

    with pytest.raises(DatabaseUnavailable):
        await database.write(ask)
    assert await database.write(ask) == 1
