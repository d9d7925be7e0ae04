"""Inserts facts and what follows from them: run state, node rows, conversation variables."""

import time
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.engine import Dialect

from schema.commands import CommandKind
from schema.db.event_log import nodes
from schema.db.event_log.bulk import BulkInsert
from schema.db.event_log.heads import LockedRun
from schema.db.event_log.texts import artifacts_named_in, write_model
from schema.db.event_log.upserts import insert_into, on_conflict_update
from schema.db.tables import artifact_references, conversation_variables, run_events, runs
from schema.facts import CommandApplied, Fact, RunPaused, RunResumed, VariableUpdated
from schema.runs import RunRef, RunStatus
from schema.values.encoding import encode

_SET_STATUS = (
    update(runs).where(runs.c.run_id == bindparam("run")).values(status=bindparam("new_status"))
)
_CONVERSATION = select(runs.c.conversation_id).where(runs.c.run_id == bindparam("run"))


_PAUSING = (CommandKind.PAUSE, CommandKind.RESUME)


class SourcedFact(NamedTuple):
    """A fact under its full `src` in the log."""

    src: str
    src_seq: int
    fact: Fact


def insert_facts(run: LockedRun, facts: Sequence[SourcedFact]) -> None:
    """Insert facts that are known to be new, with everything that follows from them."""
    if not facts:
        return
    insert_events(run, facts)
    told = [entry.fact for entry in facts]
    nodes.record_facts(run.connection, run.ref.run_id, told)
    _set_variables(run, told)
    change_status(run, told)
    run.pauses += sum(map(_turns_pause, told))


def insert_events(run: LockedRun, facts: Sequence[SourcedFact]) -> None:
    """Insert facts into the log only."""
    if not facts:
        return
    now = time.time()
    numbers = run.take_numbers(len(facts))
    rows = [
        _row(run.ref.run_id, seq, *entry, now) for seq, entry in zip(numbers, facts, strict=True)
    ]
    _insert_events(run.connection.dialect).execute(run.connection, rows)
    name_artifacts(run.connection, run.ref, (row["payload"] for row in rows))


def change_status(run: LockedRun, facts: Iterable[Fact]) -> None:
    """Follow pauses and resumptions."""
    status = run.status
    for fact in facts:
        if isinstance(fact, RunPaused):
            status = RunStatus.PAUSED
        elif isinstance(fact, RunResumed):
            status = RunStatus.RUNNING
    set_status(run, status)


def set_status(run: LockedRun, status: RunStatus) -> None:
    """Change the state of an open run."""
    if status is not run.status:
        run.status = status
        run.connection.execute(_SET_STATUS, {"run": run.ref.run_id, "new_status": status})


def name_artifacts(connection: Connection, ref: RunRef, texts: Iterable[str | None]) -> None:
    """Note which artifacts a run's texts refer to; `purge` deletes those that nobody names."""
    digests = set[str]().union(*map(artifacts_named_in, texts))
    if digests:
        statement = insert_into(connection.dialect.name, artifact_references)
        connection.execute(
            statement.on_conflict_do_nothing(),
            [
                {"tenant_id": ref.tenant_id, "sha256": digest, "run_id": ref.run_id}
                for digest in sorted(digests)
            ],
        )


@cache
def _insert_events(dialect: Dialect) -> BulkInsert:
    return BulkInsert(insert_into(dialect.name, run_events), run_events.c.keys(), dialect)


def _turns_pause(fact: Fact) -> bool:
    """Whether a fact says that the workflow has paused or resumed itself."""
    return isinstance(fact, CommandApplied) and fact.command in _PAUSING


def _row(
    run_id: str, seq: int, src: str, src_seq: int, fact: Fact, created_at: float
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "seq": seq,
        "type": fact.type,
        "node_exec_id": getattr(fact, "node_exec_id", None),
        "attempt": getattr(fact, "attempt", None),
        "src": src,
        "src_seq": src_seq,
        "payload": write_model(fact),
        "created_at": created_at,
    }


def _set_variables(run: LockedRun, facts: Iterable[Fact]) -> None:
    """Write conversation variables; in order of name, so that two runs lock them alike."""
    updates = {fact.name: fact for fact in facts if isinstance(fact, VariableUpdated)}
    if not updates:
        return
    conversation = run.connection.execute(_CONVERSATION, {"run": run.ref.run_id}).scalar_one()
    if conversation is None:
        return
    statement = on_conflict_update(
        run.connection.dialect.name,
        conversation_variables,
        ("tenant_id", "app_id", "conversation_id", "name"),
        lambda new: {name: new[name] for name in ("value_type", "value", "updated_at")},
    )
    rows = [
        {
            "tenant_id": run.ref.tenant_id,
            "app_id": run.ref.app_id,
            "conversation_id": conversation,
            "name": name,
            "value_type": fact.value_type,
            "value": encode(fact.value),
            "created_at": fact.at,
            "updated_at": fact.at,
        }
        for name, fact in sorted(updates.items())
    ]
    run.connection.execute(statement, rows)
