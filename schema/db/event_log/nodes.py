"""Writes the rows of node executions that facts describe."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, null, update
from sqlalchemy.engine import Dialect

from schema.db.base import AuthorText
from schema.db.event_log.bulk import BulkInsert
from schema.db.event_log.projection import KEPT_WHEN_NULL, NodeColumns, NodeKey, project
from schema.db.event_log.upserts import on_conflict_update
from schema.db.tables import node_executions
from schema.facts import Fact
from schema.runs import NodeExecutionStatus

_KEY = ("run_id", "node_exec_id", "attempt")
_DEFAULTS: Mapping[str, Any] = {
    "path": "",
    "index": 0,
    "node_id": "",
    "node_type": "",
    "title": "",
    "status": NodeExecutionStatus.RUNNING,
    "elapsed_time": 0.0,
    "total_tokens": 0,
    "effect_starts": 0,
    "given_back": 0,
}
"""Columns of a new row that nothing has set."""
_UNFINISHED = (
    NodeExecutionStatus.RUNNING,
    NodeExecutionStatus.PAUSED,
    NodeExecutionStatus.HELD,
)

_FAIL_UNFINISHED = (
    update(node_executions)
    .where(
        node_executions.c.run_id == bindparam("run"),
        node_executions.c.status.in_(_UNFINISHED),
    )
    .values(
        status=NodeExecutionStatus.FAILED.value,
        error=func.coalesce(node_executions.c.error, bindparam("reason", type_=AuthorText)),
        finished_at=bindparam("at"),
        elapsed_time=case(
            (node_executions.c.created_at == null(), 0.0),
            else_=bindparam("at") - node_executions.c.created_at,
        ),
    )
)
_FORGET_INLINE = delete(node_executions).where(
    node_executions.c.run_id == bindparam("run"),
    node_executions.c.effect_starts == 0,
    node_executions.c.outcome == null(),
)


def record_facts(connection: Connection, run_id: str, facts: Iterable[Fact]) -> None:
    """Bring node rows up to date with new facts: one statement a combination of columns."""
    record_rows(connection, run_id, project(run_id, facts))


def record_rows(connection: Connection, run_id: str, rows: Mapping[NodeKey, NodeColumns]) -> None:
    """Insert rows, or set the given columns where they exist."""
    batches: dict[frozenset[str], list[dict[str, Any]]] = {}
    for (node_exec_id, attempt), columns in rows.items():
        row = {"run_id": run_id, "node_exec_id": node_exec_id, "attempt": attempt}
        batches.setdefault(frozenset(columns), []).append({**_DEFAULTS, **row, **columns})
    for names, batch in batches.items():
        _upsert(connection.dialect, names).execute(connection, batch)


def fail_unfinished(connection: Connection, run_id: str, error: str | None, at: float) -> None:
    """Mark nodes failed that a failed or stopped run leaves running (dify-nodes 8.2)."""
    connection.execute(_FAIL_UNFINISHED, {"run": run_id, "reason": error, "at": at})


def rebuild(connection: Connection, run_id: str, facts: Iterable[Fact]) -> None:
    """Make the rows again from all facts that count, after some were voided.

    Rows of activities stay: their outcomes are reused whatever the workflow decides.
    """
    connection.execute(_FORGET_INLINE, {"run": run_id})
    record_facts(connection, run_id, facts)


@cache
def _upsert(dialect: Dialect, names: frozenset[str]) -> BulkInsert:
    statement = on_conflict_update(
        dialect.name,
        node_executions,
        _KEY,
        lambda new: {name: _changed(name, new) for name in sorted(names)},
    )
    return BulkInsert(statement, sorted({*_DEFAULTS, *_KEY, *names}), dialect)


def _changed(name: str, new: Any) -> Any:
    if name in KEPT_WHEN_NULL:
        return func.coalesce(new[name], node_executions.c[name])
    return new[name]
