"""The wrapper and secrets: decrypted for an attempt, gone from all that leaves it."""

from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities import availability
from activities.availability import when_available
from activities.base import ActivityWrapper, Work
from activities.secrets import SecretStore
from activities.values import SpooledValue, ValueReader
from schema.activities import NodeOutput
from schema.db.artifacts import ArtifactFiles
from schema.db.event_log import EventLog
from schema.errors import EvaluationFailed, SandboxUnavailable
from schema.facts import TextProduced
from schema.key_file import KeyFile, KeySource
from schema.run_secrets import encrypt_secrets
from schema.runs import RunRef
from schema.values.encoding import encode, from_wire, masked_wire, to_wire
from schema.values.secret_ref import SecretRef, mask
from schema.values.segments import Segment, SegmentType
from tests.integration.activities.attempts import Node, attempt, giving, raising
from tests.integration.db.facts import an_input

pytestmark = pytest.mark.anyio

CANARY = "sk-canary-0123456789"
MASK = mask(CANARY)
REFERENCE = to_wire(Segment(SegmentType.SECRET, SecretRef("env.KEY", MASK)))


@pytest.fixture
def store(event_log: EventLog, keys: KeySource) -> SecretStore:
    return SecretStore(event_log, keys)


@pytest.fixture
def wrapper(event_log: EventLog, artifacts: ArtifactFiles, store: SecretStore) -> ActivityWrapper:
    return ActivityWrapper(event_log, artifacts, secrets=store)


@pytest.fixture
async def run(event_log: EventLog, keys: KeySource) -> RunRef:
    run_input = an_input()
    secrets = encrypt_secrets(keys.ring(), run_input.ref, {"env.KEY": CANARY})
    await event_log.register(run_input, at=100.0, secrets=secrets)
    return run_input.ref


async def the_log(log: EventLog, run: RunRef) -> str:
    return encode([entry.fact.model_dump() for entry in await log.read(run)])


async def test_inv_17_a_result_leaves_without_secrets_and_is_read_again(
    wrapper: ActivityWrapper,
    store: SecretStore,
    event_log: EventLog,
    run: RunRef,
    artifacts: ArtifactFiles,
) -> None:
    async def give(work: Work) -> NodeOutput:
        key = (await work.values.read(REFERENCE)).text
        return NodeOutput(
            outputs={
                "header": to_wire(Segment.infer(f"Bearer {key}")),
                "large": to_wire(Segment.infer([f"Bearer {key}", "x" * 100_000])),
            },
            inputs={"key": key},
            process_data={"printed": f"{key}\n"},
            metadata={"note": key, "count": 1},
        )

    answer = await attempt(wrapper, Node(give), run, has_secrets=True)

    assert answer.output is not None
    assert CANARY not in encode(answer.model_dump())
    assert CANARY not in await the_log(event_log, run)
    assert answer.output.metadata == {"note": MASK, "count": 1}
    assert masked_wire(answer.output.inputs) == {"key": MASK}
    reference = from_wire(answer.output.outputs["large"]).value
    assert CANARY.encode() not in await artifacts.get(run.tenant_id, reference)
    assert reference.preview.startswith(f'["Bearer {MASK}","xxx')

    reader = ValueReader(artifacts, run.tenant_id, await store.load(run))
    whole = {"header": f"Bearer {CANARY}", "large": [f"Bearer {CANARY}", "x" * 100_000]}
    for name, wire in answer.output.outputs.items():
        assert (await reader.read(wire)).value == whole[name]
        pieces = [piece async for piece in reader.stream(wire)]
        assert b"".join(pieces) == encode(whole[name]).encode()


@pytest.mark.parametrize("size", [10, 200_000])
async def test_inv_17_a_spooled_value_leaves_without_secrets(
    wrapper: ActivityWrapper,
    store: SecretStore,
    run: RunRef,
    artifacts: ArtifactFiles,
    tmp_path: Path,
    size: int,
) -> None:
    value = [CANARY, "x" * size, {CANARY: 1}]
    path = tmp_path / "spooled"

    async def give(_work: Work) -> NodeOutput:
        path.write_text(encode(value))
        return NodeOutput(outputs={"v": SpooledValue(SegmentType.ARRAY_ANY, path)})

    answer = await attempt(wrapper, Node(give), run, has_secrets=True)

    assert answer.output is not None
    assert not path.exists()
    wire = answer.output.outputs["v"]
    assert CANARY not in encode(wire)
    reader = ValueReader(artifacts, run.tenant_id, await store.load(run))
    assert (await reader.read(wire)).value == value
    for stored in (tmp_path / "artifacts").rglob("*"):
        assert not stored.is_file() or CANARY.encode() not in stored.read_bytes()


async def test_inv_17_an_error_leaves_without_secrets(
    wrapper: ActivityWrapper, event_log: EventLog, run: RunRef
) -> None:
    wrong = EvaluationFailed(f"401 for {CANARY}", "Wrong", {"a": CANARY}, {"b": f"-{CANARY}-"})

    with pytest.raises(ApplicationError) as failed:
        await attempt(wrapper, Node(raising(wrong)), run, has_secrets=True)

    assert failed.value.message == f"401 for {MASK}"
    assert CANARY not in repr(failed.value.details) + repr(failed.value.__cause__)
    assert CANARY not in await the_log(event_log, run)


async def test_inv_17_trouble_of_ours_is_reported_without_secrets(
    wrapper: ActivityWrapper, run: RunRef
) -> None:
    away = SandboxUnavailable(f"no child for {CANARY}")

    with pytest.raises(ApplicationError) as failed:
        await attempt(wrapper, Node(raising(away)), run, has_secrets=True)

    assert CANARY not in failed.value.message + repr(failed.value.__cause__)
    assert not failed.value.non_retryable


async def test_inv_17_streamed_text_is_masked(
    wrapper: ActivityWrapper, event_log: EventLog, run: RunRef
) -> None:
    async def say(work: Work) -> NodeOutput:
        for piece in ("Key: ", CANARY[:5], CANARY[5:9], CANARY[9:], ". sk-"):
            await work.emit_text(piece)
        return NodeOutput()

    await attempt(wrapper, Node(say), run, has_secrets=True)

    chunks = [e.fact for e in await event_log.read(run) if isinstance(e.fact, TextProduced)]
    assert "".join(chunk.text for chunk in chunks) == f"Key: {MASK}. sk-"


async def test_a_key_that_is_not_here_is_waited_for_and_uses_no_start_up(
    event_log: EventLog,
    artifacts: ArtifactFiles,
    keys: KeySource,
    run: RunRef,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(availability, "WAIT_SECONDS", 0.0)
    monkeypatch.setattr(when_available, "__defaults__", (0.0,))
    other = KeySource(KeyFile(tmp_path / "other.keys"))
    wrapper = ActivityWrapper(event_log, artifacts, secrets=SecretStore(event_log, other))
    node = Node(giving(1))

    with pytest.raises(ApplicationError, match="HOLDFAST_SECRET_KEYS") as failed:
        await attempt(wrapper, node, run, has_secrets=True)
    for key in keys.read():
        other.file.add(key)
    answer = await attempt(wrapper, node, run, has_secrets=True)

    assert (failed.value.type, failed.value.non_retryable) == ("secret_unreadable", False)
    assert answer.output is not None
    assert node.starts == [1]
