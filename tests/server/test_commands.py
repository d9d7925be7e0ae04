"""Pause, resume and stop: signals answered by exactly one fact, also in a race with the end."""

import asyncio
import uuid
from collections import Counter

import pytest

from schema.commands import Command, CommandKind
from schema.facts import CommandApplied, CommandRefused, RunPaused
from schema.plan import Plan
from schema.runs import NodeExecutionStatus, Queues, RunInput, RunStatus
from tests.factories import a_chain, a_node, a_plan, a_start, a_substitute, a_template, an_end
from tests.server.harness import SECONDS, FinishedRun, RunHarness, working
from workers.dependencies import Dependencies

pytestmark = pytest.mark.anyio


def a_slow_plan(seconds: float = 1.0) -> Plan:
    """A run with time for a command or two, though the machine is slow."""
    return a_plan(
        [
            a_start("s", "q"),
            a_substitute("slow", sleep=seconds, outputs={"x": 1}),
            a_template("t", "{{ q }}", q=["s", "q"]),
            an_end("e", r=["t", "output"], x=["slow", "x"]),
        ],
        [("s", "slow"), ("slow", "t"), ("t", "e")],
    )


def answers(run: FinishedRun) -> list[tuple[str, str]]:
    return [
        (f.command_id, f.type) for f in run.facts if isinstance(f, CommandApplied | CommandRefused)
    ]


async def logged(runs: RunHarness, run_input: RunInput, fact_type: str) -> None:
    """Wait until the log has a fact of a type."""
    async with asyncio.timeout(SECONDS):
        async for facts in runs.dependencies.log.follow(run_input.ref):
            if any(entry.fact.type == fact_type for entry in facts):
                return


async def test_pause_lets_the_running_node_finish_and_starts_none(runs: RunHarness) -> None:
    run_input = await runs.start(a_slow_plan(), inputs={"q": "x"})
    await logged(runs, run_input, "NodeFinished")
    await runs.signal(run_input, CommandKind.PAUSE, "p1")
    await logged(runs, run_input, "RunPaused")

    head = await runs.dependencies.log.get_head(run_input.ref)
    paused = await runs.dependencies.log.read(run_input.ref)
    await runs.signal(run_input, CommandKind.RESUME, "r1")
    run = await runs.finished(run_input)

    assert head.status is RunStatus.PAUSED
    assert [e.fact.node_id for e in paused if e.fact.type == "NodeFinished"] == ["s", "slow"]
    assert [f.reasons[0]["message"] for f in run.facts if isinstance(f, RunPaused)] == ["test"]
    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"r": "x", "x": 1}
    assert answers(run) == [("p1", "CommandApplied"), ("r1", "CommandApplied")]
    assert run.types.index("RunPaused") < run.types.index("RunResumed")


async def test_inv_06_a_repeated_command_is_answered_once_and_a_pointless_one_refused(
    runs: RunHarness,
) -> None:
    run_input = await runs.start(a_slow_plan(2), inputs={"q": "x"})
    for command_id in ("p1", "p1", "p2"):
        await runs.signal(run_input, CommandKind.PAUSE, command_id)
    for command_id in ("r1", "r1", "r2"):
        await runs.signal(run_input, CommandKind.RESUME, command_id)
    run = await runs.finished(run_input)

    assert run.status is RunStatus.SUCCEEDED
    assert dict(answers(run)) == {
        "p1": "CommandApplied",
        "p2": "CommandRefused",
        "r1": "CommandApplied",
        "r2": "CommandRefused",
    }
    assert max(Counter(command_id for command_id, _ in answers(run)).values()) == 1


async def test_the_signal_stop_ends_the_run_as_stopped_with_partial_results(
    runs: RunHarness,
) -> None:
    run_input = await runs.start(a_slow_plan(60), inputs={"q": "x"})
    await logged(runs, run_input, "NodeFinished")
    await runs.signal(run_input, CommandKind.STOP, "s1")
    run = await runs.finished(run_input)

    described = await runs.handle(run_input).describe()
    assert run.status is RunStatus.STOPPED
    assert run.result.error == "Aborted: test"
    assert run.outputs == {}
    assert run.finished_nodes()["slow"] is NodeExecutionStatus.STOPPED
    assert answers(run) == [("s1", "CommandApplied")]
    assert described.status is not None
    assert described.status.name == "COMPLETED"


