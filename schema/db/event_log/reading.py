"""Reads facts and records; every look-up goes through the tenant (invariant 21)."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, or_, select

from schema.db.event_log.counters import Counters, count_all
from schema.db.event_log.records import NodeExecution, RunRecord
from schema.db.event_log.texts import read_fact, read_outcome, read_run_input, read_value
from schema.db.tables import (
    conversation_variables,
    node_executions,
    run_events,
    run_heads,
    runs,
)
from schema.errors import NotFound
from schema.facts import LoggedFact
from schema.runs import NodeExecutionStatus, RunInput, RunRef, RunStatus

OPEN = (RunStatus.RUNNING, RunStatus.PAUSED)

_OWNED = (
    run_heads.c.run_id == bindparam("run"),
    run_heads.c.tenant_id == bindparam("tenant"),
    run_heads.c.app_id == bindparam("app"),
)
_FACTS = (
    select(run_events.c.seq, run_events.c.src, run_events.c.src_seq, run_events.c.payload)
    .join_from(run_events, run_heads, run_events.c.run_id == run_heads.c.run_id)
    .where(*_OWNED, run_events.c.seq > bindparam("after"))
    .order_by(run_events.c.seq)
    .limit(bindparam("most"))
)
_LIGHT = [column for column in runs.c if column.name != "run_input"]
_RECORDS = select(
    *_LIGHT,
    run_heads.c.stop_requested,
    run_heads.c.last_seq,
    run_heads.c.temporal_run_id,
).join_from(runs, run_heads, runs.c.run_id == run_heads.c.run_id)
_RUN_INPUT = select(runs.c.run_input).where(
    runs.c.run_id == bindparam("run"),
    runs.c.tenant_id == bindparam("tenant"),
    runs.c.app_id == bindparam("app"),
)
_NODES = (
    select(node_executions)
    .where(node_executions.c.run_id == bindparam("run"))
    .order_by(
        node_executions.c.index,
        node_executions.c.created_at,
        node_executions.c.node_exec_id,
        node_executions.c.attempt,
    )
)
_VARIABLES = select(conversation_variables.c.name, conversation_variables.c.value).where(
    conversation_variables.c.tenant_id == bindparam("tenant"),
    conversation_variables.c.app_id == bindparam("app"),
    conversation_variables.c.conversation_id == bindparam("conversation"),
)


def read_facts(connection: Connection, ref: RunRef, after: int, limit: int) -> list[LoggedFact]:
    """Read the facts after a number, in order."""
    parameters = {**_owner(ref), "after": after, "most": limit}
    return [
        LoggedFact.model_construct(seq=seq, src=src, src_seq=src_seq, fact=read_fact(payload))
        for seq, src, src_seq, payload in connection.execute(_FACTS, parameters)
    ]


def find_run(connection: Connection, tenant_id: str, run_id: str) -> RunRecord | None:
    """Read the record of a run, if the tenant has it."""
    found = _records(connection, and_(runs.c.run_id == run_id, runs.c.tenant_id == tenant_id), 1)
    return found[0] if found else None


def find_runs(connection: Connection, tenant_id: str, prefix: str, limit: int) -> list[RunRecord]:
    """Read the newest records of a tenant whose ids begin with a text."""
    begins = runs.c.run_id.startswith(prefix, autoescape=True)
    return _records(connection, and_(runs.c.tenant_id == tenant_id, begins), limit)


def get_run_input(connection: Connection, ref: RunRef) -> RunInput:
    """Read what a run was given.

    Raises:
        NotFound: If the tenant's app has no such run.
    """
    text = connection.execute(_RUN_INPUT, _owner(ref)).scalar_one_or_none()
    if text is None:
        raise NotFound(f"There is no run {ref.run_id!r}.")
    return read_run_input(text)


def list_runs(
    connection: Connection,
    tenant_id: str,
    statuses: Collection[RunStatus],
    limit: int,
    before: str | None,
) -> list[RunRecord]:
    """Read the newest records of a tenant; `before` is the last run of the page before."""
    condition: ColumnElement[bool] = runs.c.tenant_id == tenant_id
    if statuses:
        condition = and_(condition, runs.c.status.in_(sorted(statuses)))
    if before is not None:
        last = find_run(connection, tenant_id, before)
        if last is None:
            raise NotFound(f"There is no run {before!r}.")
        same_time = and_(runs.c.created_at == last.created_at, runs.c.run_id < last.run_id)
        condition = and_(condition, or_(runs.c.created_at < last.created_at, same_time))
    return _records(connection, condition, limit)


def list_open_runs(connection: Connection) -> list[RunRecord]:
    """Read the records of all runs that have not ended, of every tenant: for the reconciler."""
    return _records(connection, runs.c.status.in_(OPEN), None)


def list_node_executions(connection: Connection, ref: RunRef) -> list[NodeExecution]:
    """Read the node rows of a run in the order of their start.

    Raises:
        NotFound: If the tenant's app has no such run.
    """
    run = find_run(connection, ref.tenant_id, ref.run_id)
    if run is None or run.app_id != ref.app_id:
        raise NotFound(f"There is no run {ref.run_id!r}.")
    return [_to_node(row, run) for row in connection.execute(_NODES, {"run": ref.run_id})]


def read_conversation(
    connection: Connection, tenant_id: str, app_id: str, conversation_id: str
) -> dict[str, Any]:
    """Read the variables of a conversation that were ever written, wire form."""
    rows = connection.execute(
        _VARIABLES, {"tenant": tenant_id, "app": app_id, "conversation": conversation_id}
    )
    return {name: read_value(value) for name, value in rows}


def _owner(ref: RunRef) -> dict[str, str]:
    return {"run": ref.run_id, "tenant": ref.tenant_id, "app": ref.app_id}


def _records(
    connection: Connection, condition: ColumnElement[bool], limit: int | None
) -> list[RunRecord]:
    statement = _RECORDS.where(condition)
    statement = statement.order_by(runs.c.created_at.desc(), runs.c.run_id.desc()).limit(limit)
    rows: Sequence[Any] = connection.execute(statement).all()
    counters = count_all(connection, [row.run_id for row in rows if row.status in OPEN])
    return [_to_record(row, counters.get(row.run_id)) for row in rows]


def _to_record(row: Row[Any], counters: Counters | None) -> RunRecord:
    fields = dict(row._mapping)
    if counters is not None:
        fields |= counters._asdict()
    fields["status"] = RunStatus(row.status)
    fields["inputs"] = read_value(row.inputs)
    fields["outputs"] = read_value(row.outputs)
    return RunRecord(**fields)


def _to_node(row: Row[Any], run: RunRecord) -> NodeExecution:
    fields = dict(row._mapping)
    fields["effect_starts"] -= fields.pop("given_back")
    for name in ("inputs", "process_data", "outputs"):
        fields[name] = read_value(fields[name])
    return NodeExecution(
        **fields
        | {
            "execution_metadata": read_value(row.execution_metadata) or {},
            "status": NodeExecutionStatus(row.status),
            "outcome": None if row.outcome is None else read_outcome(row.outcome),
            "tenant_id": run.tenant_id,
            "app_id": run.app_id,
            "workflow_id": run.workflow_id,
            "triggered_from": run.triggered_from,
            "created_by_role": run.created_by_role,
            "created_by": run.created_by,
        }
    )
