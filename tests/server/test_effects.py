"""Activities that execute nodes, on a real server: failures, siblings, claims, deferrals, stops."""

import asyncio
import statistics
import time
import uuid
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.exceptions import ApplicationError

from schema.commands import CommandKind
from schema.db.event_log import Outcome
from schema.facts import NodeFailed, NodeFinished, NodeRetried, NodeStarted
from schema.plan import Plan
from schema.runs import NodeExecutionStatus, RunInput, RunStatus
from tests.effects import GATES, an_effect
from tests.factories import a_plan, a_start, a_substitute, a_template, an_end
from tests.server.harness import FinishedRun, RunHarness, working
from tests.server.test_commands import answers, logged
from tests.waiting import until
from workers.dependencies import Dependencies
from workflows.client import workflow_id_of

pytestmark = pytest.mark.anyio

RETRIES = {"retry_enabled": True, "max_retries": 2, "retry_interval": 50}
FAILING = {"error": "HTTP 404", "error_type": "HTTPResponseCodeError"}


def one_effect(node: dict[str, Any], handle: str = "source", **outputs: list[str]) -> Plan:
    return a_plan(
        [a_start("s", "q"), node, an_end("e", **outputs)],
        [("s", node["id"]), (node["id"], "e", handle)],
    )


def a_gate() -> str:
    return uuid.uuid4().hex


def ends(run: FinishedRun) -> dict[str, list[NodeExecutionStatus]]:
    """Every end that was told of each node."""
    found: dict[str, list[NodeExecutionStatus]] = {}
    for fact in run.facts:
        if isinstance(fact, NodeFinished):
            found.setdefault(fact.node_id, []).append(fact.status)
    return found


async def until_begun(gate: str, times: int = 1) -> None:
    await until(lambda: len(GATES[gate].begun) >= times)


async def scheduled(runs: RunHarness, run_input: RunInput) -> Counter[str]:
    """How often each activity was scheduled, by its id."""
    history = await runs.handle(run_input).fetch_history()
    return Counter(
        event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    )


async def fail_by_hand(runs: RunHarness, run_input: RunInput, activity_id: str) -> None:
    """Give an activity up as an operator can with the Temporal CLI."""
    client = runs.dependencies.temporal
    described = await runs.handle(run_input).describe()
    handle = client.get_async_activity_handle(
        workflow_id=workflow_id_of(run_input.run_id),
        run_id=described.run_id,
        activity_id=activity_id,
    )
    await handle.fail(ApplicationError("enough of it", non_retryable=True))


async def test_fail_branch_keeps_what_the_failed_activity_had_read_2_7(runs: RunHarness) -> None:
    node = an_effect(
        "n", error_strategy="fail-branch", inputs={"i": 1}, process_data={"p": 2}, **FAILING
    )
    plan = one_effect(node, "fail-branch", m=["n", "error_message"], t=["n", "error_type"])

    run = await runs.run(plan, inputs={"q": "x"})

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.outputs == {"m": "HTTP 404", "t": "HTTPResponseCodeError"}
    assert run.result.exceptions_count == 1
    told = [type(f) for f in run.facts if getattr(f, "node_id", "") == "n"]
    assert told == [NodeStarted, NodeFailed, NodeFinished]
    [entry] = [each for each in run.folded()["nodes"] if each["node_id"] == "n"]
    assert (entry["status"], entry["error"]) == ("exception", "HTTP 404")
    assert (entry["inputs"], entry["process_data"]) == ({"i": 1}, {"p": 2})
    assert entry["metadata"] == {"error_strategy": "fail-branch"}
    [row] = [
        each
        for each in await runs.dependencies.log.list_node_executions(run.run_input.ref)
        if each.node_id == "n"
    ]
    assert row.status is NodeExecutionStatus.EXCEPTION
    assert (row.inputs, row.process_data) == ({"i": 1}, {"p": 2})
    assert row.execution_metadata == {"error_strategy": "fail-branch"}