async def test_temporal_s_cancel_means_stop_and_its_reason_names_the_command(
    runs: RunHarness,
) -> None:
    run_input = await runs.start(a_slow_plan(60), inputs={"q": "x"})
    await logged(runs, run_input, "NodeFinished")
    await runs.dependencies.runs.cancel(run_input.run_id, "c1")
    run = await runs.finished(run_input)

    described = await runs.handle(run_input).describe()
    assert run.status is RunStatus.STOPPED
    assert answers(run) == [("c1", "CommandApplied")]
    assert described.status is not None
    assert described.status.name == "CANCELED"


async def test_a_paused_run_can_be_stopped(runs: RunHarness) -> None:
    run_input = await runs.start(a_slow_plan(), inputs={"q": "x"})
    await runs.signal(run_input, CommandKind.PAUSE, "p1")
    await logged(runs, run_input, "RunPaused")
    await runs.dependencies.runs.cancel(run_input.run_id, "c1")
    run = await runs.finished(run_input)

    assert run.status is RunStatus.STOPPED
    assert answers(run) == [("p1", "CommandApplied"), ("c1", "CommandApplied")]


async def test_a_signal_without_an_argument_works_as_from_the_temporal_cli(
    runs: RunHarness,
) -> None:
    run_input = await runs.start(a_slow_plan(), inputs={"q": "x"})
    await runs.handle(run_input).signal("pause")
    await logged(runs, run_input, "RunPaused")
    await runs.handle(run_input).signal("resume")
    run = await runs.finished(run_input)

    assert run.status is RunStatus.SUCCEEDED
    assert [answer for _, answer in answers(run)] == ["CommandApplied"] * 2


async def test_inv_06_a_pause_that_races_with_the_end_has_one_answer(runs: RunHarness) -> None:
    for number in range(15):
        run_input = await runs.start(a_chain(3), inputs={"q": "x"})
        await asyncio.sleep(number / 1000)  # the race is the point: a different moment each time
        delivered = await runs.dependencies.runs.signal(
            run_input.run_id, CommandKind.PAUSE, _pause()
        )
        head = await runs.dependencies.log.get_head(run_input.ref)
        if delivered and head.ended is None:
            await runs.signal(run_input, CommandKind.RESUME, "r1")
        run = await runs.finished(run_input)

        assert run.status is RunStatus.SUCCEEDED
        assert run.outputs == {"r": "x"}
        given = [answer for command_id, answer in answers(run) if command_id == "p1"]
        assert len(given) == (1 if delivered else 0)
        assert run.types.count("RunFinished") == 1


async def test_a_retry_waits_for_a_pause_like_any_other_start(runs: RunHarness) -> None:
    retries = {"retry_enabled": True, "max_retries": 2, "retry_interval": 1000}
    plan = a_plan(
        [
            a_start("s", "q"),
            a_substitute("flaky", failures=1, outputs={"x": 1}, retry_config=retries),
            an_end("e", x=["flaky", "x"]),
        ],
        [("s", "flaky"), ("flaky", "e")],
    )
    run_input = await runs.start(plan, inputs={"q": "x"})
    await logged(runs, run_input, "NodeRetried")
    await runs.signal(run_input, CommandKind.PAUSE, "p1")
    await logged(runs, run_input, "RunPaused")
    before = [e.fact.type for e in await runs.dependencies.log.read(run_input.ref)]
    await runs.signal(run_input, CommandKind.RESUME, "r1")
    run = await runs.finished(run_input)

    assert before.count("NodeStarted") == 2
    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.outputs == {"x": 1}
    assert run.result.exceptions_count == 1
    assert [f.attempt for f in run.facts if f.type == "NodeStarted"] == [1, 1, 2, 1]


