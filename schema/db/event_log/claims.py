"""Claims: somebody gives a try up and takes its outcome, unless one is recorded already.

Whoever gives up must not guess: the activity may have ended meanwhile, or end later. The row of the
try decides, and the first outcome in it counts (invariant 10).
"""

import time

from sqlalchemy import Connection, bindparam, select

from schema.activities import ClaimAs, GivenUpTry
from schema.db.event_log import nodes
from schema.db.event_log.effects import record
from schema.db.event_log.heads import LockedRun, lock
from schema.db.event_log.insertion import SourcedFact, insert_facts
from schema.db.event_log.records import Outcome, RecordedOutcome
from schema.db.event_log.texts import read_outcome
from schema.db.tables import node_executions
from schema.errors import WorkerLost
from schema.facts import NodeFailed, NodeFinished, NodeStarted
from schema.runs import NodeExecutionStatus, RunRef

_FIND = select(
    node_executions.c.effect_starts, node_executions.c.outcome, node_executions.c.outcome_start
).where(
    node_executions.c.run_id == bindparam("run"),
    node_executions.c.node_exec_id == bindparam("exec"),
    node_executions.c.attempt == bindparam("try"),
)


def claim(
    connection: Connection,
    ref: RunRef,
    temporal_run_id: str,
    given_up: GivenUpTry,
    claim_as: ClaimAs,
    reason: str,
) -> RecordedOutcome:
    """Take the outcome of a try in one transaction; see `EventLog.claim_outcome`."""
    run = lock(connection, ref)
    node = given_up.node
    key = {"run": ref.run_id, "exec": node.node_exec_id, "try": node.attempt}
    row = connection.execute(_FIND, key).one_or_none()
    if row is not None and row.outcome is not None:
        return RecordedOutcome(read_outcome(row.outcome), row.outcome_start, head=run.head())
    src = f"{temporal_run_id}/{given_up.activity_id}@0"
    if not run.status.is_terminal and (row is None or row.effect_starts == 0):
        _tell_start(run, src, given_up)
    return record(run, src, 0, Outcome(_ended(node, claim_as, reason)))


def _tell_start(run: LockedRun, src: str, given_up: GivenUpTry) -> None:
    """Tell that a try began whose activity never did: a record has a beginning and an end."""
    node = given_up.node
    key = (node.node_exec_id, node.attempt)
    insert_facts(run, [SourcedFact(src, 1, node)])
    nodes.record_rows(run.connection, run.ref.run_id, {key: {"path": given_up.path}})


def _ended(node: NodeStarted, claim_as: ClaimAs, reason: str) -> NodeFailed | NodeFinished:
    now = time.time()
    if claim_as is ClaimAs.LOST:
        return NodeFailed(
            at=now,
            node_exec_id=node.node_exec_id,
            node_id=node.node_id,
            attempt=node.attempt,
            error=reason,
            error_type=WorkerLost.error_type,
            elapsed_time=max(0.0, now - node.at),
        )
    return NodeFinished(
        at=now,
        node_exec_id=node.node_exec_id,
        node_id=node.node_id,
        attempt=node.attempt,
        status=NodeExecutionStatus.STOPPED,
        error=reason,
        elapsed_time=max(0.0, now - node.at),
    )
