"""Runs whose histories are kept in tests/histories, so that every later build replays them.

`pytest tests/server/test_kept_histories.py --record-histories tests/histories` records them again;
that is right only where a new version of the semantics makes the old ones unreplayable. Their plans
and values are small: nothing in them needs the artifact store.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from schema.commands import CommandKind
from schema.plan import AppMode, Plan
from schema.runs import RunInput, RunStatus
from tests.effects import GATES, an_effect
from tests.factories import (
    a_branch,
    a_chain,
    a_node,
    a_plan,
    a_start,
    a_substitute,
    a_template,
    an_answer,
    an_end,
)
from tests.server.harness import FinishedRun, RunHarness, working
from tests.server.test_commands import a_slow_plan, logged
from tests.server.test_effects import a_gate, fail_by_hand, overtaken, siblings, until_begun

pytestmark = pytest.mark.anyio

HISTORIES = Path(__file__).parents[1] / "histories"
RETRIES = {"retry_enabled": True, "max_retries": 2, "retry_interval": 50}


def branches() -> Plan:
    """A chatflow with a branch, parallel templates behind it, a join and two answers."""
    templates = [f"t{index}" for index in range(6)]
    return a_plan(
        [
            a_start("s", "q"),
            a_branch("b", ["s", "q"], "contains", "hi"),
            *[a_template(name, f"{name} {{{{ q }}}}", q=["s", "q"]) for name in templates],
            a_node("ag", "variable-aggregator", variables=[["other", "output"], ["t3", "output"]]),
            an_answer("one", "{{#ag.output#}}. "),
            an_answer("two", "{{#t0.output#}} {{#sys.query#}}"),
            a_template("other", "other"),
        ],
        [
            ("s", "b"),
            *[("b", name, "true") for name in templates],
            ("b", "other", "false"),
            *[(name, "ag") for name in [*templates, "other"]],
            ("ag", "one"),
            ("one", "two"),
        ],
        mode=AppMode.ADVANCED_CHAT,
    )


def side_by_side() -> Plan:
    """Twelve nodes that wait beside each other, some as long as others, and their join."""
    names = [f"n{index}" for index in range(12)]
    return a_plan(
        [
            a_start("s"),
            *[
                a_substitute(name, sleep=0.02 * (index % 3), outputs={"x": index})
                for index, name in enumerate(names)
            ],
            an_end("e", **{name: [name, "x"] for name in names}),
        ],
        [edge for name in names for edge in (("s", name), (name, "e"))],
    )


def waits_in_a_row(count: int) -> Plan:
    """Waits and templates in turn: facts are written at every wait."""
    nodes, edges, previous = [a_start("s", "q")], [], "s"
    for index in range(count):
        wait, text = f"w{index}", f"t{index}"
        nodes += [
            a_substitute(wait, sleep=0.005, outputs={"x": index}),
            a_template(text, "{{ x }}", x=[wait, "x"]),
        ]
        edges += [(previous, wait), (wait, text)]
        previous = text
    return a_plan([*nodes, an_end("e", r=[previous, "output"])], [*edges, (previous, "e")])


def one_node(node: dict[str, Any], handle: str = "source", **outputs: list[str]) -> Plan:
    """Start, a node, an end."""
    return a_plan(
        [a_start("s", "q"), node, an_end("e", **outputs)], [("s", "n"), ("n", "e", handle)]
    )


async def run_plan(runs: RunHarness, plan: Plan, **fields: Any) -> FinishedRun:
    return await runs.run(plan, **{"inputs": {"q": "hi"}, "system": {"query": "hi"}, **fields})


async def pause_and_resume(runs: RunHarness, **fields: Any) -> FinishedRun:
    run_input = await runs.start(a_slow_plan(), inputs={"q": "hi"}, **fields)
    await runs.signal(run_input, CommandKind.PAUSE, "p1")
    await logged(runs, run_input, "RunPaused")
    await runs.signal(run_input, CommandKind.PAUSE, "p2")
    await runs.signal(run_input, CommandKind.RESUME, "r1")
    return await runs.finished(run_input)


async def stopped(runs: RunHarness, stop: Callable[[RunInput], Awaitable[object]]) -> FinishedRun:
    run_input = await runs.start(a_slow_plan(60), inputs={"q": "hi"})
    await logged(runs, run_input, "NodeFinished")
    await stop(run_input)
    return await runs.finished(run_input)


async def stop_by_signal(runs: RunHarness) -> FinishedRun:
    return await stopped(runs, lambda given: runs.signal(given, CommandKind.STOP, "s1"))


async def stop_by_cancel(runs: RunHarness) -> FinishedRun:
    cancel = runs.dependencies.runs.cancel
    return await stopped(runs, lambda given: cancel(given.run_id, "c1"))


async def given_up_by_temporal(runs: RunHarness) -> FinishedRun:
    gate = a_gate()
    node = an_effect("n", gate=gate, error_strategy="fail-branch")
    plan = one_node(node, "fail-branch", why=["n", "error_type"])
    run_input = await runs.start(plan, inputs={"q": "hi"})
    await until_begun(gate)
    await fail_by_hand(runs, run_input, "n")
    return await runs.finished(run_input)


async def siblings_in_flight(runs: RunHarness) -> FinishedRun:
    gate = a_gate()
    run_input = await runs.start(siblings(gate), inputs={"q": "hi"})
    await until_begun(gate, 2)
    await until_begun(f"{gate}-bad")
    GATES[f"{gate}-bad"].open.set()
    return await runs.finished(run_input)


async def overtaken_by_a_pause(runs: RunHarness, **fields: Any) -> FinishedRun:
    late = "late-histories"
    queues = runs.queues.model_copy(update={"io": late})
    run_input = await runs.start(overtaken(), inputs={"q": "hi"}, queues=queues, **fields)
    await logged(runs, run_input, "NodeFinished")
    await runs.signal(run_input, CommandKind.PAUSE, "p1")
    await logged(runs, run_input, "CommandApplied")
    async with working(runs.dependencies, late):
        await logged(runs, run_input, "RunPaused")
        await runs.signal(run_input, CommandKind.RESUME, "r1")
        return await runs.finished(run_input)


async def stopped_by_its_flag(runs: RunHarness) -> FinishedRun:
    gate = a_gate()
    plan = one_node(an_effect("n", gate=gate), x=["n", "x"])
    run_input = await runs.start(plan, inputs={"q": "hi"})
    await until_begun(gate)
    await runs.dependencies.log.request_stop(run_input.ref, "c1", "enough")
    return await runs.finished(run_input)


Play = Callable[[RunHarness], Awaitable[FinishedRun]]
PLAYS: Mapping[str, tuple[Play, RunStatus]] = {
    "plain_chain": (lambda runs: run_plan(runs, a_chain(3)), RunStatus.SUCCEEDED),
    "branches_and_joins": (lambda runs: run_plan(runs, branches()), RunStatus.SUCCEEDED),
    "side_by_side": (lambda runs: run_plan(runs, side_by_side()), RunStatus.SUCCEEDED),
    "registers_itself": (
        lambda runs: run_plan(runs, a_chain(1), registered=False),
        RunStatus.SUCCEEDED,
    ),
    "pause_and_resume": (pause_and_resume, RunStatus.SUCCEEDED),
    "stop_by_signal": (stop_by_signal, RunStatus.STOPPED),
    "stop_by_cancel": (stop_by_cancel, RunStatus.STOPPED),
    "retry_that_succeeds": (
        lambda runs: run_plan(
            runs,
            one_node(
                a_substitute("n", failures=1, outputs={"x": 1}, retry_config=RETRIES), x=["n", "x"]
            ),
        ),
        RunStatus.PARTIAL_SUCCEEDED,
    ),
    "retries_that_fail": (
        lambda runs: run_plan(
            runs, one_node(a_substitute("n", failures=9, retry_config=RETRIES), x=["n", "x"])
        ),
        RunStatus.FAILED,
    ),
    "condition_that_fails": (
        lambda runs: run_plan(runs, one_node(a_branch("n", ["s", "zz"], "empty"), "true")),
        RunStatus.FAILED,
    ),
    "fail_branch": (
        lambda runs: run_plan(
            runs,
            one_node(
                a_branch("n", ["s", "zz"], "empty", error_strategy="fail-branch"),
                "fail-branch",
                why=["n", "error_message"],
            ),
        ),
        RunStatus.PARTIAL_SUCCEEDED,
    ),
    "node_with_an_activity": (
        lambda runs: run_plan(
            runs, one_node(a_node("n", "tool", answer="done"), x=["n", "answer"])
        ),
        RunStatus.SUCCEEDED,
    ),
    "many_flushes": (lambda runs: run_plan(runs, waits_in_a_row(15)), RunStatus.SUCCEEDED),
    "continue_as_new": (
        lambda runs: run_plan(runs, waits_in_a_row(6), policy={"max_history_events": 20}),
        RunStatus.SUCCEEDED,
    ),
    "pause_over_continue_as_new": (
        lambda runs: pause_and_resume(runs, policy={"max_history_events": 5}),
        RunStatus.SUCCEEDED,
    ),
    "given_up_by_temporal": (given_up_by_temporal, RunStatus.PARTIAL_SUCCEEDED),
    "siblings_in_flight": (siblings_in_flight, RunStatus.FAILED),
    "overtaken_by_a_pause": (overtaken_by_a_pause, RunStatus.SUCCEEDED),
    "overtaken_over_continue_as_new": (
        lambda runs: overtaken_by_a_pause(runs, policy={"max_history_events": 5}),
        RunStatus.SUCCEEDED,
    ),
    "stopped_by_its_flag": (stopped_by_its_flag, RunStatus.STOPPED),
    "retries_of_an_effect": (
        lambda runs: run_plan(
            runs,
            one_node(
                an_effect(
                    "n", "code", failures=1, error="no", outputs={"x": 1}, retry_config=RETRIES
                ),
                x=["n", "x"],
            ),
        ),
        RunStatus.PARTIAL_SUCCEEDED,
    ),
    "step_limit": (
        lambda runs: run_plan(runs, a_chain(6), policy={"max_steps": 3}),
        RunStatus.STOPPED,
    ),
}
"""What is kept, by name: how to play it and how it ends."""


@pytest.mark.parametrize("name", PLAYS)
async def test_a_kept_history_is_of_a_run_that_ends_so(runs: RunHarness, name: str) -> None:
    play, status = PLAYS[name]

    run = await play(runs)

    runs.keep_history(run.run_input, name)
    assert run.status is status


def test_every_one_is_kept(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--record-histories"):
        pytest.skip("they are being recorded")
    kept = {path.name.partition(".")[0] for path in HISTORIES.glob("*.json")}

    assert kept == set(PLAYS)
