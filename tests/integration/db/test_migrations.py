"""One history brings both databases to the declared schema."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from schema.db import tables
from schema.db.engine import open_database
from schema.db.migrate import migrate
from schema.db.revision import is_migrated
from schema.errors import SetupError

pytestmark = pytest.mark.anyio


async def test_an_empty_database_gets_the_declared_schema(empty_database_url: str) -> None:
    database = open_database(empty_database_url)

    await migrate(database)
    difference = await database.read(_difference)
    await database.close()

    assert difference == []


async def test_processes_that_start_at_once_do_not_collide(empty_database_url: str) -> None:
    databases = [open_database(empty_database_url) for _ in range(6)]

    await asyncio.gather(*map(migrate, databases))
    names = await databases[0].read(lambda connection: set(inspect(connection).get_table_names()))
    await asyncio.gather(*(database.close() for database in databases))

    assert names == {*tables.runs.metadata.tables, "alembic_version"}


async def test_a_database_of_a_newer_build_is_refused(empty_database_url: str) -> None:
    database = open_database(empty_database_url)
    await migrate(database)
    await database.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num='9z'"))
    )

    with pytest.raises(SetupError, match=r"newer version of Holdfast.*9z"):
        await migrate(database)
    await database.close()


async def test_whether_a_database_is_migrated_is_told_without_alembic(
    empty_database_url: str,
) -> None:
    database = open_database(empty_database_url)

    before = await is_migrated(database)
    await migrate(database)
    after = await is_migrated(database)
    await database.close()

    assert (before, after) == (False, True)


@pytest.mark.parametrize("url", ["no url", "mysql://localhost/x"])
def test_another_database_is_refused_by_name(url: str) -> None:
    with pytest.raises(SetupError, match="DATABASE_URL"):
        open_database(url)


def _difference(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    differences: list[object] = compare_metadata(context, tables.runs.metadata)
    return differences
