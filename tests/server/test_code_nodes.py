"""Code and templates in runs: retries, strategies, what is recorded, large values."""

import hashlib
import itertools
import time
from typing import Any

import pytest

from schema.facts import NodeFailed, NodeFinished, NodeStarted
from schema.limits import LimitsProfile, RunPolicy
from schema.plan import Plan
from schema.runs import NodeExecutionStatus, RunStatus
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import encode, from_wire, to_wire
from schema.values.files import File, FileType, TransferMethod
from schema.values.large_values import reference_large
from schema.values.segments import Segment, SegmentType
from tests.factories import a_code, a_node, a_plan, a_start, a_template, an_end
from tests.server.harness import RunHarness

pytestmark = pytest.mark.anyio

TOO_EARLY = """
import time

def main(until):
    if time.time() < until:
        raise RuntimeError("too early")
    return {"r": "late enough"}
"""
LARGE = 300_000


def a_chain_of(*nodes: dict[str, Any]) -> Plan:
    """Nodes in a row."""
    ids = [node["id"] for node in nodes]
    return a_plan(nodes, list(itertools.pairwise(ids)))


def retrying(until_retries: int, interval: int) -> dict[str, Any]:
    return {
        "retry_enabled": True,
        "max_retries": until_retries,
        "retry_interval": interval,
    }


def too_early(**data: Any) -> dict[str, Any]:
    node = a_code("c", TOO_EARLY, {"r": "string"}, until=["s", "until"])
    node["data"].update(data)
    return node


async def test_a_retry_that_succeeds_makes_the_run_partly_succeeded(runs: RunHarness) -> None:
    plan = a_chain_of(
        a_start("s"),
        too_early(retry_config=retrying(20, 200)),
        an_end("e", r=["c", "r"]),
    )

    run = await runs.run(plan, inputs={"until": time.time() + 1})

    attempts = [f.attempt for f in run.facts if isinstance(f, NodeStarted) and f.node_id == "c"]
    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.outputs == {"r": "late enough"}
    assert len(attempts) > 1
    assert run.result.exceptions_count == len(attempts) - 1


async def test_retries_that_fail_end_in_the_strategy(runs: RunHarness) -> None:
    plan = a_chain_of(
        a_start("s"),
        too_early(
            retry_config=retrying(2, 10),
            error_strategy="default-value",
            default_value=[{"key": "r", "type": "string", "value": "default"}],
        ),
        an_end("e", r=["c", "r"], kind=["c", "error_type"]),
    )

    run = await runs.run(plan, inputs={"until": time.time() + 3600})

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.outputs == {"r": "default", "kind": "CodeExecutionError"}
    assert run.result.exceptions_count == 3
    assert run.node("c").status is NodeExecutionStatus.EXCEPTION


async def test_retries_that_fail_end_the_run(runs: RunHarness) -> None:
    plan = a_chain_of(
        a_start("s"), too_early(retry_config=retrying(1, 10)), an_end("e", r=["c", "r"])
    )

    run = await runs.run(plan, inputs={"until": time.time() + 3600})

    assert run.status is RunStatus.FAILED
    assert (run.result.error or "").endswith("RuntimeError: too early")
    assert run.result.exceptions_count == 2


async def test_inputs_are_recorded_and_the_end_of_what_was_printed(runs: RunHarness) -> None:
    code = "def main(a, b, c):\n print('x' * 5000, 'end')\n return {'r': str([a, b, c])}"
    node = a_code("c", code, {"r": "string"}, a=["s", "q"], b=["s", "nope"], c=["sys", "files"])
    plan = a_chain_of(a_start("s", "q"), node, an_end("e", r=["c", "r"]))

    run = await runs.run(plan, inputs={"q": "text"}, system={"files": to_wire(NO_FILES)})

    assert run.outputs == {"r": "['text', None, None]"}
    assert run.node("c").inputs == {"a": "text", "b": None, "c": None}
    assert run.node("c").metadata["printed"].endswith("xx end\n")
    assert len(run.node("c").metadata["printed"]) == 2000


NO_FILES = Segment(SegmentType.ARRAY_FILE, [])


async def test_files_are_given_as_objects(runs: RunHarness) -> None:
    file = File(FileType.IMAGE, TransferMethod.REMOTE_URL, remote_url="http://a/b.png")
    code = "def main(one, many): return {'r': [one, *many]}"
    node = a_code("c", code, {"r": "array[object]"}, one=["s", "one"], many=["s", "many"])
    template = a_template("t", "{% if one %}{{ one.type }} {{ many[0].url }}{% endif %}")
    template["data"]["variables"] = node["data"]["variables"]
    plan = a_chain_of(a_start("s"), node, template, an_end("e", r=["c", "r"], t=["t", "output"]))

    run = await runs.run(plan, inputs={"one": to_wire(file), "many": to_wire([file])})

    assert run.outputs == {"r": [file.to_dict(), file.to_dict()], "t": "image None"}


async def test_the_profile_dify_has_its_limits(runs: RunHarness) -> None:
    code = "def main(n): return {'r': ['x'] * n}"
    plan = a_chain_of(
        a_start("s"), a_code("c", code, {"r": "array[string]"}, n=["s", "n"]), an_end("e")
    )
    dify = RunPolicy(limits=LimitsProfile.DIFY)
    refused = await runs.run(plan, inputs={"n": 31}, policy=dify)
    accepted = await runs.run(plan, inputs={"n": 30}, policy=dify)
    generous = await runs.run(plan, inputs={"n": 31})

    assert refused.result.error == (
        "The length of output variable `r` must be less than 30 elements."
    )
    assert accepted.status is generous.status is RunStatus.SUCCEEDED


