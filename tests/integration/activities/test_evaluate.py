"""Every inline node does the same in the `evaluate` activity, over values behind references.

The same function runs in both places; what is compared is all that surrounds it: reading, typing,
recording, and what leaves by reference.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.base import ActivityWrapper, Work
from activities.evaluate import EvaluateActivities
from activities.living import LivingWork
from activities.secrets import CallSecrets, SecretStore
from activities.values import ValueReader
from schema.activities import NodeInput
from schema.db.artifacts import ArtifactFiles
from schema.db.event_log import EventLog
from schema.envelope import ActivityCall
from schema.errors import EvaluationFailed, NodeError, ValueBehindReference
from schema.facts import NodeFailed, NodeFinished, NodeStarted
from schema.key_file import KeyFile, KeySource
from schema.limits import INLINE_VALUE_BYTES, LimitsProfile
from schema.plan import PlanNode
from schema.run_secrets import RunSecrets
from schema.runs import NodeExecutionStatus, RunRef
from schema.values.artifact_ref import ArtifactRef
from schema.values.comparisons import ComparisonOperator
from schema.values.encoding import encode, from_wire, to_wire
from schema.values.evaluations import EVALUATIONS, evaluate
from schema.values.files import File, FileType, TransferMethod
from schema.values.large_values import reference_large
from schema.values.references import find_references
from schema.values.segments import Segment, SegmentType
from schema.values.variables import VariableKey, Variables
from tests.integration.db.facts import a_run
from workflows.node_facts import finished
from workflows.nodes.base import NodeResult, wire_of

pytestmark = pytest.mark.anyio

OPERATORS = get_args(ComparisonOperator)
EXPECTED: tuple[Any, ...] = (
    "a",
    "",
    "3",
    "1.5",
    "true",
    "{{#n.s#}}",
    ["a", "x"],
    [True],
    True,
    None,
)
_numbers = itertools.count(1)
SECRET_NAME, SECRET = "env.KEY", "sk-canary-0123456789"


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> str:
    """One database is enough: it is not what differs."""
    path = tmp_path / "records.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


def a_file(number: int) -> File:
    return File(
        type=FileType.IMAGE if number % 2 else FileType.DOCUMENT,
        transfer_method=TransferMethod.REMOTE_URL,
        remote_url=f"https://a.test/{number}.png",
        filename=f"{number}.png",
        extension=".png",
        mime_type="image/png",
        size=number,
    )


def values_of(size: int) -> dict[str, Any]:
    """Values of every type; those that can be long are about that long."""
    text = SECRET + "a é\ud800" * (size // 14 + 1)
    count = size // 3 + 2
    return {
        "s": text,
        "k": Segment(SegmentType.SECRET, SECRET),
        "t": "3" if size < 100 else "3" * size,
        "i": 3,
        "f": 1.5,
        "b": True,
        "z": None,
        "o": {"a": text, "n": {"k": list(range(count // 2)), "z": None}, "file": a_file(1)},
        "as": ["a", "x", *["é"] * (count // 3)],
        "an": [1, 2.5, *range(count // 2)],
        "ab": [True, False] * (count // 3),
        "ao": [{"a": 1, "b": None}] * (count // 6),
        "aa": [1, "x", None, [True], *["y"] * (count // 2)],
        "e": [],
        "file": a_file(2),
        "files": [a_file(number) for number in range(size // 150 + 1)],
        "g": Segment(SegmentType.OBJECT, {"output": Segment.infer(text)}),
    }


NAMES = tuple(values_of(1))
SIZES = {"small": 10, "large": INLINE_VALUE_BYTES + 5_000}
LARGE = ("s", "files")


def a_case(name: str, node_type: str, **data: Any) -> Any:
    return pytest.param({"type": node_type, "title": "T", **data}, id=f"{node_type}-{name}")


def selected(*names: str) -> list[dict[str, Any]]:
    return [{"variable": name, "value_selector": ["n", *name.split(".")]} for name in names]


def groups(*named: tuple[str, list[list[str]]]) -> dict[str, Any]:
    entries = [{"group_name": n, "output_type": "any", "variables": v} for n, v in named]
    return {"group_enabled": True, "groups": entries}


PATHS = (
    "o.a",
    "o.n",
    "o.n.k",
    "o.n.z",
    "o.nope",
    "s.x",
    "nope",
    "file.name",
    "file.nope",
    "g.output",
)
SHOWN = "".join(f"[{{{{#n.{name}#}}}}]" for name in (*NAMES, *PATHS))
CASES = [
    a_case("inputs", "start", variables=[{"variable": "s", "label": "", "type": "paragraph"}]),
    a_case(
        "missing object",
        "start",
        variables=[{"variable": "q", "label": "", "type": "json_object", "required": True}],
    ),
    a_case("every value", "end", outputs=selected(*NAMES)),
    a_case("parts", "end", outputs=selected(*PATHS)),
    a_case("nothing", "end", outputs=[]),
    a_case("every value", "answer", answer=SHOWN),
    a_case("files", "answer", answer="{{#n.files#}} and {{#n.file#}}"),
    a_case("text only", "answer", answer="sys.user_id and no more"),
    a_case(
        "every value",
        "template-transform",
        template="\n".join(f"{{{{ {name} }}}}" for name in (*NAMES, "unknown")),
        variables=[*selected(*NAMES), *selected("nope")],
    ),
    a_case("plain", "template-transform", template="text\n", variables=[]),
    *(
        a_case(name, "variable-aggregator", output_type="any", variables=[["n", "no"], ["n", name]])
        for name in NAMES
    ),
    a_case("none", "variable-aggregator", output_type="any", variables=[["n", "no"], ["m", "x"]]),
    a_case("part", "variable-aggregator", output_type="any", variables=[["n", "o", "n", "k"]]),
    a_case(
        "groups",
        "variable-aggregator",
        output_type="any",
        variables=[],
        advanced_settings=groups(
            ("one", [["n", "no"], ["n", "s"]]),
            ("two", [["n", "o", "a"], ["n", "s"]]),
            ("three", [["n", "no"]]),
            ("four", [["n", "files"]]),
        ),
    ),
    a_case("no case", "if-else", cases=[]),
]


def an_if_else(*named: dict[str, Any]) -> dict[str, Any]:
    cases = [
        {"case_id": f"case {index}", "logical_operator": "and", "conditions": [{"id": "c", **each}]}
        for index, each in enumerate(named)
    ]
    return {"type": "if-else", "title": "T", "cases": cases}


def a_condition(name: str, operator: str, expected: Any = None) -> dict[str, Any]:
    selector = ["n", *name.split(".")]
    return {"variable_selector": selector, "comparison_operator": operator, "value": expected}


def comparisons(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Give an if-else for every operator, value and expected value, and attribute of files."""
    for operator, name in itertools.product(OPERATORS, names):
        for expected in EXPECTED if operator not in WITHOUT_EXPECTED else (None,):
            yield an_if_else(a_condition(name, operator, expected))
    for operator, key in itertools.product(OPERATORS, ("name", "size", "type", "extension", "no")):
        sub = {"key": key, "comparison_operator": operator, "value": "1.png"}
        files = a_condition("files", "contains")
        yield an_if_else(
            {**files, "sub_variable_condition": {"logical_operator": "or", "conditions": [sub]}}
        )


