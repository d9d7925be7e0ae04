"""Whether a database is up to date is told without loading what migrates it."""

import pytest
from alembic.script import ScriptDirectory

from schema.db.engine import Database, open_database
from schema.db.migrate import _config
from schema.db.revision import is_migrated, newest_revision


def test_the_newest_revision_is_the_head_of_the_history() -> None:
    assert newest_revision() == ScriptDirectory.from_config(_config()).get_current_head()


@pytest.mark.anyio
async def test_a_migrated_database_is_up_to_date(database: Database) -> None:
    assert await is_migrated(database)


@pytest.mark.anyio
async def test_an_empty_database_is_not(empty_database_url: str) -> None:
    empty = open_database(empty_database_url)
    try:
        assert not await is_migrated(empty)
    finally:
        await empty.close()
