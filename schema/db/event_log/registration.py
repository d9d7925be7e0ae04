"""Makes the row of a run, which is the outbox of its start (architecture 3.1)."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Executable, insert

from schema.db.event_log.heads import LockedRun
from schema.db.event_log.insertion import SourcedFact, insert_events, name_artifacts
from schema.db.event_log.run_secrets import insert_secrets
from schema.db.event_log.texts import write_model, write_value
from schema.db.event_log.upserts import insert_into
from schema.db.tables import run_heads, runs
from schema.facts import START_SRC, RunStarted
from schema.plan import AppMode
from schema.run_secrets import StoredSecret
from schema.runs import RunInput, RunRef, RunStatus

_TRIGGERED_FROM = {"debugging", "webhook", "schedule", "plugin"}
"""Triggers that Dify has a word of its own for; every other start is an `app-run`."""
_BY_END_USERS = {"api", "web", "webhook", "plugin"}
_INSERT_HEAD = insert(run_heads)


def register(
    connection: Connection,
    row: dict[str, Any],
    started: RunStarted,
    secrets: Sequence[StoredSecret] = (),
) -> bool:
    """Insert row, head, secrets and first fact; nothing if the run is known."""
    inserted = connection.execute(_insert_run(connection.dialect.name), row)
    if inserted.scalar_one_or_none() is None:
        return False
    # Nobody else can see the run before the commit.
    run = LockedRun(
        connection=connection,
        ref=RunRef(run_id=row["run_id"], tenant_id=row["tenant_id"], app_id=row["app_id"]),
        status=RunStatus.RUNNING,
        stop_requested=False,
        last_seq=0,
        temporal_run_id=None,
        was_reset=False,
        pauses=0,
    )
    insert_events(run, [SourcedFact(START_SRC, 1, started)])
    name_artifacts(connection, run.ref, [row["run_input"]])
    insert_secrets(connection, run.ref, secrets)
    connection.execute(
        _INSERT_HEAD,
        {
            "run_id": run.ref.run_id,
            "tenant_id": run.ref.tenant_id,
            "app_id": run.ref.app_id,
            "last_seq": run.last_seq,
            "state": run.status,
            "stop_requested": run.stop_requested,
            "was_reset": run.was_reset,
        },
    )
    return True


@cache
def _insert_run(dialect: str) -> Executable:
    """Build the statement once: building it costs more than running it."""
    statement = insert_into(dialect, runs).on_conflict_do_nothing(index_elements=["run_id"])
    return statement.returning(runs.c.run_id)


def to_row(
    run_input: RunInput, at: float, parent_run_id: str | None
) -> tuple[dict[str, Any], RunStarted]:
    """Give the row of a new run and its first fact."""
    inputs = run_input.inputs | {f"sys.{name}": v for name, v in run_input.system.items()}
    plan = run_input.plan
    started = RunStarted(at=at, inputs=inputs, plan_sha=plan.plan_sha)
    trigger = run_input.trigger
    row = {
        "run_id": run_input.run_id,
        "tenant_id": run_input.tenant_id,
        "app_id": run_input.app_id,
        "workflow_id": run_input.workflow_id,
        "conversation_id": _conversation_id(run_input),
        "type": "chat" if plan.mode is AppMode.ADVANCED_CHAT else "workflow",
        "triggered_from": trigger if trigger in _TRIGGERED_FROM else "app-run",
        "trigger": trigger,
        "version": "draft",
        "plan_sha": plan.plan_sha,
        "interp": run_input.interp,
        "run_input": write_model(run_input),
        "inputs": write_value(inputs),
        "status": RunStatus.RUNNING,
        "elapsed_time": 0.0,
        "total_tokens": 0,
        "total_steps": 0,
        "exceptions_count": 0,
        "created_by_role": "end_user" if trigger in _BY_END_USERS else "account",
        "created_by": run_input.created_by,
        "created_at": run_input.created_at or at,
        "parent_run_id": parent_run_id,
        "seed_run_id": run_input.seed_run_id or None,
        "temporal_workflow_id": f"run-{run_input.run_id}",
    }
    return row, started


def _conversation_id(run_input: RunInput) -> str | None:
    value = run_input.system.get("conversation_id")
    return value if isinstance(value, str) and value else None
