"""Outcomes and effect starts: at most three starts of one try, and the first outcome counts."""

import time
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select, update

from schema.db.event_log import chunks, nodes
from schema.db.event_log.heads import LockedRun, lock
from schema.db.event_log.insertion import SourcedFact, insert_facts, name_artifacts
from schema.db.event_log.records import (
    EffectAnswer,
    EffectDeferred,
    EffectRefused,
    EffectStart,
    Outcome,
    RecordedOutcome,
    RunFlags,
)
from schema.db.event_log.texts import read_outcome, write_outcome
from schema.db.tables import node_executions, run_heads
from schema.errors import WorkerLost
from schema.facts import NodeFailed, NodeStarted
from schema.limits import MAX_EFFECT_STARTS
from schema.runs import RunRef

_OF_TRY = (
    node_executions.c.run_id == bindparam("run"),
    node_executions.c.node_exec_id == bindparam("exec"),
    node_executions.c.attempt == bindparam("try"),
)
_FIND = select(
    node_executions.c.effect_starts,
    node_executions.c.given_back,
    node_executions.c.outcome,
    node_executions.c.outcome_start,
).where(*_OF_TRY)
_FIND_OUTCOME = (
    select(node_executions.c.outcome, node_executions.c.outcome_start)
    .join_from(node_executions, run_heads, node_executions.c.run_id == run_heads.c.run_id)
    .where(
        *_OF_TRY,
        run_heads.c.tenant_id == bindparam("tenant"),
        run_heads.c.app_id == bindparam("app"),
    )
)
_COUNT_START = update(node_executions).where(*_OF_TRY).values(effect_starts=bindparam("starts"))
_GIVE_BACK = (
    update(node_executions)
    .where(
        *_OF_TRY,
        node_executions.c.outcome.is_(None),
        node_executions.c.effect_starts == bindparam("start"),
        node_executions.c.given_back < node_executions.c.effect_starts,
    )
    .values(given_back=node_executions.c.given_back + 1)
)
_RECORD = (
    update(node_executions)
    .where(*_OF_TRY)
    .values(outcome=bindparam("text"), outcome_start=bindparam("start"))
)


def begin_effect(
    connection: Connection,
    ref: RunRef,
    temporal_run_id: str,
    node: NodeStarted,
    path: str,
    activity_id: str,
    pauses: int,
) -> EffectAnswer:
    """Count an effect start in one transaction; see `EventLog.begin_effect`."""
    run = lock(connection, ref)
    row = connection.execute(_FIND, _try_of(ref, node.node_exec_id, node.attempt)).one_or_none()
    if row is not None and row.outcome is not None:
        return RecordedOutcome(read_outcome(row.outcome), row.outcome_start, head=run.head())
    if run.status.is_terminal or run.stop_requested:
        return EffectRefused(run.head())
    starts, given_back = (0, 0) if row is None else (row.effect_starts, row.given_back)
    if starts == 0 and RunFlags(False, run.pauses).is_paused_after(pauses):
        return EffectDeferred()
    if starts - given_back >= MAX_EFFECT_STARTS:
        lost = Outcome(_worker_lost(node))
        return record(run, f"{temporal_run_id}/{activity_id}@0", 0, lost)
    number = starts + 1
    src = f"{temporal_run_id}/{activity_id}@{number}"
    told = 1
    if number == 1:
        insert_facts(run, [SourcedFact(src, 1, node)])
        nodes.record_rows(
            connection,
            ref.run_id,
            {(node.node_exec_id, node.attempt): {"effect_starts": 1, "path": path}},
        )
    else:
        connection.execute(
            _COUNT_START, {**_try_of(ref, node.node_exec_id, node.attempt), "starts": number}
        )
        told = chunks.void_earlier(run, src, node, number)
    run.save()
    return EffectStart(number, run.head(), told)


def give_back(
    connection: Connection, ref: RunRef, node_exec_id: str, attempt: int, start: int
) -> bool:
    """Take back the count of the latest start; see `EventLog.give_back_effect`."""
    lock(connection, ref)
    parameters = {**_try_of(ref, node_exec_id, attempt), "start": start}
    return connection.execute(_GIVE_BACK, parameters).rowcount > 0


def record_outcome(
    connection: Connection,
    ref: RunRef,
    temporal_run_id: str,
    activity_id: str,
    start: int,
    outcome: Outcome,
    texts: Mapping[str, str],
) -> RecordedOutcome:
    """Record how a try ended in one transaction; see `EventLog.record_outcome`."""
    run = lock(connection, ref)
    fact = outcome.fact
    row = connection.execute(_FIND, _try_of(ref, fact.node_exec_id, fact.attempt)).one_or_none()
    if row is not None and row.outcome is not None:
        return RecordedOutcome(read_outcome(row.outcome), row.outcome_start, head=run.head())
    src = f"{temporal_run_id}/{activity_id}@{start}"
    if row is not None and 0 < start != row.effect_starts and not run.status.is_terminal:
        chunks.replace(run, src, fact, row.effect_starts, texts)
    return record(run, src, start, outcome)


def record(run: LockedRun, src: str, start: int, outcome: Outcome) -> RecordedOutcome:
    """Write the outcome, and its fact while the run is open (after the end only seeds need it)."""
    fact = outcome.fact
    if not run.status.is_terminal:
        insert_facts(run, [SourcedFact(src, chunks.last_number(run, src) + 1, fact)])
    text = write_outcome(outcome)
    parameters = _try_of(run.ref, fact.node_exec_id, fact.attempt)
    run.connection.execute(_RECORD, {**parameters, "text": text, "start": start})
    name_artifacts(run.connection, run.ref, [text])
    run.save()
    return RecordedOutcome(outcome, start, is_new=True, head=run.head())


def find_outcome(
    connection: Connection, ref: RunRef, node_exec_id: str, attempt: int
) -> RecordedOutcome | None:
    """Look for a recorded outcome."""
    parameters = _try_of(ref, node_exec_id, attempt)
    parameters |= {"tenant": ref.tenant_id, "app": ref.app_id}
    row = connection.execute(_FIND_OUTCOME, parameters).one_or_none()
    if row is None or row.outcome is None:
        return None
    return RecordedOutcome(read_outcome(row.outcome), row.outcome_start)


def _worker_lost(node: NodeStarted) -> NodeFailed:
    return NodeFailed(
        at=time.time(),
        node_exec_id=node.node_exec_id,
        node_id=node.node_id,
        attempt=node.attempt,
        error=f"The worker was lost {MAX_EFFECT_STARTS} times while it executed this node.",
        error_type=WorkerLost.error_type,
    )


def _try_of(ref: RunRef, node_exec_id: str, attempt: int) -> dict[str, str | int]:
    return {"run": ref.run_id, "exec": node_exec_id, "try": attempt}
