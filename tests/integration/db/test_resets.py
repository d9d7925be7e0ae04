"""A Temporal reset takes back what the new Temporal run tells again, and nothing else."""

from collections.abc import Sequence
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.db.event_log import EventLog
from schema.envelope import Acknowledged
from schema.facts import LoggedFact, NodeStarted, RunPaused, RunReset
from schema.runs import NodeExecutionStatus, RunStatus
from tests.integration.db.facts import (
    NONE_YET,
    a_run,
    finished,
    numbered,
    started,
    succeeded,
    texts,
)

pytestmark = pytest.mark.anyio


def standing(log: Sequence[LoggedFact]) -> list[tuple[str, int]]:
    """What a reader of the log counts: everything but what a reset voids."""
    limits: dict[str, int] = {}
    for entry in log:
        if isinstance(entry.fact, RunReset):
            old = entry.fact.old_src
            limits[old] = min(entry.fact.after, limits.get(old, entry.fact.after))
    return [
        (entry.src, entry.src_seq)
        for entry in log
        if entry.src.endswith("/wf") and entry.src_seq <= limits.get(entry.src, entry.src_seq)
    ]


async def test_facts_above_what_was_acknowledged_are_told_again(event_log: EventLog) -> None:
    run = await a_run(event_log)
    told = numbered([started("a"), finished("a"), started("b"), finished("b")])
    await event_log.append(run, "T1", told, NONE_YET)

    again = numbered([started("b"), finished("b", outputs={"x": 2})], first=3)
    await event_log.append(run, "T2", again, Acknowledged(through=2))

    log = await event_log.read(run)
    assert standing(log) == [("T1/wf", 1), ("T1/wf", 2), ("T2/wf", 3), ("T2/wf", 4)]
    resets = [entry.fact for entry in log if isinstance(entry.fact, RunReset)]
    assert [(reset.old_src, reset.after) for reset in resets] == [("T1/wf", 2)]
    nodes = {node.node_id: node for node in await event_log.list_node_executions(run)}
    assert nodes["b"].outputs == {"x": 2}


