"""Whether a database has the newest schema, told without loading what migrates it.

Alembic costs a command a third of a second that finds nothing to do almost always.
"""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from schema.db.engine import Database

_VERSIONS = Path(__file__).parent / "migrations" / "versions"


def newest_revision() -> str:
    """Name the newest revision: files of revisions are numbered.

    Example:
        >>> newest_revision() >= "0001"
        True
    """
    return max(file.stem.partition("_")[0] for file in _VERSIONS.glob("[0-9]*.py"))


async def is_migrated(database: Database) -> bool:
    """Whether `migrate` would find nothing to do.

    Raises:
        DatabaseUnavailable: If it cannot be reached.
    """
    return await database.read(_is_newest)


def _is_newest(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return found == [newest_revision()]