async def test_default_value_absorbs_an_activity_s_failure_2_7(runs: RunHarness) -> None:
    defaults = [{"key": "body", "type": "string", "value": "none"}]
    node = an_effect("n", error_strategy="default-value", default_value=defaults, **FAILING)
    plan = one_effect(node, b=["n", "body"], c=["n", "status_code"], t=["n", "error_type"])

    run = await runs.run(plan, inputs={"q": "x"})

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.outputs == {"b": "none", "c": None, "t": "HTTPResponseCodeError"}


async def test_two_retries_that_fail_count_three_exceptions_11_4(runs: RunHarness) -> None:
    node = an_effect("n", "http-request", retry_config=RETRIES, **FAILING)

    run = await runs.run(one_effect(node), inputs={"q": "x"})

    assert run.status is RunStatus.FAILED
    assert run.result.error == "HTTP 404"
    assert run.result.exceptions_count == 3
    assert run.result.total_steps == 4
    told = [f for f in run.facts if isinstance(f, NodeRetried | NodeFinished) and f.node_id == "n"]
    assert [type(f) for f in told] == [NodeRetried, NodeRetried, NodeFinished]
    assert [f.retry_index for f in told if isinstance(f, NodeRetried)] == [1, 2]
    rows = await runs.dependencies.log.list_node_executions(run.run_input.ref)
    assert [(r.attempt, str(r.status)) for r in rows if r.node_id == "n"] == [
        (1, "retry"),
        (2, "retry"),
        (3, "failed"),
    ]


async def test_a_retry_that_succeeds_leaves_a_partial_success_11_4(runs: RunHarness) -> None:
    node = an_effect(
        "n", "http-request", retry_config=RETRIES, failures=1, outputs={"x": 1}, **FAILING
    )

    run = await runs.run(one_effect(node, x=["n", "x"]), inputs={"q": "x"})

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert (run.outputs, run.result.exceptions_count) == ({"x": 1}, 1)


def siblings(gate: str) -> Plan:
    """One that fails when told to, two in flight, and one that ended before."""
    return a_plan(
        [
            a_start("s", "q"),
            an_effect("bad", gate=f"{gate}-bad", error="boom"),
            an_effect("one", gate=gate, outputs={"x": 1}),
            an_effect("two", gate=gate, outputs={"x": 1}),
            an_effect("done", outputs={"x": 1}),
            an_end("e", x=["one", "x"]),
        ],
        [
            *[("s", name) for name in ("bad", "one", "two", "done")],
            *[(name, "e") for name in ("bad", "one", "two", "done")],
        ],
    )


async def test_inv_11_siblings_in_flight_are_stopped_within_a_bound_when_the_run_fails(
    runs: RunHarness,
) -> None:
    gate = a_gate()
    run_input = await runs.start(siblings(gate), inputs={"q": "x"})
    await until_begun(gate, 2)
    await until_begun(f"{gate}-bad")
    GATES[f"{gate}-bad"].open.set()
    begun = time.monotonic()
    run = await runs.finished(run_input)
    took = time.monotonic() - begun
    await until(lambda: len(GATES[gate].cancelled) == 2, 2)

    assert (run.status, run.result.error) == (RunStatus.FAILED, "boom")
    assert ends(run) == {
        "s": [NodeExecutionStatus.SUCCEEDED],
        "done": [NodeExecutionStatus.SUCCEEDED],
        "bad": [NodeExecutionStatus.FAILED],
        "one": [NodeExecutionStatus.STOPPED],
        "two": [NodeExecutionStatus.STOPPED],
    }
    assert took < 5
    rows = await runs.dependencies.log.list_node_executions(run_input.ref)
    assert {row.node_id: str(row.status) for row in rows} == {
        "s": "succeeded",
        "done": "succeeded",
        "bad": "failed",
        "one": "stopped",
        "two": "stopped",
    }


async def test_inv_10_a_sibling_whose_outcome_was_recorded_meanwhile_counts_as_finished(
    runs: RunHarness,
) -> None:
    gate, log = a_gate(), runs.dependencies.log
    run_input = await runs.start(siblings(gate), inputs={"q": "x"})
    await until_begun(gate, 2)
    await until_begun(f"{gate}-bad")
    described = await runs.handle(run_input).describe()
    finished = NodeFinished(
        at=time.time(),
        node_exec_id=f"{run_input.run_id}:one",
        node_id="one",
        status=NodeExecutionStatus.SUCCEEDED,
        handle="source",
        outputs={"x": 1},
    )
    await log.record_outcome(
        run_input.ref, described.run_id, "one", 1, Outcome(finished, {"outputs": {"x": 1}})
    )
    GATES[f"{gate}-bad"].open.set()
    run = await runs.finished(run_input)

    assert run.status is RunStatus.FAILED
    assert ends(run)["one"] == [NodeExecutionStatus.SUCCEEDED]
    assert ends(run)["two"] == [NodeExecutionStatus.STOPPED]


