"""Deletes ended runs with everything of theirs."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    select,
)

from schema.db.event_log.reading import OPEN
from schema.db.event_log.records import PurgeCounts
from schema.db.tables import (
    artifact_references,
    node_executions,
    run_events,
    run_heads,
    run_secrets,
    runs,
)
from schema.runs import RunRef

MAX_RUNS = 100
"""Runs deleted in one transaction."""

_EXPANDED: BindParameter[Any] = bindparam("runs", expanding=True)


def purge(
    connection: Connection,
    tenant_id: str,
    before: float | None,
    run_ids: Sequence[str] | None,
) -> PurgeCounts:
    """Delete up to `MAX_RUNS` ended runs in one transaction; see `EventLog.purge`."""
    condition: ColumnElement[bool] = and_(runs.c.tenant_id == tenant_id, runs.c.status.not_in(OPEN))
    if before is not None:
        condition = and_(condition, runs.c.finished_at < before)
    if run_ids is not None:
        condition = and_(condition, runs.c.run_id.in_(run_ids))
    # Heads first and in order, as every writer does: nothing is told of a run meanwhile.
    chosen = connection.execute(
        select(runs.c.run_id, runs.c.app_id)
        .join_from(runs, run_heads, runs.c.run_id == run_heads.c.run_id)
        .where(condition)
        .order_by(runs.c.run_id)
        .limit(MAX_RUNS)
        .with_for_update(of=run_heads)
    ).all()
    if not chosen:
        return PurgeCounts()
    ids = [row.run_id for row in chosen]
    artifacts = _forget_artifacts(connection, ids)
    facts = _delete(connection, run_events, ids)
    nodes = _delete(connection, node_executions, ids)
    _delete(connection, run_secrets, ids)
    _delete(connection, run_heads, ids)
    return PurgeCounts(
        runs=_delete(connection, runs, ids),
        node_executions=nodes,
        facts=facts,
        artifacts=artifacts,
        run_refs=tuple(
            RunRef(run_id=row.run_id, tenant_id=tenant_id, app_id=row.app_id) for row in chosen
        ),
    )


def _delete(connection: Connection, table: Table, ids: Sequence[str]) -> int:
    result = connection.execute(
        delete(table).where(table.c.run_id.in_(_EXPANDED)), {"runs": list(ids)}
    )
    return result.rowcount


def _forget_artifacts(connection: Connection, ids: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Delete references and tell which artifacts had no other."""
    other = artifact_references.alias()
    named = connection.execute(
        select(artifact_references.c.tenant_id, artifact_references.c.sha256)
        .distinct()
        .where(
            artifact_references.c.run_id.in_(_EXPANDED),
            ~exists().where(
                other.c.tenant_id == artifact_references.c.tenant_id,
                other.c.sha256 == artifact_references.c.sha256,
                other.c.run_id.not_in(_EXPANDED),
            ),
        ),
        {"runs": list(ids)},
    ).all()
    _delete(connection, artifact_references, ids)
    return tuple(sorted((row.tenant_id, row.sha256) for row in named))