async def test_the_query_state_shows_nodes_and_never_values(runs: RunHarness) -> None:
    run_input = await runs.start(a_slow_plan(), inputs={"q": "secret-value"})
    await logged(runs, run_input, "NodeFinished")

    state = await runs.dependencies.runs.state(run_input.run_id)
    await runs.finished(run_input)

    assert state["nodes"] == {"s": "done", "slow": "running", "t": "waiting", "e": "waiting"}
    assert state["running"] == ["slow"]
    assert "s.q" in state["variables"]
    assert "secret-value" not in str(state)


async def test_siblings_in_flight_are_stopped_when_the_run_fails(runs: RunHarness) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            a_substitute("slow", sleep=60),
            a_substitute("bad", sleep=0.1, error="boom"),
            an_end("e", x=["slow", "x"]),
        ],
        [("s", "slow"), ("s", "bad"), ("slow", "e"), ("bad", "e")],
    )

    run = await runs.run(plan, inputs={"q": "x"})

    assert run.status is RunStatus.FAILED
    assert run.result.error == "boom"
    assert run.finished_nodes() == {
        "s": NodeExecutionStatus.SUCCEEDED,
        "bad": NodeExecutionStatus.FAILED,
        "slow": NodeExecutionStatus.STOPPED,
    }


async def test_limits_of_steps_and_active_time_stop_a_run_with_a_named_reason(
    runs: RunHarness,
) -> None:
    steps = await runs.run(a_chain(5), inputs={"q": "x"}, policy={"max_steps": 3})
    active = await runs.run(a_slow_plan(60), inputs={"q": "x"}, policy={"active_timeout": 0.2})

    assert steps.status is active.status is RunStatus.STOPPED
    assert steps.result.error == "Aborted: Maximum execution steps exceeded: 4 > 3"
    assert active.result.error == "Aborted: Maximum execution time exceeded: 0.2s active"


def _pause() -> Command:
    return Command(command_id="p1", reason="test")


async def test_a_stop_whose_cancel_never_came_still_ends_the_run_at_its_next_writing(
    runs: RunHarness,
) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            a_substitute("slow", sleep=1),
            a_node("effect", "tool", answer="x"),
            an_end("e", r=["effect", "answer"]),
        ],
        [("s", "slow"), ("slow", "effect"), ("effect", "e")],
    )
    run_input = await runs.start(plan, inputs={"q": "x"})
    await logged(runs, run_input, "NodeFinished")
    await runs.dependencies.log.request_stop(run_input.ref, "c1", "enough")
    run = await runs.finished(run_input)

    assert run.status is RunStatus.STOPPED
    assert answers(run) == [("c1", "CommandApplied")]
    assert run.types.count("RunFinished") == 1


async def test_inv_05_a_cancel_that_races_with_the_end_leaves_one_terminal_state(
    runs: RunHarness,
) -> None:
    for number in range(15):
        run_input = await runs.start(a_chain(3), inputs={"q": "x"})
        await asyncio.sleep(number / 1000)  # the race is the point: a different moment each time
        status = await runs.dependencies.log.request_stop(run_input.ref, "c1", "")
        await runs.dependencies.runs.cancel(run_input.run_id, "c1")
        run = await runs.finished(run_input)

        assert run.status in (RunStatus.SUCCEEDED, RunStatus.STOPPED)
        assert run.types.count("RunFinished") == 1
        applied = "CommandApplied" if run.status is RunStatus.STOPPED else "CommandRefused"
        assert answers(run) == [("c1", applied)], status


async def test_a_stop_that_came_before_the_first_task_wins_against_a_short_run(
    runs: RunHarness, dependencies: Dependencies
) -> None:
    queue = uuid.uuid4().hex
    queues = Queues(run=queue, io=queue, code=queue)
    run_input = await runs.start(a_chain(1), inputs={"q": "x"}, queues=queues)
    await runs.dependencies.runs.cancel(run_input.run_id, "c1")

    async with working(dependencies, queue, workflows=True):
        run = await runs.finished(run_input)

    assert run.status is RunStatus.STOPPED
    assert answers(run) == [("c1", "CommandApplied")]
    assert "NodeStarted" not in run.types