async def test_a_reset_to_the_beginning_takes_everything_back(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await event_log.append(run, "T1", numbered([started("a"), started("b")]), NONE_YET)

    await event_log.append(run, "T2", numbered([started("c")]), NONE_YET)

    assert standing(await event_log.read(run)) == [("T2/wf", 1)]
    assert [node.node_id for node in await event_log.list_node_executions(run)] == ["c"]


async def test_continuing_as_new_takes_nothing_back(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await event_log.append(run, "T1", numbered([started("a"), finished("a")]), NONE_YET)

    await event_log.append(run, "T2", numbered([started("b")], 3), Acknowledged(through=2))

    assert (await texts(event_log, run))[1:] == [
        "NodeStarted T1/wf#1",
        "NodeFinished T1/wf#2",
        "NodeStarted T2/wf#3",
    ]


async def test_carriers_of_a_new_run_may_arrive_in_any_order(event_log: EventLog) -> None:
    run = await a_run(event_log)
    told = numbered([started(name) for name in "abcd"])
    await event_log.append(run, "T1", told, NONE_YET)

    await event_log.append(run, "T2", told[3:], Acknowledged(through=1))
    await event_log.append(run, "T2", told[1:3], Acknowledged(through=1))

    assert standing(await event_log.read(run)) == [
        ("T1/wf", 1),
        ("T2/wf", 4),
        ("T2/wf", 2),
        ("T2/wf", 3),
    ]


async def test_carriers_of_the_first_run_may_arrive_in_any_order(event_log: EventLog) -> None:
    run = await a_run(event_log)
    told = numbered([started(name) for name in "abc"])

    await event_log.append(run, "T1", told[2:], NONE_YET)
    await event_log.append(run, "T1", told[:2], NONE_YET)

    assert standing(await event_log.read(run)) == [("T1/wf", 3), ("T1/wf", 1), ("T1/wf", 2)]


async def test_a_fact_acknowledged_out_of_order_stays_true(event_log: EventLog) -> None:
    run = await a_run(event_log)
    told = numbered([started(name) for name in "abcd"])
    await event_log.append(run, "T1", told, NONE_YET)

    await event_log.append(run, "T2", told[1:2], Acknowledged(through=1, beyond=(3,)))

    assert standing(await event_log.read(run)) == [("T1/wf", 1), ("T2/wf", 3), ("T2/wf", 2)]
    nodes = await event_log.list_node_executions(run)
    assert sorted(node.node_id for node in nodes) == ["a", "b", "c"]


async def test_a_late_carrier_of_the_old_run_tells_nothing(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await event_log.append(run, "T1", numbered([started("a")]), NONE_YET)
    await event_log.append(run, "T2", numbered([started("b")]), NONE_YET)

    await event_log.append(run, "T1", numbered([started("late")], 2), NONE_YET)
    await event_log.append(run, "T2", numbered([started("c")], 2), NONE_YET)

    assert standing(await event_log.read(run)) == [("T2/wf", 1), ("T2/wf", 2)]
    nodes = await event_log.list_node_executions(run)
    assert sorted(node.node_id for node in nodes) == ["b", "c"]


async def test_a_late_carrier_of_an_old_run_that_told_nothing_is_not_taken_for_a_new_one(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)
    await event_log.append(run, "T1", [], NONE_YET)
    await event_log.append(run, "T2", numbered([started("b")]), NONE_YET)

    await event_log.append(run, "T1", numbered([started("late")]), NONE_YET)

    assert standing(await event_log.read(run)) == [("T2/wf", 1)]


async def test_resets_of_resets_and_of_older_runs(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await event_log.append(run, "T1", numbered([started(n) for n in "abcd"]), NONE_YET)
    again = numbered([started(n) for n in "cde"], first=3)
    await event_log.append(run, "T2", again, Acknowledged(through=2))

    # From T1's history, further back than T2 began.
    await event_log.append(run, "T3", numbered([started("x")], 2), Acknowledged(through=1))

    assert standing(await event_log.read(run)) == [("T1/wf", 1), ("T3/wf", 2)]


async def test_a_childs_facts_are_not_taken_for_a_reset(event_log: EventLog) -> None:
    run = await a_run(event_log)
    parent = numbered([started("a"), started("b")])
    child = [entry.model_copy(update={"src": "wf/iteration[0]"}) for entry in parent]

    await event_log.append(run, "T1", parent, NONE_YET)
    await event_log.append(run, "C1", child, Acknowledged(src="wf/iteration[0]"))
    await event_log.append(run, "T1", numbered([started("c")], 3), NONE_YET)

    assert not [e for e in await event_log.read(run) if isinstance(e.fact, RunReset)]
    assert len(await event_log.read(run, after=1)) == 5


async def test_a_pause_that_was_taken_back_no_longer_holds(event_log: EventLog) -> None:
    run = await a_run(event_log)
    facts = numbered([started("a"), RunPaused(at=1.0, reasons=[])])
    paused = await event_log.append(run, "T1", facts, NONE_YET)

    head = await event_log.append(run, "T2", [], Acknowledged(through=1))

    assert paused.status is RunStatus.PAUSED
    assert head.status is RunStatus.RUNNING
    assert (await event_log.get_run("local", "run")).status is RunStatus.RUNNING


async def test_a_reset_that_only_ends_the_run_takes_back_what_was_told(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await event_log.append(run, "T1", numbered([started("a"), started("b")]), NONE_YET)

    await event_log.finish(run, "T2", [], Acknowledged(through=1), succeeded(), at=105.0)

    assert standing(await event_log.read(run)) == [("T1/wf", 1)]


async def test_rows_of_activities_survive_a_reset(event_log: EventLog) -> None:
    run = await a_run(event_log)
    node: NodeStarted = started("n")
    await event_log.begin_effect(run, "T1", node, "n", "a1")
    await event_log.append(run, "T1", numbered([started("a")]), NONE_YET)

    await event_log.append(run, "T2", [], NONE_YET)

    [row] = await event_log.list_node_executions(run)
    assert (row.node_id, row.status) == ("n", NodeExecutionStatus.RUNNING)
    assert row.effect_starts == 1


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[tuple[list[int], int]]]:
    """How many facts there are; for each Temporal run what it writes and how many answers come.

    A run writes some facts that were open when it began, in any order; the next one is reset to a
    moment when the answers to the first of them had come.
    """
    count = draw(st.integers(1, 12))
    still_open = list(range(1, count + 1))
    runs: list[tuple[list[int], int]] = []
    for _ in range(draw(st.integers(1, 4))):
        if not still_open:
            break
        written = draw(st.lists(st.sampled_from(still_open), unique=True))
        answered = draw(st.integers(0, len(written)))
        runs.append((written, answered))
        still_open = sorted(set(still_open) - set(written[:answered]))
    return count, runs


def acknowledgement(count: int, still_open: set[int]) -> Acknowledged:
    lowest = min(still_open, default=count + 1)
    beyond = tuple(number for number in range(lowest, count + 1) if number not in still_open)
    return Acknowledged(through=lowest - 1, beyond=beyond)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(history=histories())
async def test_inv_03_every_number_stands_once_whatever_was_acknowledged_and_reset(
    event_log: EventLog, history: tuple[int, list[tuple[list[int], int]]]
) -> None:
    count, temporal_runs = history
    run_id = f"run-{uuid4()}"
    run = await a_run(event_log, run_id)
    told = numbered([started(f"n{number}", run_id=run_id) for number in range(count)])
    still_open = set(range(1, count + 1))

    for generation, (written, answered) in enumerate(temporal_runs):
        acknowledged = acknowledgement(count, still_open)
        for number in written:
            await event_log.append(run, f"T{generation}", [told[number - 1]], acknowledged)
        still_open -= set(written[:answered])
    rest = [told[number - 1] for number in sorted(still_open)]
    last = acknowledgement(count, still_open)
    await event_log.finish(run, "Tlast", rest, last, succeeded(run_id), at=105.0)

    log = await event_log.read(run)
    assert sorted(number for _, number in standing(log)) == list(range(1, count + 1))
    nodes = await event_log.list_node_executions(run)
    assert sorted(node.node_id for node in nodes) == sorted(f"n{n}" for n in range(count))
