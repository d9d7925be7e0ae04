"""Transactions hold no I/O, begin as writers, and are committed before anybody is told."""

import ast
import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection

from schema.db import sqlite
from schema.db.engine import open_database
from schema.db.event_log import EventLog
from schema.errors import DatabaseUnavailable
from tests.integration.db.facts import NONE_YET, a_run, numbered, started
from tests.sources import is_within, sources

pytestmark = pytest.mark.anyio

JOBS = "schema.db.event_log"


def test_inv_13_what_runs_in_a_transaction_cannot_wait() -> None:
    """A job is given the connection; as a plain function it can await nothing."""
    given_connection = [
        (source.place, node.name, isinstance(node, ast.AsyncFunctionDef))
        for source in sources("schema")
        if is_within(source.module, JOBS)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(argument.arg == "connection" for argument in node.args.args)
    ]

    assert given_connection
    assert not [place for *place, may_wait in given_connection if may_wait]


async def test_inv_13_a_start_is_acknowledged_when_its_row_is_committed(
    event_log: EventLog, database_url: str
) -> None:
    run = await a_run(event_log)

    other_process = open_database(database_url)
    log = EventLog(other_process)
    seen = await log.read(run)
    await log.close()
    await other_process.close()

    assert [entry.fact.type for entry in seen] == ["RunStarted"]


async def test_inv_13_a_fact_is_acknowledged_when_it_is_committed(
    event_log: EventLog, database_url: str
) -> None:
    run = await a_run(event_log)
    head = await event_log.append(run, "T1", numbered([started()]), NONE_YET)

    other_process = open_database(database_url)
    log = EventLog(other_process)
    seen = await log.read(run)
    await log.close()
    await other_process.close()

    assert seen[-1].seq == head.last_seq


async def test_inv_13_a_writer_of_sqlite_holds_the_lock_before_it_reads(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that began as a reader could neither write nor be repeated."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.2)
    path = tmp_path / "records.db"
    shutil.copy(sqlite_template, path)
    database = open_database(f"sqlite:///{path}")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    reached: list[str] = []

    def job(_connection: Connection) -> None:
        reached.append("job")

    with pytest.raises(DatabaseUnavailable):
        await database.write(job)
    other.close()
    await database.close()

    assert not reached
