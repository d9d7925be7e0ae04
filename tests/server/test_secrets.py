"""Secrets of runs on a real server: in the history only references, tokens and masks."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from api.run_requests import RunRequest
from schema.facts import Fact, NodeFinished
from schema.limits import RunPolicy
from schema.plan import AppMode, Plan, PlanVariable
from schema.runs import RunStatus
from schema.values.encoding import encode, from_wire, masked_wire
from schema.values.sealed import Sealed
from schema.values.secret_ref import SecretRef, mask
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
from tests.server.harness import FinishedRun, RunHarness

pytestmark = pytest.mark.anyio

CANARY = "sk-canary-0123456789"
MASK = mask(CANARY)
KEY = ["env", "KEY"]


def a_plan_with_a_secret(
    nodes: list[Any], edges: list[Any], mode: AppMode = AppMode.WORKFLOW
) -> Plan:
    variables = [PlanVariable(name="KEY", value_type="secret")]
    return a_plan([a_start("s", "q"), *nodes], edges, mode=mode, environment=variables)


async def run_with_secret(
    runs: RunHarness, plan: Plan, policy: Mapping[str, Any] | None = None, **fields: Any
) -> FinishedRun:
    """Run a plan, and look for the secret in all that its histories and its log have."""
    request = RunRequest(
        plan=plan,
        inputs={"q": "x"},
        environment={"KEY": CANARY},
        policy=RunPolicy(**(policy or {})),
        **fields,
    )
    run = await runs.run_request(request)
    run_id = run.run_input.run_id
    histories = [h for name, h in (await runs.histories()).items() if name.startswith(run_id)]
    assert histories
    for text in (*histories, encode([fact.model_dump() for fact in run.facts])):
        assert CANARY not in text
    return run


def joined(*nodes: Any) -> Plan:
    """Start, the nodes in a row, and an end that gives the output of each."""
    names = ["s", *(node["id"] for node in nodes), "e"]
    outputs = {node["id"]: [node["id"], "output"] for node in nodes}
    end = an_end("e", key=KEY, **outputs)
    return a_plan_with_a_secret([*nodes, end], list(pairwise(names)))


async def test_inv_17_a_value_with_a_secret_is_sealed_and_used_again(runs: RunHarness) -> None:
    plan = joined(
        a_template("a", "Bearer {{ key }}", key=KEY),
        a_template("b", "<{{ a }}>", a=["a", "output"]),
        a_node("c", "variable-aggregator", output_type="string", variables=[["b", "output"]]),
    )

    run = await run_with_secret(runs, plan)

    assert run.status is RunStatus.SUCCEEDED
    outputs = {name: from_wire(wire) for name, wire in (run.outputs or {}).items()}
    assert outputs["key"] == SecretRef("env.KEY", MASK)
    assert isinstance(outputs["a"], Sealed)
    assert outputs["c"] == outputs["b"]
    assert masked_wire(run.outputs) == {
        "key": MASK,
        "a": f"Bearer {MASK}",
        "b": f"<Bearer {MASK}>",
        "c": f"<Bearer {MASK}>",
    }
    assert run.folded()["outputs"] == masked_wire(run.outputs)


@pytest.mark.parametrize(
    ("operator", "value", "handle"),
    [
        ("not empty", None, "true"),
        ("contains", "canary", "true"),
        ("is", "{{#env.KEY#}}", "true"),
        ("is", MASK, "false"),
        ("start with", "{{#env.KEY#}}", "true"),
    ],
)
async def test_a_condition_sees_the_secret_itself(
    runs: RunHarness, operator: str, value: str | None, handle: str
) -> None:
    plan = a_plan_with_a_secret(
        [a_branch("b", KEY, operator, value), an_end("t", r=["s", "q"]), an_end("f", r=["s", "q"])],
        [("s", "b"), ("b", "t", "true"), ("b", "f", "false")],
    )
    run = await run_with_secret(runs, plan)

    assert run.node("b").handle == handle


async def test_inv_17_secrets_go_through_continue_as_new(runs: RunHarness) -> None:
    waits = [a_substitute(f"w{n}", sleep=0.02, outputs={"output": n}) for n in range(8)]
    plan = joined(
        a_template("a", "Bearer {{ key }}", key=KEY),
        *waits,
        a_template("z", "{{ a }}{{ key }}", a=["a", "output"], key=KEY),
    )

    run = await run_with_secret(runs, plan, {"max_history_events": 20})

    assert run.status is RunStatus.SUCCEEDED
    assert masked_wire(run.outputs)["z"] == f"Bearer {MASK}{MASK}"
    names = [name for name in await runs.histories() if name.startswith(run.run_input.run_id)]
    assert len(names) > 1


async def test_an_answer_is_masked_where_dify_shows_it(runs: RunHarness) -> None:
    answers = [an_answer("a", "Key: {{#env.KEY#}}. "), an_answer("b", "{{#t.output#}}!")]
    plan = a_plan_with_a_secret(
        [a_template("t", "x-{{ key }}", key=KEY), *answers],
        [("s", "t"), ("t", "a"), ("a", "b")],
        AppMode.ADVANCED_CHAT,
    )

    run = await run_with_secret(runs, plan, query="Hi")

    shown = f"Key: {MASK}. x-{MASK}!"
    assert run.folded()["outputs"]["answer"] == shown
    said = [event.data["answer"] for event in run.events() if event.name == "message"]
    assert "".join(said) == shown


async def test_inv_17_an_error_that_tells_a_secret_is_masked(runs: RunHarness) -> None:
    """The operator is refused with the value in its message (dify-nodes 4.3)."""
    branch = a_branch("b", KEY, ">", "{{#env.KEY#}}", error_strategy="fail-branch")
    plan = a_plan_with_a_secret(
        [branch, an_end("e", why=["b", "error_message"])],
        [("s", "b"), ("b", "e", "fail-branch")],
    )

    run = await run_with_secret(runs, plan)

    failed = next(f for f in run.facts if isinstance(f, NodeFinished) and f.node_id == "b")
    assert failed.error
    assert (run.outputs or {})["why"] == failed.error


async def test_inv_17_the_same_facts_come_inline_and_from_an_activity(runs: RunHarness) -> None:
    """A large value sends the aggregator's neighbours to `evaluate`; references stay the same."""
    ends = [an_end("e", key=KEY, q=["s", "q"])]
    plan = a_plan_with_a_secret(
        [a_node("g", "variable-aggregator", output_type="any", variables=[KEY]), *ends],
        [("s", "g"), ("g", "e")],
    )
    inline = await run_with_secret(runs, plan)
    evaluated = joined(a_template("t", "{{ key }}", key=KEY))

    through = await run_with_secret(runs, evaluated)

    reference = SecretRef("env.KEY", MASK)
    assert [from_wire(w) for w in _outputs(inline.facts, "g")] == [reference]
    assert [from_wire(w) for w in _outputs(through.facts, "t")] == [reference]


def _outputs(facts: list[Fact], node_id: str) -> list[Any]:
    found = (f for f in facts if isinstance(f, NodeFinished) and f.node_id == node_id)
    return [wire for fact in found for wire in (fact.outputs or {}).values()]


async def test_a_run_from_outside_names_the_secret_that_it_lacks(runs: RunHarness) -> None:
    plan = joined(a_template("a", "Bearer {{ key }}", key=KEY))

    run = await runs.run(plan, inputs={"q": "x"}, registered=False)

    assert run.status is RunStatus.FAILED
    assert run.result.error is not None
    assert "started without a value for the secret 'env.KEY'" in run.result.error
