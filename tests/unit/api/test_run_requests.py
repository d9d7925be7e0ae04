"""From what a caller asks for to the input of a run."""

from pathlib import Path
from typing import Any

import pytest

from api.run_requests import (
    RunRequest,
    build_run_input,
    check_request,
    encrypt_request_secrets,
    short_secrets,
)
from schema.db.artifacts import ArtifactFiles
from schema.errors import InvalidInputs
from schema.key_file import KeyFile, KeySource
from schema.plan import SECRETS_NODE, AppMode, Plan, PlanSecret, PlanVariable
from schema.run_secrets import decrypt_secrets
from schema.runs import RunInput, RunRef
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


def reading_a_secret() -> Plan:
    return a_plan(
        [a_start("s", "text"), an_answer("a", "{{#env.KEY#}}")],
        [("s", "a")],
        environment=[PlanVariable(name="KEY", value_type="secret")],
    )


def with_a_literal() -> Plan:
    secret = PlanSecret(node_id=SECRETS_NODE, variable="s1")
    return plan().model_copy(update={"secrets": (secret,)})


async def built(request: RunRequest) -> RunInput:
    return await build_run_input(request, ArtifactFiles("memory:///"))


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
        ({"environment": {"KEY": "k" * 204_801}}, "'env.KEY' is longer than 204800 characters"),
        ({"plan": reading_a_secret()}, "'KEY' is a secret without a value: give --env KEY=@FILE"),
        ({"plan": with_a_literal()}, "start the run from the export"),
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


@pytest.mark.anyio
async def test_inv_17_secrets_are_in_no_input_of_a_run(tmp_path: Path) -> None:
    request = RunRequest(
        plan=reading_a_secret(),
        environment={"KEY": "sk-given-0123456789"},
        secrets={"env.KEY": "sk-exported-0123456789"},
    )
    keys = KeySource(KeyFile(tmp_path / "secret.keys"))

    run_input = await built(request)
    stored = encrypt_request_secrets(request, run_input.ref, keys)

    assert run_input.secrets == {"env.KEY": "sk-giv************89"}
    assert "0123456789" not in run_input.model_dump_json() + repr(request)
    opened = decrypt_secrets(keys.ring(), run_input.ref, stored)
    assert opened.values == {"env.KEY": "sk-given-0123456789"}
    assert len(opened.nonce) == 32
    assert "0123456789" not in repr(opened) + repr(stored)


def test_a_run_without_secrets_asks_for_no_key(tmp_path: Path) -> None:
    file = tmp_path / "secret.keys"
    run = RunRef(run_id="r")

    assert encrypt_request_secrets(RunRequest(plan=plan()), run, KeySource(KeyFile(file))) == ()
    assert not file.exists()


def test_secrets_too_short_to_be_hidden_are_named() -> None:
    request = RunRequest(plan=reading_a_secret(), environment={"KEY": "12345"})

    assert short_secrets(request) == ("env.KEY",)
