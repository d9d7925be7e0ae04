"""Real exports that this version runs, as they are: nothing in them is replaced."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.run_requests import RunRequest, missing_secrets
from schema.dsl import Compilation, compile_definition, read_definition
from schema.nodes.base import BRANCH_TYPES, NodeData
from schema.nodes.http_request import HttpRequestNodeData
from schema.plan import AppMode, Plan, PlanNode
from schema.response_stream import Event
from schema.runs import RunStatus
from schema.values.templates import Template
from tests.corpus import require_corpus
from tests.http_peer import HttpPeer, answering
from tests.plausible import plausible_inputs
from tests.server.harness import FinishedRun, RunHarness, exactly

pytestmark = pytest.mark.anyio

PASSTHROUGH = "dify-fixture-simple_passthrough_workflow.yml"
BRANCHING = "dify-fixture-conditional_hello_branching_workflow.yml"
ITERATION = "dify-fixture-array_iteration_formatting_workflow.yml"
CLIMATE = {
    "data": {
        "beginYear": 1991,
        "endYear": 2020,
        "data": [{"month": 1, "maxTemp": 8.1, "minTemp": 2.0, "rainfall": 72.1}],
    }
}
FAIL_HONESTLY = {
    # Made by hand: code that wants what no variable of its node gives.
    "lazeyliu-min-workflow-6d9cb3.yml": "missing 1 required positional argument: 'query'",
    "lazeyliu-variable-aggregator-fallback-2cd4b1.yml": "missing 1 required positional argument",
    # Packages that the operator has to install.
    "svcvit-jieba-7267b3.yml": "'jieba' is not installed for code nodes",
    "svcvit-matplotlib-d570c2.yml": "'matplotlib' is not installed for code nodes",
    "svcvit-tc-get-73d489.yml": "'requests' is not installed for code nodes",
}
"""What an export fails with that can run: so it would anywhere."""
WITHOUT_END = "hama-test-3c7670.yml"
TEXTS = ["x", "", "hello", "two\nlines", "节点 🤖", '"{{#a.b#}}" {{ c }}', "x" * 1000]


def compiled(name: str) -> Compilation:
    path = next((path for path in require_corpus() if path.name == name), None)
    if path is None:
        pytest.skip(f"the corpus has no {name}")
    return compile_definition(read_definition(path.read_bytes()))


def plan_of(name: str) -> Plan:
    compilation = compiled(name)
    assert compilation.is_runnable, compilation.findings
    assert compilation.plan is not None
    return compilation.plan


async def run_of(runs: RunHarness, name: str, **inputs: Any) -> FinishedRun:
    return await runs.run_request(RunRequest(plan=plan_of(name), inputs=inputs))


def story(events: list[Event]) -> list[str]:
    """What happened, as the corpus tells it."""
    return [" ".join([event.name, event.data["data"].get("node_type", "")]) for event in events]


@pytest.mark.parametrize("text", TEXTS)
async def test_the_passthrough_fixture_gives_its_input(runs: RunHarness, text: str) -> None:
    run = await run_of(runs, PASSTHROUGH, query=text)

    assert run.status is RunStatus.SUCCEEDED
    assert exactly(run.folded()["outputs"]) == exactly({"query": text})


async def test_the_passthrough_fixture_tells_its_events_in_order(runs: RunHarness) -> None:
    run = await run_of(runs, PASSTHROUGH, query="X")

    assert [name.strip() for name in story(run.events())] == [
        "workflow_started",
        "node_started start",
        "text_chunk",
        "node_finished start",
        "node_started end",
        "node_finished end",
        "workflow_finished",
    ]
    assert [e.data["data"]["text"] for e in run.events() if e.name == "text_chunk"] == ["X"]


@pytest.mark.parametrize(
    ("text", "outputs"),
    [
        ("hello", {"true": "hello"}),
        ("oh hello there", {"true": "oh hello there"}),
        ("Hello", {"false": "Hello"}),
        ("", {"false": ""}),
    ],
)
async def test_the_branching_fixture_gives_only_the_branch_taken(
    runs: RunHarness, text: str, outputs: dict[str, str]
) -> None:
    run = await run_of(runs, BRANCHING, query=text)

    assert run.status is RunStatus.SUCCEEDED
    assert run.folded()["outputs"] == outputs
    assert len(run.folded()["skipped"]) == 1


def test_the_iteration_fixture_is_refused_by_the_names_of_what_it_needs() -> None:
    compilation = compiled(ITERATION)

    needed = {f.message.split("'")[1] for f in compilation.findings if f.is_error}
    assert needed == {"iteration"}


async def test_an_export_without_an_end_succeeds_with_no_outputs(runs: RunHarness) -> None:
    run = await run_of(runs, WITHOUT_END)

    assert run.status is RunStatus.SUCCEEDED
    assert run.folded()["outputs"] == {}
    assert [name.strip() for name in story(run.events())] == [
        "workflow_started",
        "node_started start",
        "node_finished start",
        "workflow_finished",
    ]


async def test_every_runnable_export_runs_to_its_end(
    runs: RunHarness, result_schema: Draft202012Validator, peer: HttpPeer
) -> None:
    peer.default = answering('{"answer": "by a stub"}', headers={"Content-Type": "text/plain"})
    peer.answers["/api/climate"] = answering(json.dumps(CLIMATE))
    ended: dict[str, str] = {}
    for name, plan, secrets in _runnable(require_corpus()):
        query = "hi" if plan.mode is AppMode.ADVANCED_CHAT else None
        inputs = {**plausible_inputs(plan), **_addresses(plan, peer)}
        request = RunRequest(plan=_at_peer(plan, peer), inputs=inputs, query=query, secrets=secrets)
        given = {name: f"a value for {name}" for name in missing_secrets(request)}
        request = replace(request, environment=given)
        result = (await runs.run_request(request)).folded()
        result_schema.validate(result)
        ended[name] = f"{result['error'] or ''} {result['status']}".strip()

    assert ended
    failed = {name: end for name, end in ended.items() if not end.endswith("succeeded")}
    unexpected = {
        name: end for name, end in failed.items() if FAIL_HONESTLY.get(name, "no reason") not in end
    }
    assert not unexpected
    assert failed.keys() <= FAIL_HONESTLY.keys()
    expected = sum(_calls(plan) for _, plan, _ in _runnable(require_corpus()))
    assert len(peer.requests) >= expected


_AUTHORITY = re.compile(r"https?://[^/?#]*")


def _at_peer(plan: Plan, peer: HttpPeer) -> Plan:
    """Let requests go to our peer: theirs are other people's."""
    nodes = tuple(
        node.model_copy(update={"data": _moved(node.data, peer)}) for node in plan.graph.nodes
    )
    return plan.model_copy(update={"graph": plan.graph.model_copy(update={"nodes": nodes})})


