"""The first terminal state wins, and nothing but refusals follows it."""

import asyncio

import pytest

from schema.db.event_log import EffectRefused, EventLog
from schema.facts import CommandApplied, CommandRefused, OpenFact, RunFinished
from schema.runs import NodeExecutionStatus, RunResult, RunStatus
from tests.integration.db.facts import (
    NONE_YET,
    a_run,
    finished,
    numbered,
    started,
    succeeded,
    success,
    texts,
)

pytestmark = pytest.mark.anyio

STOPPED = RunResult(run_id="run", status=RunStatus.STOPPED, error="Aborted: enough")


async def test_a_finished_run_has_its_facts_and_its_result(event_log: EventLog) -> None:
    run = await a_run(event_log)
    result = succeeded(exceptions_count=1, total_steps=2, total_tokens=3)

    returned = await event_log.finish(
        run, "T1", numbered([started(), finished()]), NONE_YET, result, at=103.5
    )
    record = await event_log.get_run("local", "run")

    assert returned == result
    assert (await texts(event_log, run))[-1] == "RunFinished end#1"
    assert record.result() == result
    assert record.finished_at == 103.5
    assert record.elapsed_time == 3.5


async def test_inv_05_first_terminal_state_wins(event_log: EventLog) -> None:
    run = await a_run(event_log)
    first = await event_log.close_run(run, RunStatus.STOPPED, "ended elsewhere")

    second = await event_log.finish(run, "T1", numbered([started()]), NONE_YET, succeeded(), 1.0)
    head = await event_log.append(run, "T1", numbered([finished()]), NONE_YET)
    third = await event_log.close_run(run, RunStatus.FAILED, "again")

    assert first.status is RunStatus.STOPPED
    assert second == third == first == head.ended
    assert head.stop_requested
    assert await texts(event_log, run) == ["RunStarted start#1", "RunFinished end#1"]


async def test_inv_05_of_writers_that_race_one_wins_and_all_are_told(event_log: EventLog) -> None:
    run = await a_run(event_log)
    results = [succeeded(outputs={"r": number}) for number in range(10)]

    told = await asyncio.gather(
        *(event_log.finish(run, "T1", [], NONE_YET, result, 1.0) for result in results)
    )

    facts = [entry.fact for entry in await event_log.read(run)]
    assert len(set(map(repr, told))) == 1
    assert [fact.outputs for fact in facts if isinstance(fact, RunFinished)] == [told[0].outputs]


async def test_inv_06_a_command_after_the_end_is_refused_once(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await event_log.finish(run, "T1", [], NONE_YET, succeeded(), 1.0)
    fact = CommandApplied(at=2.0, command_id="c1", command="pause")
    late = [OpenFact(src="command/c1", src_seq=1, fact=fact), *numbered([started()])]

    await event_log.append(run, "T1", late, NONE_YET)
    await event_log.finish(run, "T1", late, NONE_YET, succeeded(), 3.0)
    status = await event_log.request_stop(run, "c2", "enough")

    answers = [entry.fact for entry in await event_log.read(run, after=2)]
    assert [(type(a), getattr(a, "command_id", ""), getattr(a, "reason", "")) for a in answers] == [
        (CommandRefused, "c1", "run ended"),
        (CommandRefused, "c2", "run ended"),
    ]
    assert status is RunStatus.SUCCEEDED


async def test_a_stop_request_sets_the_flag_and_keeps_the_first_reason(event_log: EventLog) -> None:
    run = await a_run(event_log)

    status = await event_log.request_stop(run, "c1", "enough")
    await event_log.request_stop(run, "c2", "really")
    head = await event_log.append(run, "T1", numbered([started()]), NONE_YET)
    record = await event_log.get_run("local", "run")

    assert status is RunStatus.RUNNING
    assert head.stop_requested
    assert (record.stop_command_id, record.stop_reason) == ("c1", "enough")
    assert record.stop_requested


@pytest.mark.parametrize(
    ("end", "answer"),
    [(RunStatus.STOPPED, CommandApplied), (RunStatus.SUCCEEDED, CommandRefused)],
)
async def test_inv_06_a_stop_that_no_workflow_answered_is_answered_by_the_end(
    event_log: EventLog, end: RunStatus, answer: type
) -> None:
    run = await a_run(event_log)
    await event_log.request_stop(run, "c1")
    await event_log.request_stop(run, "c1")
    await event_log.request_stop(run, "c2")
    await event_log.finish(run, "T1", [], NONE_YET, RunResult(run_id="run", status=end), 1.0)

    facts = [entry.fact for entry in await event_log.read(run)]
    answers = {
        f.command_id: type(f) for f in facts if isinstance(f, CommandApplied | CommandRefused)
    }
    assert answers == {"c2": CommandRefused, "c1": answer}
    assert [f.type for f in facts].count("CommandRefused") == 1 + (answer is CommandRefused)


async def test_nothing_begins_once_a_run_is_to_stop(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await event_log.request_stop(run, "c1")

    answer = await event_log.begin_effect(run, "T1", started(), "n", "a1")

    assert isinstance(answer, EffectRefused)
    assert answer.head.stop_requested
    assert await event_log.list_node_executions(run) == []


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.STOPPED])
async def test_nodes_left_running_are_failed_with_the_runs_error(
    event_log: EventLog, status: RunStatus
) -> None:
    run = await a_run(event_log)
    facts = numbered([started("a"), finished("a"), started("b")])
    result = RunResult(run_id="run", status=status, error="it broke")

    await event_log.finish(run, "T1", facts, NONE_YET, result, at=105.0)
    a, b = await event_log.list_node_executions(run)

    assert a.status is NodeExecutionStatus.SUCCEEDED
    assert a.error is None
    assert (b.status, b.error, b.finished_at) == (NodeExecutionStatus.FAILED, "it broke", 105.0)
    assert b.elapsed_time == pytest.approx(4.0)


async def test_an_outcome_after_the_end_is_kept_for_retries_without_a_fact(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)
    await event_log.begin_effect(run, "T1", started(), "n", "a1")
    await event_log.finish(run, "T1", [], NONE_YET, STOPPED, 105.0)

    recorded = await event_log.record_outcome(run, "T1", "a1", 1, success(output={"x": 1}))
    found = await event_log.find_outcome(run, "run:n", 1)

    assert recorded.head is not None
    assert recorded.head.ended == STOPPED
    assert found is not None
    assert found.outcome.output == {"x": 1}
    assert (await texts(event_log, run))[-1] == "RunFinished end#1"
    [node] = await event_log.list_node_executions(run)
    assert node.status is NodeExecutionStatus.FAILED


async def test_a_run_closed_from_outside_counts_from_its_nodes(event_log: EventLog) -> None:
    run = await a_run(event_log)
    failure = finished("a", status=NodeExecutionStatus.EXCEPTION, metadata={"total_tokens": 7})
    facts = numbered([started("a"), failure, started("b"), started("c", iteration_id="b")])
    await event_log.append(run, "T1", facts, NONE_YET)

    result = await event_log.close_run(run, RunStatus.STOPPED, "terminated", "Terminated")

    assert (result.exceptions_count, result.total_steps, result.total_tokens) == (1, 2, 7)
    assert (await event_log.get_run("local", "run")).error_type == "Terminated"
