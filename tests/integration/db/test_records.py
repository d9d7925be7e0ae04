"""Rows of node executions and counters follow from facts (dify-nodes 2.6, 2.9, 8.2)."""

import pytest

from schema.db.event_log import EventLog, NodeExecution
from schema.facts import Fact, FormOpened, FormSubmitted, NodeHeld, NodeRetried
from schema.runs import NodeExecutionStatus, RunResult, RunStatus
from tests.integration.db.facts import (
    NONE_YET,
    a_run,
    failed,
    finished,
    numbered,
    started,
    succeeded,
)

pytestmark = pytest.mark.anyio


async def test_a_node_row_has_what_its_facts_say(event_log: EventLog) -> None:
    run = await a_run(event_log, workflow_id="w", created_by="me", trigger="schedule")
    begun = started(
        title="Ask",
        index=3,
        predecessor="start",
        iteration_id="it",
        iteration_index=2,
        loop_id="lo",
        loop_index=4,
    )
    ended = finished(
        inputs={"a": 1},
        process_data={"p": None},
        outputs={"x": [1, 1.0]},
        metadata={"total_tokens": 9, "k": "v"},
        elapsed_time=0.25,
        handle="true",
    )

    await event_log.append(run, "T1", numbered([begun, ended]), NONE_YET)

    assert await event_log.list_node_executions(run) == [
        NodeExecution(
            run_id="run",
            node_exec_id="run:n",
            attempt=1,
            path="n",
            index=3,
            predecessor_node_id="start",
            node_id="n",
            node_type="code",
            title="Ask",
            iteration_id="it",
            iteration_index=2,
            loop_id="lo",
            loop_index=4,
            inputs={"a": 1},
            process_data={"p": None},
            outputs={"x": [1, 1.0]},
            status=NodeExecutionStatus.SUCCEEDED,
            handle="true",
            error=None,
            error_type=None,
            elapsed_time=0.25,
            execution_metadata={"total_tokens": 9, "k": "v"},
            total_tokens=9,
            created_at=101.0,
            finished_at=102.0,
            effect_starts=0,
            outcome=None,
            outcome_start=None,
            tenant_id="local",
            app_id="local",
            workflow_id="w",
            triggered_from="schedule",
            created_by_role="account",
            created_by="me",
        )
    ]


async def test_a_row_is_the_same_whichever_fact_is_written_first(event_log: EventLog) -> None:
    in_order, reverse = await a_run(event_log, "a"), await a_run(event_log, "b")
    for run in (in_order, reverse):
        told = numbered(
            [
                started(run_id=run.run_id, title="T", index=1),
                finished(run_id=run.run_id, outputs={"x": 1}),
            ]
        )
        if run is reverse:
            told.reverse()
        for fact in told:
            await event_log.append(run, f"T-{run.run_id}", [fact], NONE_YET)

    [first], [second] = [await event_log.list_node_executions(r) for r in (in_order, reverse)]

    assert first.status is second.status is NodeExecutionStatus.SUCCEEDED
    assert (first.title, first.outputs) == (second.title, second.outputs) == ("T", {"x": 1})


async def test_a_retried_try_is_a_row_of_its_own(event_log: EventLog) -> None:
    run = await a_run(event_log)
    retried = NodeRetried(
        at=103.0, node_exec_id="run:n", node_id="n", attempt=1, retry_index=1, error="broken"
    )
    facts: list[Fact] = [
        started(),
        failed(inputs={"a": 1}, error_type="HTTPError"),
        retried,
        started(attempt=2),
        finished(attempt=2),
    ]

    await event_log.append(run, "T1", numbered(facts), NONE_YET)
    first, second = await event_log.list_node_executions(run)
    record = await event_log.get_run("local", "run")

    assert (first.attempt, first.status, first.error) == (1, NodeExecutionStatus.RETRY, "broken")
    assert first.inputs == {"a": 1}
    assert (second.attempt, second.status) == (2, NodeExecutionStatus.SUCCEEDED)
    assert (record.exceptions_count, record.total_steps) == (1, 2)


