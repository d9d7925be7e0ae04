"""The artifact store in a directory: whole, checked, apart by tenant."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.db.artifacts import GRACE, ArtifactFiles
from schema.errors import ArtifactStoreUnavailable, NotFound, SetupError
from schema.values.artifact_ref import ArtifactRef, ArtifactStore

pytestmark = pytest.mark.anyio

HOSTILE = ["..", "../../etc", "a/b", "", "\x00", "\ud800", "x" * 500, "C:\\x", "名前"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def store(folder: Path) -> ArtifactFiles:
    return ArtifactFiles(str(folder))


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def only_file(folder: Path) -> Path:
    [path] = files_below(folder)
    return path


def put_in_the_way(folder: Path) -> None:
    """Make a file of the store's folder."""
    folder.rmdir()
    folder.write_text("in the way")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


async def test_the_same_content_is_stored_once(store: ArtifactFiles, folder: Path) -> None:
    first = await store.put("local", b"same", "a/b", "string", "")
    second = await store.put("local", b"same", "a/b", "string", "")

    assert first == second
    assert only_file(folder).read_bytes() == b"same"


async def test_inv_21_another_tenant_does_not_have_it(store: ArtifactFiles) -> None:
    ref = await store.put("one", b"secret", "a/b", "string", "")

    with pytest.raises(NotFound):
        await store.get("two", ref)


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
async def test_inv_18_names_of_others_are_no_paths(
    store: ArtifactFiles, folder: Path, name: str
) -> None:
    ref = await store.put(name, b"data", "a/b", "string", "")
    await store.put_blob(name, ref.sha256, b"data")

    assert await store.get(name, ref) == b"data"
    assert await store.get_blob(name, ref.sha256) == b"data"
    files = [path.relative_to(folder).parts for path in files_below(folder)]
    assert sorted(parts[0] for parts in files) == ["artifacts", "blobs"]
    assert all(parts[1].startswith(("n-", "h-")) for parts in files)
    assert len(files_below(folder.parent)) == len(files)


@pytest.mark.parametrize("digest", ["../../secret", "", "A" * 64, "0" * 63])
async def test_inv_18_what_is_no_digest_is_not_found(store: ArtifactFiles, digest: str) -> None:
    with pytest.raises(NotFound):
        await store.get("local", ArtifactRef(digest, 1, "a/b", "string"))
    with pytest.raises(NotFound):
        await store.get_blob("run-1", digest)


async def test_damaged_content_is_not_returned(store: ArtifactFiles, folder: Path) -> None:
    ref = await store.put("local", b"content", "a/b", "string", "")
    only_file(folder).write_bytes(b"CONTENT")

    with pytest.raises(NotFound, match="damaged"):
        await store.get("local", ref)


async def test_content_cut_by_a_crash_is_written_again(store: ArtifactFiles, folder: Path) -> None:
    ref = await store.put("local", b"content", "a/b", "string", "")
    only_file(folder).write_bytes(b"con")

    await store.put("local", b"content", "a/b", "string", "")

    assert await store.get("local", ref) == b"content"


async def test_only_old_artifacts_are_deleted_and_putting_one_makes_it_young(
    store: ArtifactFiles, folder: Path
) -> None:
    ref = await store.put("local", b"content", "a/b", "string", "")
    named = [("local", ref.sha256)]
    before = time.time() - GRACE.total_seconds() - 60

    young = await store.delete_artifacts(named)
    os.utime(only_file(folder), (before, before))
    await store.put("local", b"content", "a/b", "string", "")
    refreshed = await store.delete_artifacts(named)
    os.utime(only_file(folder), (before, before))
    old = await store.delete_artifacts(named)

    assert (young, refreshed, old) == (0, 0, 1)
    with pytest.raises(NotFound):
        await store.get("local", ref)


async def test_blobs_belong_to_a_workflow(store: ArtifactFiles) -> None:
    names = [f"{number:064x}" for number in range(3)]
    for name in names:
        await store.put_blob("run-1", name, name.encode())
    await store.put_blob("run-10", names[0], b"other")

    assert await store.list_blobs("run-1") == names
    assert await store.delete_blobs("run-1") == 3
    assert await store.list_blobs("run-1") == []
    assert await store.get_blob("run-10", names[0]) == b"other"
    with pytest.raises(NotFound):
        await store.get_blob("run-1", names[0])


async def test_a_store_that_cannot_be_reached_is_unavailable(
    store: ArtifactFiles, folder: Path
) -> None:
    put_in_the_way(folder)

    with pytest.raises(ArtifactStoreUnavailable):
        await store.put("local", b"content", "a/b", "string", "")


def test_an_unknown_kind_of_store_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match="HOLDFAST_ARTIFACTS"):
        ArtifactFiles("gopher://x")
