"""From what a caller asks for to the input of a run."""

import tempfile
from typing import Any

import pytest

from api.run_requests import RunRequest, build_run_input, check_request
from schema.db.artifacts import ArtifactFiles
from schema.errors import InvalidInputs
from schema.plan import AppMode, Plan, PlanVariable
from schema.runs import RunInput
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import from_wire
from schema.values.segments import Segment, SegmentType
from tests.factories import a_plan, a_start, an_answer


def plan(mode: AppMode = AppMode.WORKFLOW, *environment: tuple[str, str]) -> Plan:
    return a_plan(
        [a_start("s", "text"), an_answer("a", "x")],
        [("s", "a")],
        mode=mode,
        environment=[PlanVariable(name=name, value_type=kind) for name, kind in environment],
    )


async def built(request: RunRequest) -> RunInput:
    with tempfile.TemporaryDirectory() as folder:
        return await build_run_input(request, ArtifactFiles(folder))


@pytest.mark.anyio
async def test_a_chatflow_has_a_conversation_and_a_query() -> None:
    request = RunRequest(plan=plan(AppMode.ADVANCED_CHAT), query="Hi", user="ada")

    system = (await built(request)).system

    assert (system["query"], system["user_id"], system["dialogue_count"]) == ("Hi", "ada", 1)
    assert len(system["conversation_id"]) == 36
    assert from_wire(system["files"]) == Segment(SegmentType.ARRAY_FILE, [])


@pytest.mark.anyio
async def test_a_workflow_has_no_query_and_knows_its_run() -> None:
    run_input = await built(RunRequest(plan=plan(), inputs={"text": "a"}))

    assert "query" not in run_input.system
    assert run_input.system["workflow_run_id"] == run_input.run_id
    assert run_input.inputs == {"text": "a"}
    assert run_input.registered


@pytest.mark.anyio
async def test_inv_15_a_large_input_travels_as_a_reference_with_its_type() -> None:
    run_input = await built(RunRequest(plan=plan(), inputs={"text": "x" * 70_000}))

    segment = from_wire(run_input.inputs["text"])
    assert isinstance(segment.value, ArtifactRef)
    assert segment.type is SegmentType.STRING


@pytest.mark.anyio
async def test_raw_inputs_stay_what_they_are() -> None:
    request = RunRequest(plan=plan(), inputs={"text": 5, "more": None}, raw_inputs=True)

    assert (await built(request)).inputs == {"text": 5, "more": None}


@pytest.mark.anyio
async def test_environment_texts_are_read_by_declared_type() -> None:
    declared = (("A", "string"), ("B", "number"), ("C", "number"))
    texts = {"A": "1", "B": "2", "C": "2.5"}

    values = await built(RunRequest(plan=plan(AppMode.WORKFLOW, *declared), environment=texts))

    assert values.environment == {"A": "1", "B": 2, "C": 2.5}


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"query": "Hi"}, "query is only for chatflows"),
        ({"plan": plan(AppMode.ADVANCED_CHAT)}, "query is required"),
        ({"inputs": {"text": 5}}, "text in input form must be a string"),
        ({"environment": {"X": "1"}}, "'X' is no environment variable of this app (it has: "),
        ({"environment": {"KEY": "1"}}, "'KEY' is a secret: this version cannot hold secrets"),
        ({"environment": {"N": "one"}}, "'N' is a number, 'one' is none"),
        ({"environment": {"N": "nan"}}, "'N' is a number, 'nan' is none"),
    ],
)
def test_a_request_that_does_not_fit_is_refused(fields: dict[str, Any], problem: str) -> None:
    declared = plan(AppMode.WORKFLOW, ("KEY", "secret"), ("N", "number"))
    request = RunRequest(**{"plan": declared, **fields})

    with pytest.raises(InvalidInputs) as refused:
        check_request(request)

    assert problem in str(refused.value)
