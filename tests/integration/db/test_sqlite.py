"""How a SQLite file is opened while other processes use it."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from schema.db import sqlite
from schema.db.engine import open_database
from schema.errors import DatabaseUnavailable

pytestmark = pytest.mark.anyio


@contextlib.contextmanager
def a_writer(file: Path) -> Iterator[sqlite3.Connection]:
    """Another process in the middle of its first transaction on a new file."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE").close()
    other.execute("CREATE TABLE other (x)").close()
    yield other
    other.close()


async def test_who_opens_a_new_file_waits_for_the_writer_in_it(tmp_path: Path) -> None:
    file = tmp_path / "new.db"
    database = open_database(f"sqlite:///{file}")

    with a_writer(file) as other:
        threading.Timer(0.2, other.commit).start()
        mode = await database.write(_journal_mode)
    await database.close()

    assert mode == "wal"


async def test_that_wait_has_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.1)
    file = tmp_path / "new.db"
    database = open_database(f"sqlite:///{file}")

    with a_writer(file), pytest.raises(DatabaseUnavailable, match="locked"):
        await database.write(_journal_mode)
    await database.close()


async def test_a_file_in_use_is_opened_without_waiting(tmp_path: Path) -> None:
    file = tmp_path / "used.db"
    before, after = open_database(f"sqlite:///{file}"), open_database(f"sqlite:///{file}")
    await before.write(_journal_mode)

    with a_writer(file):
        began = time.monotonic()
        mode = await after.read(_journal_mode)
        seconds = time.monotonic() - began
    await before.close()
    await after.close()

    assert mode == "wal"
    assert seconds < sqlite.BUSY_TIMEOUT_SECONDS / 2


async def test_many_that_open_a_new_file_at_once_all_get_it(tmp_path: Path) -> None:
    for number in range(30):
        url = f"sqlite:///{tmp_path / f'{number}.db'}"
        databases = [open_database(url) for _ in range(8)]
        modes = await asyncio.gather(*(database.write(_journal_mode) for database in databases))
        await asyncio.gather(*(database.close() for database in databases))
        assert set(modes) == {"wal"}


def _journal_mode(connection: Connection) -> str:
    return str(connection.execute(text("PRAGMA journal_mode")).scalar_one())
