"""INSERT ... ON CONFLICT for both databases, which spell it alike but in classes of their own."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

Insert: TypeAlias = postgresql.Insert | sqlite.Insert


def insert_into(dialect: str, table: Table) -> Insert:
    """Begin an insert that can say ON CONFLICT."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


def on_conflict_update(
    dialect: str,
    table: Table,
    key: tuple[str, ...],
    change: Callable[[Any], Mapping[str, Any]],
) -> Insert:
    """Build an upsert.

    Args:
        dialect: Name of the database.
        table: Where to.
        key: Columns of the primary key.
        change: Gives the new values of a row that exists, from the row that was to be inserted.
    """
    statement = insert_into(dialect, table)
    return statement.on_conflict_do_update(index_elements=key, set_=change(statement.excluded))
