"""Writes many rows with one statement, without what SQLAlchemy does for each of them.

The statement is SQLAlchemy's and compiled once; the values of a batch are bound column by column,
and a value that stands in many rows (the run, the source) is prepared once. For the hundred facts
of a run this takes a third of the time.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect

from schema.db.event_log.upserts import Insert


class BulkInsert:
    """An INSERT of given columns, for one database.

    Args:
        statement: Without values; it may say ON CONFLICT.
        names: The columns that every row has.
        dialect: The database.
    """

    def __init__(self, statement: Insert, names: Sequence[str], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        self._sql = str(compiled)
        self._names: list[str] = list(compiled.positiontup or names)
        self._is_positional = compiled.positional
        columns = statement.table.c
        self._prepare = [columns[name].type.bind_processor(dialect) for name in self._names]

    def execute(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows, in their order."""
        columns = [
            _prepared([row[name] for row in rows], prepare)
            for name, prepare in zip(self._names, self._prepare, strict=True)
        ]
        bound = list(zip(*columns, strict=True))
        if self._is_positional:
            connection.exec_driver_sql(self._sql, bound)
        else:
            named = [dict(zip(self._names, values, strict=True)) for values in bound]
            connection.exec_driver_sql(self._sql, named)


def _prepared(values: list[Any], prepare: Callable[[Any], Any] | None) -> list[Any]:
    if prepare is None:
        return values
    known: dict[Any, Any] = {}
    for value in values:
        if value not in known:
            known[value] = prepare(value)
    return [known[value] for value in values]