async def test_inv_10_an_activity_that_temporal_gave_up_is_a_lost_worker(
    runs: RunHarness,
) -> None:
    gate = a_gate()
    node = an_effect("n", "code", gate=gate, retry_config=RETRIES, error_strategy="fail-branch")
    plan = one_effect(node, "fail-branch", t=["n", "error_type"], m=["n", "error_message"])
    run_input = await runs.start(plan, inputs={"q": "x"})
    await until_begun(gate)
    await fail_by_hand(runs, run_input, "n")
    run = await runs.finished(run_input)

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.outputs == {"t": "WorkerLost", "m": "The node was given up: enough of it"}
    assert GATES[gate].begun == [1]  # the author's retries are not for this
    assert ends(run)["n"] == [NodeExecutionStatus.EXCEPTION]
    assert [f.type for f in run.facts if getattr(f, "node_id", "") == "n"] == [
        "NodeStarted",
        "NodeFailed",
        "NodeFinished",
    ]


async def test_inv_10_what_an_activity_had_recorded_counts_though_temporal_gave_it_up(
    runs: RunHarness,
) -> None:
    gate, log = a_gate(), runs.dependencies.log
    node = an_effect("n", gate=gate, outputs={"x": "mine"})
    run_input = await runs.start(one_effect(node, x=["n", "x"]), inputs={"q": "x"})
    await until_begun(gate)
    finished = NodeFinished(
        at=time.time(),
        node_exec_id=f"{run_input.run_id}:n",
        node_id="n",
        status=NodeExecutionStatus.SUCCEEDED,
        handle="source",
        outputs={"x": "recorded"},
    )
    described = await runs.handle(run_input).describe()
    await log.record_outcome(
        run_input.ref, described.run_id, "n", 1, Outcome(finished, {"outputs": {"x": "recorded"}})
    )
    await fail_by_hand(runs, run_input, "n")
    run = await runs.finished(run_input)

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"x": "recorded"}
    assert ends(run)["n"] == [NodeExecutionStatus.SUCCEEDED]


def overtaken() -> Plan:
    """An effect that waits for a worker, and a node that runs meanwhile."""
    return a_plan(
        [
            a_start("s", "q"),
            an_effect("late", outputs={"x": 1}),
            a_substitute("slow", sleep=0.5, outputs={"x": 2}),
            an_end("e", late=["late", "x"], slow=["slow", "x"]),
        ],
        [("s", "late"), ("s", "slow"), ("late", "e"), ("slow", "e")],
    )


async def test_a_node_that_a_pause_overtook_waits_for_the_resumption_and_does_not_spin(
    runs: RunHarness, dependencies: Dependencies
) -> None:
    later = uuid.uuid4().hex
    queues = runs.queues.model_copy(update={"io": later})
    run_input = await runs.start(overtaken(), inputs={"q": "x"}, queues=queues)
    await logged(runs, run_input, "NodeFinished")
    await runs.signal(run_input, CommandKind.PAUSE, "p1")
    await logged(runs, run_input, "CommandApplied")
    async with working(dependencies, later):
        await logged(runs, run_input, "RunPaused")
        paused = await dependencies.log.read(run_input.ref)
        await runs.signal(run_input, CommandKind.RESUME, "r1")
        run = await runs.finished(run_input)

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"late": 1, "slow": 2}
    assert "late" not in {getattr(entry.fact, "node_id", "") for entry in paused}
    assert (await scheduled(runs, run_input))["late"] == 2
    assert answers(run) == [("p1", "CommandApplied"), ("r1", "CommandApplied")]


