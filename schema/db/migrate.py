"""Brings a database to the newest schema: one Alembic history for SQLite and PostgreSQL.

Run by every process at its start. Two that start at once take turns; a database that a newer build
has migrated is refused, because this build would misread it.
"""

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from schema.db.engine import Database
from schema.errors import SetupError

_LOCATION = "schema.db:migrations"
_ADVISORY_LOCK = 0x686F6C6466617374
"""Key of the lock that migrating processes take on PostgreSQL; any constant would do."""


async def migrate(database: Database) -> None:
    """Migrate to the newest revision; quick where there is nothing to do.

    Raises:
        SetupError: If the database is of a newer build.
        DatabaseUnavailable: If it cannot be reached.
    """
    if not await database.read(_is_current):
        await database.write(_upgrade)


def _is_current(connection: Connection) -> bool:
    return _current_revision(connection) == _scripts().get_current_head()


def _upgrade(connection: Connection) -> None:
    # A writer of SQLite has the file for itself; on PostgreSQL the lock ends with the transaction.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
    _current_revision(connection)
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _current_revision(connection: Connection) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise SetupError(
            f"The database was migrated by a newer version of Holdfast (revision {revision!r}). "
            "Install that version or use another DATABASE_URL."
        )
    return revision


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", _LOCATION)
    config.set_main_option("path_separator", "os")
    return config
