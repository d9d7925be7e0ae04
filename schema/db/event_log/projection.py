"""What facts mean for the rows of node executions; pure, so that rows can be rebuilt from the log.

One row a try. Facts of one node may arrive in several batches and, from parallel carriers, in
another order than they happened, so each fact sets its own columns only.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from schema.db.event_log.texts import write_value
from schema.facts import (
    Fact,
    FormExpired,
    FormOpened,
    FormSubmitted,
    NodeFact,
    NodeFailed,
    NodeFinished,
    NodeHeld,
    NodeRetried,
    NodeStarted,
)
from schema.runs import NodeExecutionStatus

NodeKey: TypeAlias = tuple[str, int]
"""(node_exec_id, attempt)."""
NodeColumns: TypeAlias = dict[str, Any]

KEPT_WHEN_NULL = frozenset({"inputs", "process_data", "outputs", "execution_metadata"})
"""A later fact that does not repeat these leaves them as they are."""
_MOST_TOKENS = 2**62


def project(run_id: str, facts: Iterable[Fact]) -> dict[NodeKey, NodeColumns]:
    """Give the columns that facts set, by row, in the order of the facts."""
    rows: dict[NodeKey, NodeColumns] = {}
    for fact in facts:
        columns_of = _COLUMNS.get(type(fact))
        if columns_of is None or not isinstance(fact, NodeFact):
            continue
        row = rows.setdefault((fact.node_exec_id, fact.attempt), {})
        row.setdefault("node_id", fact.node_id)
        row.setdefault("path", fact.node_exec_id.removeprefix(f"{run_id}:"))
        _merge(row, columns_of(fact))
    return rows


def _merge(row: NodeColumns, columns: NodeColumns) -> None:
    for name, value in columns.items():
        if value is None and name in KEPT_WHEN_NULL and name in row:
            continue
        row[name] = value


def _started(fact: NodeStarted) -> NodeColumns:
    # The status of a row is `running` unless some other fact has set it: see `nodes.py`.
    return {
        "node_type": fact.node_type,
        "title": fact.title,
        "index": fact.index,
        "predecessor_node_id": fact.predecessor,
        "iteration_id": fact.iteration_id,
        "iteration_index": fact.iteration_index,
        "loop_id": fact.loop_id,
        "loop_index": fact.loop_index,
        "created_at": fact.at,
    }


def _ended(fact: NodeFailed | NodeRetried | NodeFinished) -> NodeColumns:
    columns: NodeColumns = {
        "inputs": write_value(fact.inputs),
        "process_data": write_value(fact.process_data),
        "outputs": write_value(fact.outputs),
        "error": fact.error,
        "error_type": fact.error_type,
        "execution_metadata": write_value(fact.metadata or None),
        "finished_at": fact.at,
    }
    if fact.elapsed_time:
        columns["elapsed_time"] = fact.elapsed_time
    tokens = fact.metadata.get("total_tokens")
    if isinstance(tokens, int):
        columns["total_tokens"] = min(tokens, _MOST_TOKENS)
    return columns


def _failed(fact: NodeFailed) -> NodeColumns:
    return _ended(fact) | {"status": NodeExecutionStatus.FAILED}


def _retried(fact: NodeRetried) -> NodeColumns:
    return _ended(fact) | {"status": NodeExecutionStatus.RETRY}


def _finished(fact: NodeFinished) -> NodeColumns:
    return _ended(fact) | {"status": fact.status, "handle": fact.handle}


def _held(fact: NodeHeld) -> NodeColumns:
    return {
        "status": NodeExecutionStatus.HELD,
        "error": fact.error,
        "error_type": fact.error_type,
    }


def _waits_for_people(_fact: FormOpened) -> NodeColumns:
    return {"status": NodeExecutionStatus.PAUSED}


def _goes_on(_fact: FormSubmitted | FormExpired) -> NodeColumns:
    return {"status": NodeExecutionStatus.RUNNING}


_COLUMNS: dict[type[Any], Callable[[Any], NodeColumns]] = {
    NodeStarted: _started,
    NodeFailed: _failed,
    NodeRetried: _retried,
    NodeFinished: _finished,
    NodeHeld: _held,
    FormOpened: _waits_for_people,
    FormSubmitted: _goes_on,
    FormExpired: _goes_on,
}