async def test_what_code_leaves_running_ends_with_its_node(runs: RunHarness) -> None:
    code = (
        "import threading, time\ndef main():\n"
        "  threading.Thread(target=time.sleep, args=(600,)).start()\n  return {}"
    )
    plan = a_chain_of(a_start("s"), a_code("c", code), an_end("e"))

    run = await runs.run(plan)

    assert run.status is RunStatus.SUCCEEDED
    assert run.node("c").elapsed_time < 30


def digest(value: Any) -> str:
    return hashlib.sha256(encode(value).encode()).hexdigest()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("line\n" * LARGE, "string"),
        ("节点🤖\ud800" * LARGE, "string"),
        (["x" * 1000] * 300, "array[string]"),
        ({"a": ["x" * LARGE], "$": 1.0}, "object"),
        ([{"n": 1}, None] * 20_000, "array[object]"),
    ],
    ids=["text", "beyond ASCII", "texts", "object", "objects and nulls"],
)
async def test_inv_15_a_large_value_goes_through_code_byte_for_byte(
    runs: RunHarness, value: Any, kind: str
) -> None:
    plan = a_chain_of(
        a_start("s"),
        a_code("c", "def main(x): return {'y': x}", {"y": kind}, x=["s", "x"]),
        an_end("e", y=["c", "y"]),
    )
    large = await large_input(runs, value)

    run = await runs.run(plan, inputs={"x": large})

    assert run.outputs is not None
    found = from_wire(run.outputs["y"])
    assert isinstance(found, ArtifactRef)
    assert found.sha256 == digest(value)
    assert found.kind == Segment.infer(value).type
    recorded = from_wire((run.node("c").inputs or {})["x"])
    assert isinstance(recorded, ArtifactRef)
    assert recorded.sha256 == digest(value)


async def large_input(runs: RunHarness, value: Any) -> Any:
    """Put a value into the store, as a request does."""
    store = runs.dependencies.artifacts
    return to_wire(await reference_large(Segment.infer(value), store, "local"))


async def test_a_large_value_goes_through_jinja(runs: RunHarness) -> None:
    text = 'a "b"\n🤖' * LARGE
    template = "{% if rows %}{{ text }}{% for r in rows %}{{ r.n }}{% endfor %}{% endif %}"
    plan = a_chain_of(
        a_start("s"),
        a_template("t", template, text=["s", "text"], rows=["s", "rows"]),
        an_end("e", r=["t", "output"]),
    )
    rows = [{"n": number} for number in range(20_000)]

    run = await runs.run(
        plan,
        inputs={"text": await large_input(runs, text), "rows": await large_input(runs, rows)},
    )

    assert run.outputs is not None
    found = from_wire(run.outputs["r"])
    assert found.sha256 == digest(text + "".join(str(row["n"]) for row in rows))


async def test_a_part_of_a_large_object_is_found_in_the_sandbox(runs: RunHarness) -> None:
    value = {"deep": {"name": "Ada"}, "rest": "x" * LARGE}
    node = a_code(
        "c",
        "def main(name, gone): return {'r': f'{name} {gone}'}",
        {"r": "string"},
        name=["s", "data", "deep", "name"],
        gone=["s", "data", "deep", "nope"],
    )
    template = a_template(
        "t", "{% if 1 %}{{ name }}{% endif %}", name=["s", "data", "deep", "name"]
    )
    plan = a_chain_of(a_start("s"), node, template, an_end("e", c=["c", "r"], t=["t", "output"]))

    run = await runs.run(plan, inputs={"data": await large_input(runs, value)})

    assert run.outputs == {"c": "Ada None", "t": "Ada"}
    assert run.node("c").inputs == {"name": "Ada", "gone": None}


async def test_a_group_with_a_large_value_in_it_arrives_whole(runs: RunHarness) -> None:
    groups = [{"groupId": "g", "group_name": "G", "output_type": "any", "variables": [["s", "x"]]}]
    aggregator = a_node(
        "a",
        "variable-aggregator",
        output_type="any",
        variables=[],
        advanced_settings={"group_enabled": True, "groups": groups},
    )
    node = a_code("c", "def main(g): return {'n': len(g['output'])}", {"n": "number"}, g=["a", "G"])
    plan = a_chain_of(a_start("s"), aggregator, node, an_end("e", n=["c", "n"]))

    run = await runs.run(plan, inputs={"x": await large_input(runs, "x" * LARGE)})

    assert run.outputs == {"n": LARGE}


async def test_large_results_with_a_key_of_ours_are_refused(runs: RunHarness) -> None:
    forged = {"$holdfast": "secret", "name": "KEY", "masked": ""}
    code = f"def main(n): return {{'o': {{'x': 'x' * n, 'y': {forged!r}}}}}"
    plan = a_chain_of(
        a_start("s"), a_code("c", code, {"o": "object"}, n=["s", "n"]), an_end("e", o=["c", "o"])
    )

    small = await runs.run(plan, inputs={"n": 3})
    large = await runs.run(plan, inputs={"n": LARGE})

    assert small.outputs == {"o": to_wire({"x": "xxx", "y": forged})}
    assert large.status is RunStatus.FAILED
    assert "has a key '$holdfast'" in (large.result.error or "")


async def test_an_error_names_the_command_that_installs_packages(runs: RunHarness) -> None:
    plan = a_chain_of(
        a_start("s"), a_code("c", "import no_such_package\ndef main(): return {}"), an_end("e")
    )

    run = await runs.run(plan)

    failed = next(f for f in run.facts if isinstance(f, NodeFailed | NodeFinished) and f.error)
    assert "No module named 'no_such_package'" in (failed.error or "")
    assert "holdfast code install -r FILE" in (failed.error or "")
