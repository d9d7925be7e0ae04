"""A head knows how often its workflow was paused and resumed: work that begins late heeds it."""

from collections.abc import Sequence

import pytest

from schema.db.event_log import EffectDeferred, EffectStart, EventLog
from schema.envelope import Acknowledged
from schema.facts import CommandApplied, CommandRefused, OpenFact, command_src
from schema.runs import RunRef
from tests.integration.db.facts import NONE_YET, a_run, numbered, started

pytestmark = pytest.mark.anyio


def applied(command: str, command_id: str) -> OpenFact:
    fact = CommandApplied(at=1.0, command_id=command_id, command=command)
    return OpenFact(src=command_src(command_id), src_seq=1, fact=fact)


def refused(command: str, command_id: str) -> OpenFact:
    fact = CommandRefused(at=1.0, command_id=command_id, command=command, reason="no")
    return OpenFact(src=command_src(command_id), src_seq=1, fact=fact)


async def tell(log: EventLog, run: RunRef, *facts: OpenFact) -> None:
    await log.append(run, "T1", facts, NONE_YET)


async def pauses(log: EventLog, run: RunRef) -> int:
    return (await log.read_flags([run.run_id]))[run.run_id].pauses


@pytest.mark.parametrize(
    ("facts", "counted"),
    [
        ([], 0),
        ([applied("pause", "p1")], 1),
        ([applied("pause", "p1"), applied("pause", "p1")], 1),
        ([applied("pause", "p1"), applied("resume", "r1")], 2),
        ([applied("pause", "p1"), refused("pause", "p2")], 1),
        ([applied("stop", "s1")], 0),
    ],
)
async def test_what_the_workflow_applied_is_counted_once(
    event_log: EventLog, facts: Sequence[OpenFact], counted: int
) -> None:
    run = await a_run(event_log)

    for fact in facts:
        await tell(event_log, run, fact)

    assert await pauses(event_log, run) == counted


@pytest.mark.parametrize(
    ("told", "known", "kind"),
    [
        (1, 0, EffectDeferred),
        (1, 2, EffectStart),  # resumed, but the row is behind
        (2, 0, EffectStart),
        (3, 2, EffectDeferred),
        (3, 4, EffectStart),
    ],
)
async def test_only_a_pause_that_came_after_the_launch_defers(
    event_log: EventLog, told: int, known: int, kind: type
) -> None:
    run = await a_run(event_log)
    for number in range(1, told + 1):
        await tell(event_log, run, applied("pause" if number % 2 else "resume", f"c{number}"))

    answer = await event_log.begin_effect(run, "T1", started(), "n", "a1", known)

    assert isinstance(answer, kind)


async def test_a_reset_defers_nothing_for_what_the_run_before_it_was_told(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)
    await event_log.append(run, "T1", numbered([started("before")]), NONE_YET)
    await tell(event_log, run, applied("pause", "p1"))

    await event_log.append(run, "T2", numbered([started("before")]), Acknowledged())
    answer = await event_log.begin_effect(run, "T2", started(), "n", "a1")

    assert isinstance(answer, EffectStart)


async def test_flags_tell_of_a_stop_and_of_runs_that_are_unknown(event_log: EventLog) -> None:
    one, two = await a_run(event_log, "one"), await a_run(event_log, "two")
    await event_log.request_stop(one, "c1")

    flags = await event_log.read_flags(["one", "two", "three"])

    assert {run_id: each.must_stop for run_id, each in flags.items()} == {"one": True, "two": False}
    assert two.run_id in flags
