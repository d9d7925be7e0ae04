"""Effects begin at most three times and the first recorded outcome counts."""

import asyncio

import pytest

from schema.db.event_log import EffectStart, EventLog, Outcome, RecordedOutcome
from schema.facts import NodeFailed, TextProduced, TextVoided
from schema.runs import NodeExecutionStatus, RunRef
from tests.integration.db.facts import NONE_YET, a_run, failed, numbered, started, success, texts

pytestmark = pytest.mark.anyio


async def begin(log: EventLog, run: RunRef, attempt: int = 1) -> EffectStart:
    activity_id = f"a{attempt}"
    answer = await log.begin_effect(run, "T1", started(attempt=attempt), "n", activity_id)
    assert isinstance(answer, EffectStart)
    return answer


async def test_the_first_start_tells_that_the_node_started(event_log: EventLog) -> None:
    run = await a_run(event_log)

    first = await begin(event_log, run)
    second = await begin(event_log, run)

    assert (first.number, second.number) == (1, 2)
    assert await texts(event_log, run) == ["RunStarted start#1", "NodeStarted T1/a1@1#1"]
    [node] = await event_log.list_node_executions(run)
    assert (node.status, node.effect_starts) == (NodeExecutionStatus.RUNNING, 2)


async def test_inv_10_a_fourth_start_is_the_loss_of_the_worker(event_log: EventLog) -> None:
    run = await a_run(event_log)
    for _ in range(3):
        await begin(event_log, run)

    answer = await event_log.begin_effect(run, "T1", started(), "n", "a1")
    again = await event_log.begin_effect(run, "T1", started(), "n", "a1")

    assert isinstance(answer, RecordedOutcome)
    assert isinstance(again, RecordedOutcome)
    assert isinstance(answer.outcome.fact, NodeFailed)
    assert answer.outcome.fact.error_type == "WorkerLost"
    assert again.outcome == answer.outcome
    assert (await texts(event_log, run))[-1] == "NodeFailed T1/a1@0#1"


async def test_inv_10_a_start_that_is_given_back_does_not_count_and_keeps_its_number(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)

    numbers = []
    for _ in range(5):
        start = await begin(event_log, run)
        numbers.append(start.number)
        assert await event_log.give_back_effect(run, "run:n", 1, start.number)

    assert numbers == [1, 2, 3, 4, 5]
    [node] = await event_log.list_node_executions(run)
    assert node.effect_starts == 0


async def test_only_the_latest_start_can_be_given_back(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await begin(event_log, run)

    assert not await event_log.give_back_effect(run, "run:n", 1, 1)


async def test_inv_07_a_recorded_outcome_is_returned_instead_of_a_start(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)
    start = await begin(event_log, run)
    outcome = success(output={"x": [1.0]}, outputs={"x": "y"}, elapsed_time=0.5, handle="source")
    recorded = await event_log.record_outcome(run, "T1", "a1", start.number, outcome)

    answer = await event_log.begin_effect(run, "T2", started(), "n", "a1")

    assert recorded.is_new
    assert isinstance(answer, RecordedOutcome)
    assert (answer.outcome, answer.start, answer.is_new) == (outcome, 1, False)
    [node] = await event_log.list_node_executions(run)
    assert node.status is NodeExecutionStatus.SUCCEEDED
    assert (node.outputs, node.elapsed_time, node.handle) == ({"x": "y"}, 0.5, "source")
    assert node.outcome == outcome
    assert await texts(event_log, run) == [
        "RunStarted start#1",
        "NodeStarted T1/a1@1#1",
        "NodeFinished T1/a1@1#2",
    ]


async def test_the_first_of_racing_outcomes_wins(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    outcomes = [success(output=number) for number in range(5)] + [Outcome(failed())]

    recorded = await asyncio.gather(
        *(event_log.record_outcome(run, "T1", "a1", 1, outcome) for outcome in outcomes)
    )

    assert [entry.is_new for entry in recorded].count(True) == 1
    assert len({repr(entry.outcome) for entry in recorded}) == 1
    assert len(await event_log.read(run)) == 3


async def test_giving_up_claims_the_outcome_unless_one_was_recorded(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)

    claimed = await event_log.record_outcome(run, "T1", "claim", 0, Outcome(failed()))
    late = await event_log.record_outcome(run, "T1", "a1", 1, success())

    assert claimed.is_new
    assert not late.is_new
    assert late.outcome == claimed.outcome
    assert late.start == 0


async def test_each_attempt_has_outcomes_and_starts_of_its_own(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await event_log.record_outcome(run, "T1", "a1", 1, Outcome(failed()))

    second = await begin(event_log, run, attempt=2)

    assert second.number == 1
    nodes = await event_log.list_node_executions(run)
    assert [(node.attempt, node.status) for node in nodes] == [
        (1, NodeExecutionStatus.FAILED),
        (2, NodeExecutionStatus.RUNNING),
    ]


async def test_a_new_start_voids_what_the_one_before_streamed(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    chunk = TextProduced(at=1.0, node_exec_id="run:n", node_id="n", text="Once")
    await event_log.append(run, "T1", numbered([chunk]), NONE_YET)

    second = await begin(event_log, run)

    last = (await event_log.read(run))[-1]
    assert second.number == 2
    assert last.src == "T1/a1@2"
    assert isinstance(last.fact, TextVoided)
    assert last.fact.before_start == 2
