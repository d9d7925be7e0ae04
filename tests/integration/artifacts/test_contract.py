"""What every artifact store does, in a directory and in a bucket."""

import hashlib
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.db.artifacts import ArtifactFiles, artifact_files
from schema.db.artifacts.objects import PIECE_BYTES, Objects
from schema.errors import ArtifactStoreUnavailable, NotFound
from schema.values.artifact_ref import ArtifactRef, ArtifactStore

pytestmark = pytest.mark.anyio

HOSTILE = ["..", "../../etc", "a/b", "", "\x00", "\ud800", "x" * 500, "C:\\x", "名前"]
SIZES = [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 5 * PIECE_BYTES + 17]


async def whole(pieces: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in pieces])


def path_of(ref: ArtifactRef, tenant: str = "local") -> str:
    return f"artifacts/n-{tenant}/{ref.sha256[:2]}/{ref.sha256}"


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=200_000))
async def test_inv_15_bytes_in_equal_bytes_out(store: ArtifactFiles, data: bytes) -> None:
    kept: ArtifactStore = store
    ref = await kept.put("local", data, "text/plain", "string", "preview")

    assert await kept.get("local", ref) == data
    assert (ref.bytes, ref.mime, ref.kind, ref.preview) == (
        len(data),
        "text/plain",
        "string",
        "preview",
    )


@pytest.mark.parametrize("size", SIZES)
async def test_inv_15_a_file_of_any_size_comes_back_in_pieces(
    store: ArtifactFiles, tmp_path: Path, size: int
) -> None:
    data = os.urandom(size)
    source = tmp_path / "source"
    source.write_bytes(data)

    ref = await store.put_file("local", source, "a/b", "file", "")

    assert (ref.sha256, ref.bytes) == (hashlib.sha256(data).hexdigest(), size)
    assert source.read_bytes() == data
    assert await whole(store.stream("local", ref)) == data
    assert await store.get("local", ref) == data
    assert await store.size_of("local", ref.sha256) == size


async def test_a_value_and_a_file_of_the_same_content_are_one_artifact(
    store: ArtifactFiles, location: str, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"same")

    first = await store.put("local", b"same", "a/b", "string", "")
    second = await store.put_file("local", source, "a/b", "string", "")

    assert first == second
    assert len(await Objects(location).list("artifacts")) == 1


async def test_inv_21_another_tenant_does_not_have_it(store: ArtifactFiles) -> None:
    ref = await store.put("one", b"secret", "a/b", "string", "")

    assert await store.size_of("two", ref.sha256) is None
    with pytest.raises(NotFound):
        await store.get("two", ref)
    with pytest.raises(NotFound):
        await whole(store.stream("two", ref))


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_inv_18_names_of_others_are_no_paths(
    store: ArtifactFiles, location: str, name: str
) -> None:
    ref = await store.put(name, b"data", "a/b", "string", "")
    await store.put_blob(name, ref.sha256, b"data")

    assert await store.get(name, ref) == b"data"
    assert await store.get_blob(name, ref.sha256) == b"data"
    objects = Objects(location)
    found = [*await objects.list("artifacts"), *await objects.list("blobs")]
    assert [path.startswith(("n-", "h-")) for path in found] == [True, True]


@pytest.mark.parametrize("digest", ["../../secret", "", "A" * 64, "0" * 63])
async def test_inv_18_what_is_no_digest_is_not_found(store: ArtifactFiles, digest: str) -> None:
    assert await store.size_of("local", digest) is None
    with pytest.raises(NotFound):
        await store.get("local", ArtifactRef(digest, 1, "a/b", "string"))
    with pytest.raises(NotFound):
        await store.get_blob("run-1", digest)


@pytest.mark.parametrize("damaged", [b"CONTENT", b"con", b"", b"content and more"])
async def test_damaged_content_is_noticed(
    store: ArtifactFiles, location: str, damaged: bytes
) -> None:
    ref = await store.put("local", b"content", "a/b", "string", "")
    await Objects(location).write(path_of(ref), damaged)

    with pytest.raises(NotFound, match="damaged"):
        await store.get("local", ref)
    with pytest.raises(NotFound, match="damaged"):
        await whole(store.stream("local", ref))


async def test_content_cut_by_a_crash_is_written_again(store: ArtifactFiles, location: str) -> None:
    ref = await store.put("local", b"content", "a/b", "string", "")
    await Objects(location).write(path_of(ref), b"con")

    await store.put("local", b"content", "a/b", "string", "")

    assert await store.get("local", ref) == b"content"


async def test_only_artifacts_that_are_old_are_deleted(
    store: ArtifactFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = await store.put("local", b"content", "a/b", "string", "")
    named = [("local", ref.sha256), ("other", ref.sha256)]

    young = await store.delete_artifacts(named)
    monkeypatch.setattr(artifact_files, "GRACE", timedelta(seconds=-60))
    old = await store.delete_artifacts(named)

    assert (young, old) == (0, 1)
    with pytest.raises(NotFound):
        await store.get("local", ref)


async def test_blobs_belong_to_a_workflow(store: ArtifactFiles) -> None:
    contents = [b"one", b"two", b"three"]
    names = [hashlib.sha256(data).hexdigest() for data in contents]
    for name, data in zip(names, contents, strict=True):
        await store.put_blob("run-1", name, data)
    await store.put_blob("run-10", names[0], contents[0])

    assert await store.list_blobs("run-1") == sorted(names)
    assert await store.delete_blobs("run-1") == 3
    assert await store.list_blobs("run-1") == []
    assert await store.get_blob("run-10", names[0]) == contents[0]
    with pytest.raises(NotFound):
        await store.get_blob("run-1", names[0])


async def test_a_damaged_blob_is_not_returned_and_is_worth_another_try(
    store: ArtifactFiles, location: str
) -> None:
    name = hashlib.sha256(b"payload").hexdigest()
    await store.put_blob("run-1", name, b"payload")
    await Objects(location).write(f"blobs/n-run-1/{name}", b"PAYLOAD")

    with pytest.raises(ArtifactStoreUnavailable, match="damaged"):
        await store.get_blob("run-1", name)