async def test_inv_11_a_stop_is_with_an_effect_of_this_process_within_half_a_second(
    runs: RunHarness,
) -> None:
    delays = []
    for _ in range(10):
        gate = a_gate()
        run_input = await runs.start(one_effect(an_effect("n", gate=gate)), inputs={"q": "x"})
        await until_begun(gate)
        begun = time.monotonic()
        await runs.dependencies.log.request_stop(run_input.ref, "c1", "")
        await runs.dependencies.runs.cancel(run_input.run_id, "c1")
        await until(lambda gate=gate: bool(GATES[gate].cancelled), 5)  # type: ignore[misc]
        delays.append(GATES[gate].cancelled[0] - begun)
        run = await runs.finished(run_input)
        assert run.status is RunStatus.STOPPED
        assert ends(run)["n"] == [NodeExecutionStatus.STOPPED]

    assert statistics.quantiles(delays, n=20)[-1] < 0.5, delays


async def test_inv_11_temporal_s_cancel_alone_is_with_an_effect_within_a_second(
    runs: RunHarness,
) -> None:
    gate = a_gate()
    run_input = await runs.start(one_effect(an_effect("n", gate=gate)), inputs={"q": "x"})
    await until_begun(gate)
    begun = time.monotonic()
    await runs.dependencies.runs.cancel(run_input.run_id, "c1")
    await until(lambda: bool(GATES[gate].cancelled), 5)
    run = await runs.finished(run_input)

    assert GATES[gate].cancelled[0] - begun < 1
    assert run.status is RunStatus.STOPPED
    assert ends(run)["n"] == [NodeExecutionStatus.STOPPED]


async def test_inv_05_a_flag_alone_stops_a_run_whose_node_is_at_work(runs: RunHarness) -> None:
    gate = a_gate()
    run_input = await runs.start(one_effect(an_effect("n", gate=gate)), inputs={"q": "x"})
    await until_begun(gate)
    await runs.dependencies.log.request_stop(run_input.ref, "c1", "enough")
    run = await runs.finished(run_input)

    assert run.status is RunStatus.STOPPED
    assert ends(run)["n"] == [NodeExecutionStatus.STOPPED]
    assert answers(run) == [("c1", "CommandApplied")]
    assert len(GATES[gate].cancelled) == 1


async def test_inv_10_a_worker_that_shuts_down_gives_its_start_back(
    runs: RunHarness, dependencies: Dependencies
) -> None:
    gate, queue = a_gate(), uuid.uuid4().hex
    hasty = replace(
        dependencies, settings=dependencies.settings.model_copy(update={"drain_seconds": 0.2})
    )
    queues = runs.queues.model_copy(update={"io": queue})
    plan = one_effect(an_effect("n", gate=gate, outputs={"x": 1}), x=["n", "x"])

    run_input = await runs.start(plan, inputs={"q": "x"}, queues=queues)
    for number in range(1, 4):
        async with working(hasty, queue):
            await until_begun(gate, number)
    GATES[gate].open.set()
    async with working(hasty, queue):
        run = await runs.finished(run_input)

    assert run.status is RunStatus.SUCCEEDED
    assert GATES[gate].begun == [1, 2, 3, 4]
    rows = await dependencies.log.list_node_executions(run_input.ref)
    assert [row.effect_starts for row in rows if row.node_id == "n"] == [1]


async def test_a_worker_that_shuts_down_lets_short_work_finish(
    runs: RunHarness, dependencies: Dependencies
) -> None:
    gate, queue = a_gate(), uuid.uuid4().hex
    queues = runs.queues.model_copy(update={"io": queue})
    plan = a_plan(
        [
            a_start("s", "q"),
            an_effect("n", gate=gate, outputs={"x": 1}),
            a_template("t", "{{ x }}", x=["n", "x"]),
            an_end("e", x=["t", "output"]),
        ],
        [("s", "n"), ("n", "t"), ("t", "e")],
    )

    run_input = await runs.start(plan, inputs={"q": "x"}, queues=queues)
    async with working(dependencies, queue):
        await until_begun(gate)
        asyncio.get_running_loop().call_later(0.3, GATES[gate].open.set)
    run = await runs.finished(run_input)

    assert run.outputs == {"x": "1"}
    assert GATES[gate].begun == [1]
