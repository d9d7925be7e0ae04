"""Graphs of inline nodes on a real Temporal server with real records."""

from collections import Counter

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata

from schema.limits import MAX_FACTS_PER_ACTIVATION
from schema.plan import AppMode
from schema.runs import NodeExecutionStatus, RunStatus
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
from tests.server.harness import RunHarness

pytestmark = pytest.mark.anyio

CHAIN_SECONDS = 2.0
"""What a chain of 1,000 inline nodes may take, on an idle machine."""
PATIENCE = 4
"""The machine may be busy, or slow."""


async def test_a_workflow_gives_the_outputs_of_its_end_node(runs: RunHarness) -> None:
    run = await runs.run(a_chain(2, "a {{ x }}"), inputs={"q": "hi"})

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"r": "a a hi"}


async def test_facts_tell_the_run_in_order(runs: RunHarness) -> None:
    run = await runs.run(a_chain(1), inputs={"q": "hi"})

    assert run.types == [
        "RunStarted",
        *["NodeStarted", "NodeFinished"] * 3,
        "RunFinished",
    ]
    assert [entry.seq for entry in run.log] == sorted(entry.seq for entry in run.log)


async def test_only_the_branch_that_was_chosen_runs(runs: RunHarness) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            a_branch("b", ["s", "q"], "contains", "hello"),
            an_end("yes", true=["s", "q"]),
            an_end("no", false=["s", "q"]),
        ],
        [("s", "b"), ("b", "yes", "true"), ("b", "no", "false")],
    )

    chosen = await runs.run(plan, inputs={"q": "oh hello"})
    other = await runs.run(plan, inputs={"q": "Hello"})

    assert chosen.outputs == {"true": "oh hello"}
    assert other.outputs == {"false": "Hello"}
    assert list(chosen.finished_nodes()) == ["s", "b", "yes"]


async def test_a_join_waits_for_every_branch_and_runs_once(runs: RunHarness) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            *[a_template(f"t{i}", f"{i}{{{{ x }}}}", x=["s", "q"]) for i in range(20)],
            an_end("e", **{f"o{i}": [f"t{i}", "output"] for i in range(20)}),
        ],
        [edge for i in range(20) for edge in (("s", f"t{i}"), (f"t{i}", "e"))],
    )

    run = await runs.run(plan, inputs={"q": "x"})

    assert run.outputs == {f"o{i}": f"{i}x" for i in range(20)}
    assert run.types.count("NodeFinished") == 22


async def test_a_chatflow_concatenates_its_answers(runs: RunHarness) -> None:
    plan = a_plan(
        [a_start("s"), an_answer("a1", "Hello {{#sys.query#}}. "), an_answer("a2", "Bye.")],
        [("s", "a1"), ("a1", "a2")],
        mode=AppMode.ADVANCED_CHAT,
    )

    run = await runs.run(plan, system={"query": "Ann", "dialogue_count": 1})

    assert run.outputs == {"answer": "Hello Ann. Bye.", "files": []}


async def test_inv_01_a_chain_of_1000_inline_nodes_is_quick_in_bounded_activations(
    runs: RunHarness, request: pytest.FixtureRequest
) -> None:
    run = await runs.run(a_chain(1000), inputs={"q": "x"})

    assert run.outputs == {"r": "x"}
    assert run.types.count("NodeFinished") == 1002
    # A workflow's clock stands still within an activation.
    told = Counter(f.at for f in run.facts if f.type in ("NodeStarted", "NodeFinished"))
    assert max(told.values()) <= MAX_FACTS_PER_ACTIVATION + 1
    if request.config.getoption("--cached-workflows"):  # without, each activation replays all
        assert run.facts[-1].at - run.facts[0].at < CHAIN_SECONDS * PATIENCE


