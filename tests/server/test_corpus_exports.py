"""Real exports that this version runs, as they are: nothing in them is replaced."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.run_requests import RunRequest, missing_secrets, start_variables
from schema.dsl import Compilation, compile_definition, read_definition
from schema.dsl.author_code import imported_names
from schema.nodes.base import BRANCH_TYPES, NodeData
from schema.nodes.code import CodeNodeData
from schema.nodes.http_request import HttpRequestNodeData
from schema.nodes.start import InputType
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
CHART = "svcvit-chart-demo-43e9b8.yml"
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


async def test_a_chart_is_made_of_what_a_service_answers(runs: RunHarness, peer: HttpPeer) -> None:
    months = [{"month": n, "maxTemp": n + 0.5, "minTemp": -n, "rainfall": n * 10} for n in (1, 2)]
    weather = {"data": {"beginYear": 1991, "endYear": 2020, "data": months}}
    peer.default = answering(json.dumps(weather), headers={"Content-Type": "application/json"})
    plan = _at_peer(plan_of(CHART), peer)

    run = await runs.run_request(RunRequest(plan=plan, inputs={}, query="chart"))

    answer = run.folded()["outputs"]["answer"]
    chart = json.loads(answer.removeprefix("```echarts\n").removesuffix("\n```"))
    assert run.status is RunStatus.SUCCEEDED
    assert chart["title"]["subtext"] == "1991年-2020年月平均气温和降水"
    assert chart["xAxis"]["data"] == ["1月", "2月"]
    assert [one["data"] for one in chart["series"]] == [[1.5, 2.5], [-1, -2], [10, 20]]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        (
            "lazeyliu-min-workflow-6d9cb3.yml",
            "main() missing 1 required positional argument: 'query'",
        ),
        ("svcvit-jieba-7267b3.yml", "'jieba' is not installed for code nodes"),
        ("svcvit-matplotlib-d570c2.yml", "'matplotlib' is not installed for code nodes"),
        ("svcvit-tc-get-73d489.yml", "'requests' is not installed for code nodes"),
    ],
)
async def test_code_that_cannot_work_here_fails_with_the_reason(
    runs: RunHarness, name: str, error: str
) -> None:
    plan = plan_of(name)
    query = "hi" if plan.mode is AppMode.ADVANCED_CHAT else None

    run = await runs.run_request(RunRequest(plan=plan, inputs=plausible_inputs(plan), query=query))

    assert run.status is RunStatus.FAILED
    assert error in (run.result.error or "")


async def test_every_runnable_export_runs_to_its_end(
    runs: RunHarness, result_schema: Draft202012Validator, peer: HttpPeer
) -> None:
    peer.default = answering('{"answer": "by a stub"}', headers={"Content-Type": "text/plain"})
    ended: dict[str, str] = {}
    for name, plan, secrets in _runnable(require_corpus()):
        query = "hi" if plan.mode is AppMode.ADVANCED_CHAT else None
        inputs = {**plausible_inputs(plan), **_files(plan, peer), **_addresses(plan, peer)}
        request = RunRequest(plan=_at_peer(plan, peer), inputs=inputs, query=query, secrets=secrets)
        given = {name: f"a value for {name}" for name in missing_secrets(request)}
        request = replace(request, environment=given)
        result = (await runs.run_request(request)).folded()
        result_schema.validate(result)
        ended[name] = result["error"] if result["status"] == "failed" else result["status"]

    foretold = {
        name: list(failures_foretold(plan)) for name, plan, _ in _runnable(require_corpus())
    }
    surprises = {
        name: how
        for name, how in ended.items()
        if how not in ("succeeded", "partial-succeeded")
        and not any(reason in how for reason in foretold[name])
    }
    assert ended
    assert not surprises
    expected = sum(_calls(plan) for _, plan, _ in _runnable(require_corpus()))
    assert len(peer.requests) >= expected


def failures_foretold(plan: Plan) -> Iterator[str]:
    """What the errors of code say that cannot work here, read off the code itself.

    It imports packages that are not installed, its `main` takes more than the node gives it, or it
    works on what a service answers that is a stub here.
    """
    if any(node.type == "http-request" for node in plan.graph.nodes):
        yield 'File "main.py"'
    for node in plan.graph.nodes:
        if not isinstance(node.data, CodeNodeData) or node.data.code_language != "python3":
            continue
        for name in imported_names(node.data.code):
            yield f"No module named {name!r}"
        given = {variable.variable for variable in node.data.variables}
        for function in ast.parse(node.data.code).body:
            if isinstance(function, ast.FunctionDef) and function.name == "main":
                names = [argument.arg for argument in function.args.args]
                required = names[: len(names) - len(function.args.defaults)]
                if set(required) - given:
                    yield "main() missing"
                if given - set(names):
                    yield "main() got an unexpected keyword argument"


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


def _files(plan: Plan, peer: HttpPeer) -> dict[str, Any]:
    """Give inputs that are files one of our peer, of a kind that they take."""
    files: dict[str, Any] = {}
    for variable in start_variables(plan):
        if variable.type in (InputType.FILE, InputType.FILE_LIST):
            kind = next(iter(variable.allowed_file_types or ()), "document")
            url = f"{peer.url}/a.{_EXTENSIONS.get(kind, 'txt')}"
            file = {"type": kind, "transfer_method": "remote_url", "url": url}
            files[variable.variable] = file if variable.type is InputType.FILE else [file]
    return files


_EXTENSIONS = {"image": "png", "audio": "mp3", "video": "mp4", "document": "pdf"}


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
