"""One converter for every process: values survive it, models come back as they went."""

import hashlib
import json
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload

from schema.errors import ArtifactStoreUnavailable
from schema.runs import RunInput
from tests.factories import a_chain, a_run_input
from workflows.payloads import EXTERNAL_STORAGE_BYTES, build_data_converter

HOSTILE = {"nul": "\x00", "surrogate": "\ud800", "one": 1, "float": 1.0, "big": 10**400}


class BlobsInMemory:
    """A blob store of a test."""

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}

    async def put_blob(self, owner: str, name: str, data: bytes) -> None:
        assert hashlib.sha256(data).hexdigest() == name
        self.blobs[owner, name] = data

    async def get_blob(self, owner: str, name: str) -> bytes:
        if (owner, name) not in self.blobs:
            raise ArtifactStoreUnavailable(f"no blob {name}")
        return self.blobs[owner, name]


def a_payload(value: Any) -> Payload:
    payloads = build_data_converter().payload_converter.to_payloads([value])
    return payloads[0]


def test_inv_16_values_survive_the_converter_as_they_are() -> None:
    run = a_run_input(a_chain(1), inputs=HOSTILE)

    payload = a_payload(run)
    [back] = build_data_converter().payload_converter.from_payloads([payload], [RunInput])

    assert back == run
    assert type(back.inputs["one"]) is int
    assert type(back.inputs["float"]) is float
    assert payload.data.isascii()


def test_tools_of_temporal_read_payloads_as_json() -> None:
    payload = a_payload(a_run_input(a_chain(1)))

    assert payload.metadata["encoding"] == b"json/plain"
    assert json.loads(payload.data)["run_id"] == "run"


@pytest.mark.anyio
async def test_inv_15_a_large_payload_moves_to_the_store_and_comes_back_equal() -> None:
    blobs = BlobsInMemory()
    converter = build_data_converter(blobs)
    run = a_run_input(a_chain(1), inputs={"q": "x" * EXTERNAL_STORAGE_BYTES})

    payloads = await converter.encode([run])
    [back] = await converter.decode(payloads, [RunInput])

    assert back == run
    assert len(blobs.blobs) == 1
    assert payloads[0].ByteSize() < 1_000


@pytest.mark.anyio
async def test_a_small_payload_stays_inline() -> None:
    blobs = BlobsInMemory()

    await build_data_converter(blobs).encode([{"a": 1}])

    assert blobs.blobs == {}
