"""Temporal resets: which facts a new Temporal run of a workflow takes back.

After a reset the new run tells everything again that its history had not acknowledged, under the
same numbers. So when its first carrier arrives, what older runs told above the acknowledged numbers
never
happened: `RunReset` says so in the log. Continue-as-new needs no case of its own: it carries the
numbering on and everything is acknowledged, so nothing is above. The one difficulty is a fact that
was acknowledged out of order, above one that was not: it stays true, so it is copied to the new
run's name.
"""

import time
from collections.abc import Iterable, Sequence

from sqlalchemy import bindparam, func, select

from schema.db.event_log import nodes
from schema.db.event_log.heads import LockedRun
from schema.db.event_log.insertion import (
    SourcedFact,
    change_status,
    insert_events,
    set_status,
)
from schema.db.event_log.texts import read_fact
from schema.db.tables import run_events
from schema.envelope import Acknowledged
from schema.facts import WORKFLOW_SRC, Fact, RunReset
from schema.runs import RunStatus

_RESET_SRC = "reset"
_KNOWN = (
    select(run_events.c.seq)
    .where(run_events.c.run_id == bindparam("run"), run_events.c.src == bindparam("of"))
    .limit(1)
)
_SOURCES = (
    select(run_events.c.src, func.max(run_events.c.src_seq))
    .where(run_events.c.run_id == bindparam("run"))
    .group_by(run_events.c.src)
)
_RESETS = select(run_events.c.payload).where(
    run_events.c.run_id == bindparam("run"), run_events.c.type == "RunReset"
)
_NUMBERED = select(run_events.c.src_seq, run_events.c.payload).where(
    run_events.c.run_id == bindparam("run"),
    run_events.c.src == bindparam("of"),
    run_events.c.src_seq.in_(bindparam("numbers", expanding=True)),
)
_ALL = (
    select(run_events.c.src, run_events.c.src_seq, run_events.c.payload)
    .where(run_events.c.run_id == bindparam("run"))
    .order_by(run_events.c.seq)
)


def take_over(run: LockedRun, temporal_run_id: str, acknowledged: Acknowledged) -> int | None:
    """Notice a new Temporal run and void what older ones told that it will tell again.

    Returns:
        The number above which facts of `temporal_run_id` itself are void, because a newer run has
        taken over already; None if it counts.
    """
    if acknowledged.src == WORKFLOW_SRC:
        if run.temporal_run_id is None:
            # The first carrier of the run: nobody has told anything that it could take back.
            run.temporal_run_id = temporal_run_id
        if run.temporal_run_id == temporal_run_id:
            return None
    new_src = f"{temporal_run_id}/{acknowledged.src}"
    limits = void_above(_read_resets(run)) if run.was_reset else {}
    if new_src in limits:
        return limits[new_src]
    if not _has_told(run, new_src):
        last_numbers = _last_numbers(run, acknowledged.src)
        _void_older(run, new_src, acknowledged, last_numbers, limits)
        if acknowledged.src == WORKFLOW_SRC:
            run.temporal_run_id = temporal_run_id
    return None


def void_above(resets: Iterable[RunReset]) -> dict[str, int]:
    """Give the last number that counts, for each source that was reset."""
    limits: dict[str, int] = {}
    for reset in resets:
        limits[reset.old_src] = min(reset.after, limits.get(reset.old_src, reset.after))
    return limits


def _has_told(run: LockedRun, src: str) -> bool:
    found = run.connection.execute(_KNOWN, {"run": run.ref.run_id, "of": src})
    return found.scalar_one_or_none() is not None


def _read_resets(run: LockedRun) -> list[RunReset]:
    rows = run.connection.execute(_RESETS, {"run": run.ref.run_id}).scalars()
    return [fact for fact in map(read_fact, rows) if isinstance(fact, RunReset)]


def _last_numbers(run: LockedRun, src: str) -> dict[str, int]:
    """Give the last number of every Temporal run that told facts as `src`."""
    rows = run.connection.execute(_SOURCES, {"run": run.ref.run_id})
    last_numbers = {known: last for known, last in rows if known.partition("/")[2] == src}
    if src == WORKFLOW_SRC and run.temporal_run_id is not None:
        # It has told nothing so far, but it must not be taken for a new one when it comes late.
        last_numbers.setdefault(f"{run.temporal_run_id}/{src}", -1)
    return last_numbers


def _void_older(
    run: LockedRun,
    new_src: str,
    acknowledged: Acknowledged,
    last_numbers: dict[str, int],
    limits: dict[str, int],
) -> None:
    through = acknowledged.through
    voided = [
        old
        for old, last in sorted(last_numbers.items())
        if last == -1 or min(last, limits.get(old, last)) > through
    ]
    if not voided:
        return
    kept = [fact for old in voided for fact in _numbered(run, old, acknowledged.beyond)]
    now = time.time()
    resets = [
        SourcedFact(f"{new_src}/{_RESET_SRC}", n, RunReset(at=now, old_src=old, after=through))
        for n, old in enumerate(voided, 1)
    ]
    insert_events(run, resets + [SourcedFact(new_src, number, fact) for number, fact in kept])
    run.was_reset = True
    # What is applied again is known here and counts nothing, so nothing may be deferred for it.
    run.pauses = 0
    counted = _facts_that_count(run)
    nodes.rebuild(run.connection, run.ref.run_id, counted)
    set_status(run, RunStatus.RUNNING)
    change_status(run, counted)


def _numbered(run: LockedRun, src: str, numbers: Sequence[int]) -> list[tuple[int, Fact]]:
    if not numbers:
        return []
    rows = run.connection.execute(
        _NUMBERED, {"run": run.ref.run_id, "of": src, "numbers": list(numbers)}
    )
    return [(number, read_fact(payload)) for number, payload in rows]


def _facts_that_count(run: LockedRun) -> list[Fact]:
    rows = run.connection.execute(_ALL, {"run": run.ref.run_id}).all()
    facts = [(src, number, read_fact(payload)) for src, number, payload in rows]
    limits = void_above(fact for _, _, fact in facts if isinstance(fact, RunReset))
    return [fact for src, number, fact in facts if number <= limits.get(src, number)]
