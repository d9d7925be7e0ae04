"""Streamed text in the log, fenced by the number of the effect start (architecture 3.3).

Only the latest start of a try streams. A new one voids what the one before told; an outcome that
another start than the latest records voids what they told and gives its own text as one whole.
"""

import time
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select

from schema.db.event_log.heads import LockedRun, lock
from schema.db.event_log.insertion import SourcedFact, insert_facts
from schema.db.event_log.records import ChunkAnswer
from schema.db.tables import node_executions, run_events
from schema.facts import (
    NodeFact,
    NodeFailed,
    NodeFinished,
    NodeStarted,
    ReasoningProduced,
    TextProduced,
    TextReplaced,
    TextVoided,
)
from schema.runs import RunRef

_LATEST = select(node_executions.c.effect_starts, node_executions.c.outcome).where(
    node_executions.c.run_id == bindparam("run"),
    node_executions.c.node_exec_id == bindparam("exec"),
    node_executions.c.attempt == bindparam("try"),
)
_CHUNKS = (
    select(run_events.c.seq)
    .where(
        run_events.c.run_id == bindparam("run"),
        run_events.c.node_exec_id == bindparam("exec"),
        run_events.c.attempt == bindparam("try"),
        run_events.c.type.in_(("TextProduced", "ReasoningProduced")),
    )
    .limit(1)
)
_LAST_NUMBER = select(func.max(run_events.c.src_seq)).where(
    run_events.c.run_id == bindparam("run"), run_events.c.src == bindparam("of")
)


def append_chunks(
    connection: Connection,
    ref: RunRef,
    src: str,
    first: int,
    chunks: Sequence[TextProduced | ReasoningProduced],
) -> ChunkAnswer:
    """Append what one start streamed, in one transaction; see `EventLog.append_chunks`."""
    run = lock(connection, ref)
    head = run.head()
    if head.ended is not None or not chunks:
        return ChunkAnswer(head)
    row = connection.execute(_LATEST, _try_of(run, chunks[0])).one_or_none()
    if row is None or row.outcome is not None or row.effect_starts != chunks[0].start:
        return ChunkAnswer(head, is_fenced=True)
    known = last_number(run, src)
    fresh = [
        SourcedFact(src, number, fact)
        for number, fact in enumerate(chunks, first)
        if number > known
    ]
    if fresh:
        insert_facts(run, fresh)
        run.save()
    return ChunkAnswer(head)


def void_earlier(run: LockedRun, src: str, node: NodeStarted, number: int) -> int:
    """Void what earlier starts streamed: this one streams it again; give the facts told."""
    if not _has_chunks(run, node):
        return 0
    insert_facts(run, [SourcedFact(src, 1, _void(node, number))])
    return 1


def replace(
    run: LockedRun,
    src: str,
    fact: NodeFinished | NodeFailed,
    latest: int,
    texts: Mapping[str, str],
) -> None:
    """Put the whole text of a start that is not the latest in place of what others streamed."""
    if not _has_chunks(run, fact):
        return
    told: list[NodeFact] = [_void(fact, latest + 1)]
    told += [
        TextReplaced(
            at=fact.at,
            node_exec_id=fact.node_exec_id,
            node_id=fact.node_id,
            attempt=fact.attempt,
            name=name,
            text=text,
        )
        for name, text in texts.items()
    ]
    first = last_number(run, src) + 1
    insert_facts(run, [SourcedFact(src, n, each) for n, each in enumerate(told, first)])  # type: ignore[arg-type]  # each is a Fact


def last_number(run: LockedRun, src: str) -> int:
    """Give the number of the last fact of a source, 0 if there is none."""
    found = run.connection.execute(_LAST_NUMBER, {"run": run.ref.run_id, "of": src})
    return found.scalar_one() or 0


def _void(node: NodeFact, before_start: int) -> TextVoided:
    return TextVoided(
        at=time.time(),
        node_exec_id=node.node_exec_id,
        node_id=node.node_id,
        attempt=node.attempt,
        before_start=before_start,
    )


def _has_chunks(run: LockedRun, node: NodeFact) -> bool:
    return run.connection.execute(_CHUNKS, _try_of(run, node)).one_or_none() is not None


def _try_of(run: LockedRun, node: NodeFact) -> dict[str, str | int]:
    return {"run": run.ref.run_id, "exec": node.node_exec_id, "try": node.attempt}
