"""Lost carriers, Temporal resets, long histories and large values, on a real server."""

import asyncio
import hashlib
from collections import defaultdict

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest

from schema.commands import CommandKind
from schema.facts import RunReset
from schema.plan import AppMode
from schema.runs import RunInput, RunStatus
from schema.values.encoding import from_wire, to_wire
from schema.values.large_values import reference_large, resolve
from schema.values.segments import Segment, SegmentType
from tests.factories import (
    a_branch,
    a_node,
    a_plan,
    a_start,
    a_substitute,
    a_template,
    an_answer,
    an_end,
)
from tests.server.harness import SECONDS, FinishedRun, RunHarness
from tests.server.test_commands import a_slow_plan, logged

pytestmark = pytest.mark.anyio


def numbers_by_source(run: FinishedRun) -> dict[str, list[int]]:
    numbers = defaultdict(list)
    for entry in run.log:
        numbers[entry.src].append(entry.src_seq)
    return numbers


async def test_inv_03_facts_of_a_carrier_that_never_starts_ride_again(runs: RunHarness) -> None:
    plan = a_plan(
        [a_start("s", "q"), a_node("effect", "tool", answer="x"), an_end("e", r=["effect", "x"])],
        [("s", "effect"), ("effect", "e")],
    )
    nobody = runs.queues.model_copy(update={"io": "nobody-polls-this"})
    run_input = await runs.start(plan, inputs={"q": "x"}, queues=nobody)
    await _until_activity_is_pending(runs, run_input)
    before = await runs.dependencies.log.read(run_input.ref)
    await runs.dependencies.runs.cancel(run_input.run_id, "c1")
    run = await runs.finished(run_input)

    assert [e.fact.type for e in before] == ["RunStarted"]
    assert run.status is RunStatus.STOPPED
    assert list(run.finished_nodes()) == ["s", "effect"]
    for source, numbers in numbers_by_source(run).items():
        assert numbers == list(range(1, len(numbers) + 1)), source


async def test_an_activity_of_a_node_records_start_and_outcome_itself(runs: RunHarness) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            a_node("effect", "tool", answer="done"),
            an_end("e", r=["effect", "answer"]),
        ],
        [("s", "effect"), ("effect", "e")],
    )

    run = await runs.run(plan, inputs={"q": "x"})

    assert run.outputs == {"r": "done"}
    assert run.types == ["RunStarted", *["NodeStarted", "NodeFinished"] * 3, "RunFinished"]
    sources = {
        e.src.rpartition("/")[2] for e in run.log if getattr(e.fact, "node_id", "") == "effect"
    }
    assert sources == {"effect@1"}


async def test_a_temporal_reset_of_an_open_run_takes_back_what_it_will_tell_again(
    runs: RunHarness,
) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            a_substitute("one", sleep=0.1, outputs={"x": 1}),
            a_substitute("two", sleep=3, outputs={"x": 2}),
            an_end("e", one=["one", "x"], two=["two", "x"]),
        ],
        [("s", "one"), ("one", "two"), ("two", "e")],
    )
    run_input = await runs.start(plan, inputs={"q": "x"})
    await _until_node_finished(runs, run_input, "one")
    await _reset_to_first_task(runs, run_input)
    run = await runs.finished(run_input)

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"one": 1, "two": 2}
    resets = [f for f in run.facts if isinstance(f, RunReset)]
    assert len(resets) == 1
    assert run.types.count("RunFinished") == 1
    told = [
        e.fact.node_id
        for e in run.log
        if e.fact.type == "NodeFinished"
        and (e.src != resets[0].old_src or e.src_seq <= resets[0].after)
    ]
    assert told == ["s", "one", "two", "e"]


async def test_a_long_history_continues_as_new_without_losing_or_repeating_a_fact(
    runs: RunHarness,
) -> None:
    nodes = [
        a_start("s", "q"),
        *[a_substitute(f"n{i}", sleep=0.02, outputs={"x": i}) for i in range(8)],
    ]
    plan = a_plan(
        [*nodes, an_end("e", r=["n7", "x"], q=["s", "q"])],
        [("s", "n0"), *[(f"n{i}", f"n{i + 1}") for i in range(7)], ("n7", "e")],
    )

    run = await runs.run(plan, inputs={"q": [1, 2.0]}, policy={"max_history_events": 20})

    first = await runs.handle(run_input_of(run)).describe()
    assert run.outputs == {"r": 7, "q": [1, 2.0]}
    assert list(run.finished_nodes()) == ["s", *[f"n{i}" for i in range(8)], "e"]
    assert [f.index for f in run.facts if f.type == "NodeStarted"] == list(range(1, 11))
    assert len({e.src for e in run.log if e.src.endswith("/wf")}) > 1
    assert RunReset not in {type(f) for f in run.facts}
    assert first.status is not None