WITHOUT_EXPECTED = ("empty", "not empty", "null", "not null", "exists", "not exists")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where activities run."""

    wrapper: ActivityWrapper
    log: EventLog
    artifacts: ArtifactFiles
    run: RunRef
    secrets: CallSecrets


class GivenSecrets(SecretStore):
    """Every run has the same."""

    def __init__(self, log: EventLog, keys: KeySource, secrets: CallSecrets) -> None:
        super().__init__(log, keys)
        self._secrets = secrets

    async def load(self, run: RunRef) -> CallSecrets:
        return self._secrets


@pytest.fixture(params=[False, True], ids=["open", "secret"])
async def place(
    request: pytest.FixtureRequest,
    event_log: EventLog,
    artifacts: ArtifactFiles,
    living: LivingWork,
    tmp_path: Path,
) -> Place:
    """A worker, and runs without and with a secret."""
    values = {SECRET_NAME: SECRET} if request.param else {}
    secrets = CallSecrets(RunSecrets(values, "0" * 32))
    store = GivenSecrets(event_log, KeySource(KeyFile(tmp_path / "secret.keys"), None), secrets)
    wrapper = ActivityWrapper(event_log, artifacts, living, secrets=store)
    return Place(wrapper, event_log, artifacts, await a_run(event_log), secrets)


def a_plan_node(data: Mapping[str, Any]) -> PlanNode:
    number = next(_numbers)
    return PlanNode(id="n", public_id=f"n{number}", data=data)


def begun(node: PlanNode) -> NodeStarted:
    return NodeStarted(
        at=1.0, node_exec_id=f"run:{node.public_id}", node_id=node.id, attempt=1,
        node_type=node.type,
    )  # fmt: skip


def without_reading(node: PlanNode, wires: Mapping[VariableKey, Segment]) -> str | None:
    """How the node ends in the workflow, where it sees references; None if it needs the values."""
    try:
        made = evaluate(node.data, Variables(wires), LimitsProfile.GENEROUS, node.id)
    except ValueBehindReference:
        return None
    except NodeError as error:
        return str(error)
    return made.error or made.handle


@dataclasses.dataclass(frozen=True)
class Told:
    """What a place tells of a node, and its typed outputs in wire form."""

    fact: NodeFinished | NodeFailed
    outputs: dict[str, Any]


def inline(node: PlanNode, variables: Variables) -> Told:
    """What the workflow tells of the node, over whole values."""
    try:
        made = evaluate(node.data, variables, LimitsProfile.GENEROUS, node.id)
        result = NodeResult(
            outputs=made.outputs,
            inputs=wire_of(made.inputs),
            process_data=wire_of(made.process_data),
            handle=made.handle,
            error=made.error,
            error_type=made.error_type,
        )
    except NodeError as error:
        result = NodeResult(error=str(error), error_type=error.error_type)
    failed = result.error is not None
    status = NodeExecutionStatus.FAILED if failed else NodeExecutionStatus.SUCCEEDED
    fact = finished(begun(node), result, status, 2.0)
    return Told(fact, {name: to_wire(segment) for name, segment in result.outputs.items()})


async def through_evaluate(
    place: Place, node: PlanNode, given: Mapping[VariableKey, Segment]
) -> Told:
    """What the wrapper tells of the node, from the activity that is given references."""
    wires = tuple((node_id, name, to_wire(value)) for (node_id, name), value in given.items())
    params = NodeInput(node=node, variables=wires, limits=LimitsProfile.GENEROUS)
    call = ActivityCall[NodeInput](
        run=place.run, node=begun(node), path="n", params=params, has_secrets=True
    )
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(
        environment.info, activity_id=node.public_id, workflow_run_id="T1"
    )
    activity = place.wrapper.wrap(EvaluateActivities().evaluate)
    outputs: dict[str, Any] = {}
    # A failure is recorded, and raised to the workflow.
    with contextlib.suppress(ApplicationError):
        answer = await environment.run(activity, call)
        assert answer.output is not None
        outputs = answer.output.outputs
    logged = await place.log.read(place.run, limit=100_000)
    [fact] = [entry.fact for entry in logged if isinstance(entry.fact, NodeFinished | NodeFailed)]
    return Told(fact, outputs)


async def whole(
    artifacts: ArtifactFiles,
    wire: Any,
    secrets: CallSecrets | None = None,
    *,
    typed: bool = False,
) -> str:
    """Write a recorded value with everything behind its references, so that types count."""
    reader = ValueReader(artifacts, "local", secrets)
    read = await reader.read(to_wire(Segment(SegmentType.OBJECT, from_wire(wire or {}))))
    return encode(to_wire(read.value if typed else read.raw))


async def referenced(
    artifacts: ArtifactFiles, values: Mapping[str, Any], secrets: CallSecrets | None = None
) -> dict[VariableKey, Segment]:
    """Give values as they left the activities that made them: without secrets, by reference."""
    redactor = secrets or CallSecrets()
    given = {}
    for name, value in values.items():
        redacted = from_wire(redactor.redact_value(to_wire(Segment.infer(value))))
        given["n", name] = await reference_large(redacted, artifacts, "local")
    return given


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("data", CASES)
async def test_an_inline_node_does_the_same_over_references(
    place: Place, data: dict[str, Any], size: int
) -> None:
    node, values = a_plan_node(data), values_of(size)

    here = inline(node, Variables({("n", n): Segment.infer(v) for n, v in values.items()}))
    given = await referenced(place.artifacts, values, place.secrets)
    there = await through_evaluate(place, node, given)

    is_secret = place.secrets.redact_text(SECRET) != SECRET
    assert not (is_secret and SECRET in there.fact.model_dump_json())
    assert there.fact.error == here.fact.error
    if isinstance(there.fact, NodeFinished):
        assert isinstance(here.fact, NodeFinished)
        assert (there.fact.handle, there.fact.status) == (here.fact.handle, here.fact.status)
        for mine, its, typed in (
            (here.outputs, there.outputs, True),
            (here.fact.outputs, there.fact.outputs, False),
        ):
            assert await whole(place.artifacts, its, place.secrets, typed=typed) == await whole(
                place.artifacts, mine, typed=typed
            )
    else:
        assert there.fact.error_type == here.fact.error_type
    for name in ("inputs", "process_data"):
        mine, its = getattr(here.fact, name), getattr(there.fact, name)
        assert (mine is None) == (its is None)
        its_whole = await whole(place.artifacts, its, place.secrets)
        assert its_whole == await whole(place.artifacts, mine)


def test_every_inline_type_is_compared() -> None:
    assert {case.values[0]["type"] for case in CASES} == set(EVALUATIONS)


@pytest.mark.parametrize(
    ("size", "names"),
    [(SIZES["small"], (*NAMES, "nope", "o.a", "file.type")), (SIZES["large"], LARGE)],
    ids=SIZES,
)
async def test_every_operator_does_the_same_over_references(
    artifacts: ArtifactFiles, size: int, names: tuple[str, ...]
) -> None:
    plain = {("n", name): Segment.infer(value) for name, value in values_of(size).items()}
    wires = await referenced(artifacts, values_of(size))
    work = Work(RunRef(run_id="run"), 1, ValueReader(artifacts, "local"), CallSecrets())
    handles: set[str] = set()
    for data in comparisons(names):
        node = a_plan_node(data)
        told = inline(node, Variables(plain)).fact
        assert isinstance(told, NodeFinished)
        keys = {selector.key for selector in node.data.selectors()} & wires.keys()
        params = NodeInput(
            node=node,
            variables=tuple((*key, to_wire(wires[key])) for key in keys),
            limits=LimitsProfile.GENEROUS,
        )
        behind = without_reading(node, wires)
        assert behind in (None, told.handle or told.error), data
        try:
            made = await EvaluateActivities().evaluate(params, work)
            handle, error, inputs = made.handle, None, made.inputs
        except EvaluationFailed as failed:
            handle, error, inputs = None, str(failed), dict(failed.inputs or {})
        assert (handle, error) == (told.handle, told.error), data
        assert await whole(artifacts, inputs) == await whole(artifacts, told.inputs), data
        handles.add(handle or "failed")

    assert handles == {"failed", "false", "case 0"}


@pytest.mark.parametrize("data", CASES)
async def test_a_workflow_never_takes_a_reference_for_its_value(
    artifacts: ArtifactFiles, data: dict[str, Any]
) -> None:
    node, values = a_plan_node(data), values_of(SIZES["large"])
    wires = await referenced(artifacts, values)

    try:
        made = evaluate(node.data, Variables(wires), LimitsProfile.GENEROUS, node.id)
    except ValueBehindReference:
        return

    here = inline(node, Variables({("n", n): Segment.infer(v) for n, v in values.items()}))
    assert made.error == here.fact.error
    outputs = {name: to_wire(segment) for name, segment in made.outputs.items()}
    assert await whole(artifacts, outputs, typed=True) == await whole(
        artifacts, here.outputs, typed=True
    )


@pytest.mark.parametrize(
    "data",
    [
        {"type": "end", "title": "", "outputs": selected("s", "o.n")},
        an_if_else(a_condition("s", "contains", "a")),
    ],
    ids=["end", "if-else"],
)
async def test_inv_15_a_value_that_is_passed_on_keeps_its_reference(
    place: Place, data: dict[str, Any]
) -> None:
    values = await referenced(place.artifacts, values_of(SIZES["large"]), place.secrets)

    told = await through_evaluate(place, a_plan_node(data), values)

    expected = values["n", "s"].value
    assert isinstance(expected, ArtifactRef)
    assert expected in find_references(from_wire(told.fact.inputs))
