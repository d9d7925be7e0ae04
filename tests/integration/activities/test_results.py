"""What leaves an activity: without secrets, bounded, by reference, and no file stays behind."""

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.base import ActivityWrapper, Work
from activities.living import LivingWork
from activities.secrets import CallSecrets, SecretStore
from activities.values import SpooledValue
from schema.activities import NodeOutput
from schema.db.artifacts import ArtifactFiles
from schema.db.event_log import EventLog
from schema.errors import EvaluationFailed
from schema.facts import NodeFinished
from schema.key_file import KeyFile, KeySource
from schema.run_secrets import RunSecrets
from schema.runs import RunRef
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import decode, encode, from_wire, to_wire
from schema.values.secret_ref import mask
from schema.values.segments import Segment, SegmentType
from tests.integration.activities.attempts import Node, attempt, raising
from tests.integration.db.facts import a_run

pytestmark = pytest.mark.anyio

SECRET = "s3cret-canary"


class OneSecret(SecretStore):
    """Every run has one."""

    async def load(self, run: RunRef) -> CallSecrets:
        return CallSecrets(RunSecrets({"env.KEY": SECRET}, "0" * 32))


@pytest.fixture
def masking(
    event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork, tmp_path: Path
) -> ActivityWrapper:
    keys = KeySource(KeyFile(tmp_path / "secret.keys"), None)
    return ActivityWrapper(event_log, artifacts, living, secrets=OneSecret(event_log, keys))


async def everything(log: EventLog, run: RunRef) -> str:
    """All that is kept of a run, as text."""
    facts = [entry.model_dump_json() for entry in await log.read(run)]
    rows = await log.list_node_executions(run)
    return json.dumps(facts) + repr(rows)


async def test_inv_17_a_secret_leaves_in_no_part_of_a_result(
    masking: ActivityWrapper, event_log: EventLog
) -> None:
    run, text = await a_run(event_log), f"key={SECRET}!"

    async def effect(work: Work) -> NodeOutput:
        await work.emit_text(text[:8])
        await work.emit_text(text[8:])
        return NodeOutput(
            outputs={"v": to_wire(Segment.infer({"deep": [text]}))},
            inputs={"i": text},
            process_data={"p": {text: text}},
            metadata={"m": text},
        )

    answer = await attempt(masking, Node(effect), run, has_secrets=True)

    kept = await everything(event_log, run)
    assert SECRET not in kept + answer.model_dump_json()
    assert f"key={mask(SECRET)}!" in kept


async def test_inv_17_a_secret_leaves_in_no_part_of_an_error(
    masking: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    error = EvaluationFailed(f"401 for {SECRET}", "Refused", {"i": SECRET}, {"p": [SECRET]})

    with pytest.raises(ApplicationError) as failed:
        await attempt(masking, Node(raising(error)), run, has_secrets=True)

    assert SECRET not in await everything(event_log, run) + repr(failed.value.details)
    assert failed.value.message == f"401 for {mask(SECRET)}"
    assert failed.value.__cause__ is None


async def test_inv_08_an_oversize_error_takes_no_oversize_cause_along(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    error = EvaluationFailed("no", "", {str(n): "x" * 1000 for n in range(2000)}, None)

    with pytest.raises(ApplicationError) as failed:
        await attempt(wrapper, Node(raising(error)), run)

    assert failed.value.__cause__ is None
    assert len(repr(failed.value.details)) < 10_000
    [row] = await event_log.list_node_executions(run)
    assert row.inputs is not None
    assert len(row.inputs) == 2000


async def test_inv_08_large_inputs_stay_in_the_log_and_do_not_travel_back(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)

    async def effect(_work: Work) -> NodeOutput:
        return NodeOutput(inputs={str(n): "x" * 1000 for n in range(2000)})

    answer = await attempt(wrapper, Node(effect), run)

    finished = (await event_log.read(run))[-1].fact
    assert isinstance(finished, NodeFinished)
    assert finished.inputs is not None
    assert len(answer.model_dump_json()) < 1000


def spooled(path: Path, value: Any) -> SpooledValue:
    path.write_text(encode(to_wire(value)))
    return SpooledValue(Segment.infer(value).type, path)


async def test_inv_15_a_spooled_value_moves_into_the_store_and_its_file_goes(
    masking: ActivityWrapper, event_log: EventLog, artifacts: ArtifactFiles, tmp_path: Path
) -> None:
    run, path = await a_run(event_log), tmp_path / "spooled"
    large = [SECRET, "x" * 200_000]

    async def effect(_work: Work) -> NodeOutput:
        return NodeOutput(outputs={"v": spooled(path, large)})

    answer = await attempt(masking, Node(effect), run, has_secrets=True)

    assert not path.exists()
    assert answer.output is not None
    segment = from_wire(answer.output.outputs["v"])
    assert isinstance(segment, Segment)
    assert segment.type is SegmentType.ARRAY_STRING
    assert isinstance(segment.raw, ArtifactRef)
    kept = decode((await artifacts.get(run.tenant_id, segment.raw)).decode())
    assert SECRET not in segment.raw.preview
    assert SECRET not in kept[0]
    assert kept[1:] == large[1:]


async def test_inv_15_a_small_spooled_value_becomes_a_value_again(
    wrapper: ActivityWrapper, event_log: EventLog, tmp_path: Path
) -> None:
    run, path = await a_run(event_log), tmp_path / "spooled"

    async def effect(_work: Work) -> NodeOutput:
        return NodeOutput(outputs={"v": spooled(path, [1, 2.5])})

    answer = await attempt(wrapper, Node(effect), run)

    finished = (await event_log.read(run))[-1].fact
    assert isinstance(finished, NodeFinished)
    assert finished.outputs == {"v": [1, 2.5]}
    assert answer.output is not None
    assert from_wire(answer.output.outputs["v"]) == Segment.infer([1, 2.5])
    assert not path.exists()


async def test_no_spooled_file_stays_behind_when_its_result_cannot_be_taken(
    wrapper: ActivityWrapper, event_log: EventLog, tmp_path: Path
) -> None:
    run = await a_run(event_log)
    good, bad = tmp_path / "good", tmp_path / "bad"

    async def effect(_work: Work) -> NodeOutput:
        bad.write_text("no JSON")
        return NodeOutput(
            outputs={"bad": SpooledValue(SegmentType.STRING, bad), "good": spooled(good, "x")}
        )

    with pytest.raises(ApplicationError):
        await attempt(wrapper, Node(effect), run)

    assert not good.exists()
    assert not bad.exists()
