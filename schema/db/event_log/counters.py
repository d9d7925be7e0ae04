"""Counters of open runs, from their node rows (dify-nodes 2.6 and 2.9).

Every failed try counts as an exception, also one that was retried or absorbed; steps and tokens are
those of the outermost graph. Ended runs have the interpreter's own numbers in their row.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, case, func, select

from schema.db.tables import node_executions
from schema.runs import NodeExecutionStatus


class Counters(NamedTuple):
    """What a run has counted so far."""

    exceptions_count: int = 0
    total_steps: int = 0
    total_tokens: int = 0


_FAILED = (
    NodeExecutionStatus.FAILED,
    NodeExecutionStatus.EXCEPTION,
    NodeExecutionStatus.RETRY,
)
_OUTERMOST = and_(node_executions.c.iteration_id.is_(None), node_executions.c.loop_id.is_(None))
_COUNT = (
    select(
        node_executions.c.run_id,
        func.sum(case((node_executions.c.status.in_(_FAILED), 1), else_=0)),
        func.sum(case((_OUTERMOST, 1), else_=0)),
        func.sum(case((_OUTERMOST, node_executions.c.total_tokens), else_=0)),
    )
    .where(node_executions.c.run_id.in_(bindparam("runs", expanding=True)))
    .group_by(node_executions.c.run_id)
)


def count(connection: Connection, run_id: str) -> Counters:
    """Count for one run."""
    return count_all(connection, [run_id]).get(run_id, Counters())


def count_all(connection: Connection, run_ids: Sequence[str]) -> Mapping[str, Counters]:
    """Count for several runs; one without nodes is left out."""
    if not run_ids:
        return {}
    rows = connection.execute(_COUNT, {"runs": list(run_ids)})
    return {run_id: Counters(*map(int, numbers)) for run_id, *numbers in rows}
