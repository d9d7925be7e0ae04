"""Large values in a real store: by reference, whole again, and without holding the loop up."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from schema.db.artifacts import ArtifactFiles
from schema.errors import NotFound
from schema.limits import INLINE_VALUE_BYTES
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import encode, to_wire
from schema.values.files import File, FileType, TransferMethod
from schema.values.large_values import reference_large, resolve, text_pieces
from schema.values.segments import Segment, SegmentType

pytestmark = pytest.mark.anyio

LONGEST_STALL = 1.0
"""Seconds; in one go the objects take longer than that to be written and read."""


@pytest.fixture
def store(folder: Path) -> ArtifactFiles:
    return ArtifactFiles(str(folder))


def a_file(digest: str) -> File:
    return File(FileType.DOCUMENT, TransferMethod.LOCAL_FILE, reference=digest)


@pytest.mark.parametrize(
    ("length", "is_reference"),
    [(INLINE_VALUE_BYTES - 2, False), (INLINE_VALUE_BYTES - 1, True)],
)
async def test_inv_15_the_encoded_text_decides(
    store: ArtifactFiles, length: int, is_reference: bool
) -> None:
    segment = await reference_large(Segment.infer("x" * length), store, "local")

    assert segment.is_reference is is_reference


@pytest.mark.parametrize(
    "value",
    [
        "a é\ud83d\x00" * 50_000,
        {"rows": [{"id": number, "x": 1.0} for number in range(20_000)], "nan": [1e400]},
        list(range(30_000)),
        [10**9_000] * 20,
        {"output": Segment(SegmentType.STRING, "x" * 100_000)},
        [a_file("ab" * 32)] * 600,
    ],
    ids=["text", "object", "numbers", "long numbers", "typed", "files"],
)
async def test_inv_15_a_large_value_is_whole_again(store: ArtifactFiles, value: Any) -> None:
    segment = Segment.infer(value)

    referenced = await reference_large(segment, store, "local")
    read = await resolve(referenced, store, "local")

    assert isinstance(referenced.value, ArtifactRef)
    assert len(encode(to_wire(referenced))) < 2_000
    assert await store.get("local", referenced.value) == encode(to_wire(value)).encode()
    assert read.type is segment.type
    assert encode(to_wire(read.value)) == encode(to_wire(value))


async def test_references_inside_a_referenced_value_are_read_too(store: ArtifactFiles) -> None:
    inner = await reference_large(Segment.infer("x" * 100_000), store, "local")
    group = Segment(SegmentType.OBJECT, {"output": inner, "more": "y" * 100_000})
    outer = await reference_large(group, store, "local")

    read = await resolve(Segment(SegmentType.ARRAY_ANY, [outer]), store, "local")

    assert read.raw == [{"output": "x" * 100_000, "more": "y" * 100_000}]


async def test_a_reference_names_what_only_its_value_names(store: ArtifactFiles) -> None:
    digests = [f"{number:064x}" for number in range(600)]
    inner = await reference_large(
        Segment.infer([a_file(digest) for digest in digests]), store, "local"
    )
    outer = await reference_large(
        Segment(SegmentType.OBJECT, {"files": inner, "text": "x" * 100_000}), store, "local"
    )

    assert isinstance(inner.value, ArtifactRef)
    assert isinstance(outer.value, ArtifactRef)
    assert inner.value.contents == tuple(digests)
    assert outer.value.contents == tuple(sorted([*digests, inner.value.sha256]))


async def test_a_text_comes_in_pieces(store: ArtifactFiles) -> None:
    text = '中\ud83d\ude00 \\ " \x00' * 1_000_000
    segment = await reference_large(Segment.infer(text), store, "local")
    assert isinstance(segment.value, ArtifactRef)

    pieces = [piece async for piece in text_pieces(segment.value, store, "local")]

    assert len(pieces) > 5
    assert "".join(pieces) == text.replace("\ud83d\ude00", "😀")


async def test_a_value_that_is_gone_is_not_found(store: ArtifactFiles) -> None:
    segment = await reference_large(Segment.infer("x" * 100_000), store, "local")

    with pytest.raises(NotFound):
        await resolve(segment, store, "other")


@pytest.mark.parametrize(
    "value",
    ["x" * 100_000_000, [{"id": number, "x": "y" * 100} for number in range(400_000)]],
    ids=["text", "objects"],
)
async def test_others_get_their_turns_while_a_large_value_is_moved(
    store: ArtifactFiles, value: Any
) -> None:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        last = time.monotonic()
        while True:
            await asyncio.sleep(0.01)
            now = time.monotonic()
            longest, last = max(longest, now - last), now

    watching = asyncio.create_task(watch())
    segment = await reference_large(Segment.infer(value), store, "local")
    read = await resolve(segment, store, "local")
    watching.cancel()

    assert read.value == value
    assert longest < LONGEST_STALL