def _moved(data: NodeData, peer: HttpPeer) -> NodeData:
    if not isinstance(data, HttpRequestNodeData):
        return data
    return data.model_copy(update={"url": _AUTHORITY.sub(peer.url, data.url, count=1)})


def _addresses(plan: Plan, peer: HttpPeer) -> dict[str, str]:
    """Give inputs that are a whole address one of our peer."""
    begins = [s.lookups[0] for s in map(_url_of, plan.graph.nodes) if s and s.lookups]
    return {s.name: f"{peer.url}/input" for s in begins if s.node_id == plan.graph.root}


def _url_of(node: PlanNode) -> Template | None:
    if not isinstance(node.data, HttpRequestNodeData) or not node.data.url.startswith("{{#"):
        return None
    return Template.parse(node.data.url)


def _calls(plan: Plan) -> int:
    """How many requests every run of a plan makes: those of plans without branches."""
    types = [node.type for node in plan.graph.nodes]
    return 0 if BRANCH_TYPES & set(types) else types.count("http-request")


def _runnable(paths: list[Path]) -> list[tuple[str, Plan, Mapping[str, str]]]:
    found = ((p.name, compile_definition(read_definition(p.read_bytes()))) for p in paths)
    return [(name, c.plan, c.secrets) for name, c in found if c.is_runnable and c.plan is not None]