async def test_an_absorbed_failure_keeps_inputs_and_replaces_outputs(event_log: EventLog) -> None:
    run = await a_run(event_log)
    absorbed = finished(
        status=NodeExecutionStatus.EXCEPTION,
        outputs={"error_message": "broken"},
        error="broken",
        metadata={"error_strategy": "fail-branch"},
    )
    facts: list[Fact] = [
        started(),
        failed(inputs={"a": 1}, metadata={"m": 1}, elapsed_time=0.5),
        absorbed,
    ]
    for fact in numbered(facts):
        await event_log.append(run, "T1", [fact], NONE_YET)

    [node] = await event_log.list_node_executions(run)

    assert node.status is NodeExecutionStatus.EXCEPTION
    assert (node.inputs, node.outputs) == ({"a": 1}, {"error_message": "broken"})
    assert node.execution_metadata == {"error_strategy": "fail-branch"}
    assert node.elapsed_time == 0.5


async def test_held_nodes_and_forms_show_in_the_status(event_log: EventLog) -> None:
    run = await a_run(event_log)
    at, key = 1.0, {"node_exec_id": "run:f", "node_id": "f"}
    held = NodeHeld(at=at, node_exec_id="run:h", node_id="h", path="h", error="broken")
    opened = FormOpened(at=at, form_id="1", definition={}, **key)
    facts: list[Fact] = [started("f", index=1), opened, started("h", index=2), held]

    await event_log.append(run, "T1", numbered(facts), NONE_YET)
    waiting = [node.status for node in await event_log.list_node_executions(run)]
    submitted = FormSubmitted(at=at, form_id="1", action="ok", **key)
    await event_log.append(run, "T1", numbered([submitted], 5), NONE_YET)

    assert waiting == [NodeExecutionStatus.PAUSED, NodeExecutionStatus.HELD]
    going_on = [node.status for node in await event_log.list_node_executions(run)]
    assert going_on == [NodeExecutionStatus.RUNNING, NodeExecutionStatus.HELD]


async def test_an_ended_run_has_the_interpreters_counters(event_log: EventLog) -> None:
    run = await a_run(event_log)
    result = succeeded(exceptions_count=5, total_steps=6, total_tokens=7)

    await event_log.finish(run, "T1", numbered([started()]), NONE_YET, result, 103.0)
    record = await event_log.get_run("local", "run")

    assert (record.exceptions_count, record.total_steps, record.total_tokens) == (5, 6, 7)


async def test_runs_are_listed_newest_first_by_status_and_page(event_log: EventLog) -> None:
    for number in range(5):
        run = await a_run(event_log, f"r{number}", created_at=100.0 + number // 2)
        if number % 2:
            await event_log.finish(run, "T1", [], NONE_YET, succeeded(run.run_id), 110.0)
    await a_run(event_log, "foreign", tenant_id="other")

    everything = await event_log.list_runs("local")
    page = await event_log.list_runs("local", limit=2, before="r3")
    done = await event_log.list_runs("local", statuses=[RunStatus.SUCCEEDED])
    still_open = await event_log.list_open_runs()

    assert [run.run_id for run in everything] == ["r4", "r3", "r2", "r1", "r0"]
    assert [run.run_id for run in page] == ["r2", "r1"]
    assert [run.run_id for run in done] == ["r3", "r1"]
    assert {run.run_id for run in still_open} == {"r0", "r2", "r4", "foreign"}


@pytest.mark.parametrize("outputs", [None, {}, {"r": {"deep": [None]}}])
async def test_outputs_of_a_result_are_kept(
    event_log: EventLog, outputs: dict[str, object] | None
) -> None:
    run = await a_run(event_log)
    result = RunResult(run_id="run", status=RunStatus.FAILED, outputs=outputs, error="e")

    await event_log.finish(run, "T1", [], NONE_YET, result, 103.0)

    assert (await event_log.get_run("local", "run")).result() == result