async def test_a_pause_survives_continue_as_new(runs: RunHarness) -> None:
    run_input = await runs.start(a_slow_plan(), inputs={"q": "x"}, policy={"max_history_events": 5})
    await runs.signal(run_input, CommandKind.PAUSE, "p1")
    await logged(runs, run_input, "RunPaused")
    await runs.signal(run_input, CommandKind.PAUSE, "p1")
    await runs.signal(run_input, CommandKind.RESUME, "r1")
    run = await runs.finished(run_input)

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"r": "x", "x": 1}
    assert [f.command_id for f in run.facts if f.type == "CommandApplied"] == ["p1", "r1"]


async def test_inv_15_a_10_mb_input_runs_through_start_aggregator_and_end(
    runs: RunHarness,
) -> None:
    text = "0123456789abcdé\x00" * 655_360
    plan = a_plan(
        [
            a_start("s", "q"),
            a_node("ag", "variable-aggregator", output_type="string", variables=[["s", "q"]]),
            an_end("e", r=["ag", "output"]),
        ],
        [("s", "ag"), ("ag", "e")],
    )
    large = await _large(runs, text)

    run = await runs.run(plan, inputs={"q": to_wire(large)})

    back = await _resolved(runs, run)
    assert hashlib.sha256(back.encode()).digest() == hashlib.sha256(text.encode()).digest()
    history = await runs.handle(run_input_of(run)).fetch_history()
    assert sum(event.ByteSize() for event in history.events) < 100_000


async def test_rendering_and_deciding_over_a_reference_happens_in_an_activity(
    runs: RunHarness,
) -> None:
    text = "hello " * 20_000
    plan = a_plan(
        [
            a_start("s", "q"),
            a_branch("b", ["s", "q"], "start with", "hello"),
            a_template("t", "<{{ q }}>", q=["s", "q"]),
            an_answer("a1", "A"),
            an_answer("a2", "{{#t.output#}}"),
        ],
        [("s", "b"), ("b", "t", "true"), ("t", "a1"), ("a1", "a2")],
        mode=AppMode.ADVANCED_CHAT,
    )

    run = await runs.run(plan, inputs={"q": to_wire(await _large(runs, text))})

    assert await _resolved(runs, run, "answer") == f"A<{text}>"
    assert run.types.count("NodeStarted") == 5


async def test_a_condition_that_fails_over_a_reference_goes_to_the_fail_branch(
    runs: RunHarness,
) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            a_branch("b", ["s", "q"], ">", "1", error_strategy="fail-branch"),
            an_end("bad", message=["b", "error_message"]),
        ],
        [("s", "b"), ("b", "bad", "fail-branch")],
    )

    run = await runs.run(plan, inputs={"q": to_wire(await _large(runs, "x" * 100_000))})

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.outputs == {"message": "Invalid actual value type: number"}
    assert run.result.exceptions_count == 1


async def test_a_result_that_grows_too_large_inline_is_made_in_an_activity(
    runs: RunHarness,
) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            a_template("t", "{{ q }}" * 10, q=["s", "q"]),
            an_end("e", r=["t", "output"]),
        ],
        [("s", "t"), ("t", "e")],
    )

    run = await runs.run(plan, inputs={"q": "x" * 20_000})

    assert await _resolved(runs, run) == "x" * 200_000


def run_input_of(run: FinishedRun) -> RunInput:
    plan = a_plan([a_start("s"), an_end("e")], [("s", "e")])
    return RunInput(run_id=run.result.run_id, plan=plan)


async def _large(runs: RunHarness, text: str) -> Segment:
    segment = await reference_large(Segment.infer(text), runs.dependencies.artifacts, "local")
    assert segment.is_reference
    return segment


async def _resolved(runs: RunHarness, run: FinishedRun, name: str = "r") -> str:
    assert run.outputs is not None
    reference = Segment(SegmentType.STRING, from_wire(run.outputs[name]))
    assert reference.is_reference
    text = (await resolve(reference, runs.dependencies.artifacts, "local")).value
    assert isinstance(text, str)
    return text


async def _until_node_finished(runs: RunHarness, run_input: RunInput, node_id: str) -> None:
    async with asyncio.timeout(SECONDS):
        async for facts in runs.dependencies.log.follow(run_input.ref):
            if any(e.fact.type == "NodeFinished" and e.fact.node_id == node_id for e in facts):
                return


async def _until_activity_is_pending(runs: RunHarness, run_input: RunInput) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            described = await runs.handle(run_input).describe()
            if described.raw_description.pending_activities:
                return
            await asyncio.sleep(0.02)


async def _reset_to_first_task(runs: RunHarness, run_input: RunInput) -> None:
    handle = runs.handle(run_input)
    history = await handle.fetch_history()
    first = next(
        e.event_id
        for e in history.events
        if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED
    )
    described = await handle.describe()
    client = runs.dependencies.temporal
    await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=described.id, run_id=described.run_id),
            reason="test",
            workflow_task_finish_event_id=first,
            request_id="reset",
        )
    )