async def test_a_failing_condition_fails_the_run_with_its_text_and_no_outputs(
    runs: RunHarness,
) -> None:
    plan = a_plan(
        [
            a_start("s", "n"),
            an_end("early", x=["s", "n"]),
            a_branch("b", ["early", "nope"], "empty"),
            an_end("e", x=["s", "n"]),
        ],
        [("s", "early"), ("early", "b"), ("b", "e", "true")],
    )

    run = await runs.run(plan, inputs={"n": 3})

    assert run.status is RunStatus.FAILED
    assert run.result.error == "Variable ['early', 'nope'] not found"
    assert run.outputs is None
    assert run.result.exceptions_count == 1
    assert run.finished_nodes()["b"] is NodeExecutionStatus.FAILED


async def test_a_fail_branch_absorbs_a_failure_and_the_run_is_partial(runs: RunHarness) -> None:
    plan = a_plan(
        [
            a_start("s", "n"),
            a_branch("b", ["s", "nope"], "empty", error_strategy="fail-branch"),
            an_end("good", x=["s", "n"]),
            an_end("bad", message=["b", "error_message"], type=["b", "error_type"]),
        ],
        [("s", "b"), ("b", "good", "true"), ("b", "bad", "fail-branch")],
    )

    run = await runs.run(plan, inputs={"n": 3})

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.outputs == {"message": "Variable ['s', 'nope'] not found", "type": ""}
    assert run.node("b").handle == "fail-branch"
    assert run.finished_nodes() == {
        "s": NodeExecutionStatus.SUCCEEDED,
        "b": NodeExecutionStatus.EXCEPTION,
        "bad": NodeExecutionStatus.SUCCEEDED,
    }


async def test_author_s_text_in_node_ids_never_reaches_temporal_ids(runs: RunHarness) -> None:
    plan = a_plan(
        [a_start("节点 .#1"), an_end("</e>'; DROP TABLE runs", x=["节点 .#1", "q"])],
        [("节点 .#1", "</e>'; DROP TABLE runs")],
    )

    run = await runs.run(plan, inputs={"q": "x\x00\ud800"})

    assert run.outputs == {"x": "x\x00\ud800"}
    assert all("DROP" not in f.node_exec_id for f in run.facts if hasattr(f, "node_exec_id"))


async def test_a_node_of_an_aggregator_group_is_found_by_path(runs: RunHarness) -> None:
    aggregator = a_node(
        "ag",
        "variable-aggregator",
        output_type="any",
        variables=[],
        advanced_settings={
            "group_enabled": True,
            "groups": [
                {"group_name": "G1", "output_type": "any", "variables": [["s", "a"], ["s", "b"]]},
                {"group_name": "G2", "output_type": "any", "variables": [["s", "zz"]]},
            ],
        },
    )
    plan = a_plan(
        [
            a_start("s", "b"),
            aggregator,
            an_answer("x", "{{#ag.G1.output#}}|{{#ag.G2.output#}}"),
        ],
        [("s", "ag"), ("ag", "x")],
    )

    run = await runs.run(plan, inputs={"b": [1, 2.5]})

    assert run.outputs == {"answer": "- 1\n- 2.5|ag.G2.output", "files": []}


async def test_a_run_started_from_outside_registers_itself(runs: RunHarness) -> None:
    run = await runs.run(a_chain(1), inputs={"q": "x"}, registered=False)

    assert run.outputs == {"r": "x"}
    assert run.types[0] == "RunStarted"


async def test_operators_see_run_id_titles_and_states_in_the_temporal_web_ui(
    runs: RunHarness,
) -> None:
    plan = a_plan(
        [a_start("s", "q"), a_substitute("slow", sleep=1), an_end("e", r=["s", "q"])],
        [("s", "slow"), ("slow", "e")],
    )
    run_input = await runs.start(plan, inputs={"q": "a value"})
    handle = runs.handle(run_input)
    during = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    await runs.finished(run_input)

    after = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    described = await handle.describe()
    assert "| Slow | `code` | running |" in during.current_details
    assert "| E | `end` | done |" in after.current_details
    assert "succeeded" in after.current_details
    assert run_input.run_id in described.id
    assert await described.static_summary() == "test · api"
    assert "a value" not in after.current_details + (await described.static_details() or "")
