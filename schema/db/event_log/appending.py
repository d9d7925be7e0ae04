"""Appends the facts that a carrier brings: repeated ones are dropped, ended runs only refuse."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from schema.db.event_log.heads import LockedRun, lock
from schema.db.event_log.insertion import SourcedFact, insert_events, insert_facts
from schema.db.event_log.records import Head
from schema.db.event_log.resets import take_over
from schema.db.tables import run_events, runs
from schema.envelope import Acknowledged
from schema.facts import CommandApplied, CommandRefused, OpenFact, command_src
from schema.runs import RunRef, RunStatus

RUN_ENDED = "run ended"
"""Reason of a command's refusal once the row is terminal."""

_KNOWN = select(run_events.c.src_seq).where(
    run_events.c.run_id == bindparam("run"),
    run_events.c.src == bindparam("of"),
    run_events.c.src_seq.between(bindparam("first"), bindparam("last")),
)


def append(
    connection: Connection,
    ref: RunRef,
    temporal_run_id: str,
    facts: Sequence[OpenFact],
    acknowledged: Acknowledged,
) -> Head:
    """Append facts in one transaction; see `EventLog.append`."""
    run = lock(connection, ref)
    before = (run.last_seq, run.temporal_run_id)
    append_to(run, temporal_run_id, facts, acknowledged)
    if before != (run.last_seq, run.temporal_run_id):
        run.save()
    return run.head()


def append_to(
    run: LockedRun, temporal_run_id: str, facts: Sequence[OpenFact], acknowledged: Acknowledged
) -> None:
    """Append facts to a locked run; the caller saves its head."""
    if run.status.is_terminal:
        _refuse_commands(run, facts)
        return
    void_above = take_over(run, temporal_run_id, acknowledged)
    by_src: dict[str, list[SourcedFact]] = defaultdict(list)
    for entry in facts:
        if entry.src.startswith(_COMMANDS):
            by_src[entry.src].append(SourcedFact(*_fields(entry)))
        elif void_above is None or entry.src_seq <= void_above:
            src = f"{temporal_run_id}/{entry.src}"
            by_src[src].append(SourcedFact(src, entry.src_seq, entry.fact))
    insert_facts(run, [fact for entries in by_src.values() for fact in _unknown(run, entries)])


def refuse(
    run: LockedRun, command_id: str, command: str, at: float, reason: str = RUN_ENDED
) -> None:
    """Answer a command that came too late, unless it was answered before."""
    fact = CommandRefused(at=at, command_id=command_id, command=command, reason=reason)
    insert_events(run, _unknown(run, [SourcedFact(command_src(command_id), 1, fact)]))


def answer_stop(run: LockedRun, status: RunStatus, at: float) -> None:
    """Answer the stop that was asked for, as the run ends, unless its workflow has done so."""
    command_id = stop_command(run)
    if command_id is None:
        return
    fact: CommandApplied | CommandRefused
    if status is RunStatus.STOPPED:
        fact = CommandApplied(at=at, command_id=command_id, command="stop")
    else:
        fact = CommandRefused(at=at, command_id=command_id, command="stop", reason=RUN_ENDED)
    insert_events(run, _unknown(run, [SourcedFact(command_src(command_id), 1, fact)]))


def stop_command(run: LockedRun) -> str | None:
    """Give the id of the stop that was asked for first."""
    found: str | None = run.connection.execute(_STOP_COMMAND, {"run": run.ref.run_id}).scalar()
    return found


_COMMANDS = command_src("")
_STOP_COMMAND = select(runs.c.stop_command_id).where(runs.c.run_id == bindparam("run"))


def _fields(entry: OpenFact) -> SourcedFact:
    return SourcedFact(entry.src, entry.src_seq, entry.fact)


def _unknown(run: LockedRun, entries: list[SourcedFact]) -> list[SourcedFact]:
    """Leave out facts of one source that are in the log, and repetitions."""
    numbers = [entry.src_seq for entry in entries]
    known = set(
        run.connection.execute(
            _KNOWN,
            {
                "run": run.ref.run_id,
                "of": entries[0].src,
                "first": min(numbers),
                "last": max(numbers),
            },
        ).scalars()
    )
    fresh: dict[int, SourcedFact] = {}
    for entry in entries:
        if entry.src_seq not in known:
            fresh.setdefault(entry.src_seq, entry)
    return list(fresh.values())


def _refuse_commands(run: LockedRun, facts: Sequence[OpenFact]) -> None:
    for entry in facts:
        fact = entry.fact
        if isinstance(fact, CommandApplied | CommandRefused):
            refuse(run, fact.command_id, fact.command, fact.at)
