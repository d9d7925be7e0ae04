"""The artifact store in a directory: files appear as a whole and nothing else is left."""

import os
import time
from pathlib import Path

import pytest

from schema.db.artifacts import GRACE, ArtifactFiles
from schema.db.artifacts.durable_files import LEFT_BEHIND_SECONDS, STAGING, write_durably
from schema.errors import ArtifactStoreUnavailable, NotFound, SetupError

pytestmark = pytest.mark.anyio


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


async def test_the_same_content_is_stored_once(store: ArtifactFiles, folder: Path) -> None:
    first = await store.put("local", b"same", "a/b", "string", "")
    second = await store.put("local", b"same", "a/b", "string", "")

    assert first == second
    assert only_file(folder).read_bytes() == b"same"


async def test_putting_an_old_artifact_makes_it_young(store: ArtifactFiles, folder: Path) -> None:
    ref = await store.put("local", b"content", "a/b", "string", "")
    named = [("local", ref.sha256)]
    before = time.time() - GRACE.total_seconds() - 60

    os.utime(only_file(folder), (before, before))
    await store.put("local", b"content", "a/b", "string", "")
    refreshed = await store.delete_artifacts(named)
    os.utime(only_file(folder), (before, before))
    old = await store.delete_artifacts(named)

    assert (refreshed, old) == (0, 1)
    with pytest.raises(NotFound):
        await store.get("local", ref)


async def test_a_store_that_cannot_be_reached_is_unavailable(
    store: ArtifactFiles, folder: Path
) -> None:
    put_in_the_way(folder)

    with pytest.raises(ArtifactStoreUnavailable):
        await store.put("local", b"content", "a/b", "string", "")


def test_an_unknown_kind_of_store_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match="HOLDFAST_ARTIFACTS"):
        ArtifactFiles("gopher://x")


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    write_durably(tmp_path, "a/b", b"old")

    with pytest.raises(FileNotFoundError):
        write_durably(tmp_path, "a/b", tmp_path / "missing")

    assert [file.read_bytes() for file in files_below(tmp_path)] == [b"old"]


def test_content_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    sync, rename = os.fsync, os.replace

    def syncing(descriptor: int) -> None:
        order.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        sync(descriptor)

    def renaming(old: str, new: Path) -> None:
        order.append("name")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(os, "replace", renaming)

    write_durably(tmp_path, "a/b/c", b"content")

    # Two folders are new; the one of the file is known last, with the file's name in it.
    assert order == ["file", "folder", "folder", "name", "folder"]


async def test_what_killed_writers_left_is_removed_by_a_purge(
    store: ArtifactFiles, folder: Path
) -> None:
    ref = await store.put("local", b"content", "a/b", "string", "")
    left, recent = folder / STAGING / "left", folder / STAGING / "recent"
    left.write_bytes(b"half")
    recent.write_bytes(b"half")
    long_ago = time.time() - LEFT_BEHIND_SECONDS - 60
    os.utime(left, (long_ago, long_ago))

    await store.delete_artifacts([])

    assert (left.exists(), recent.exists()) == (False, True)
    assert await store.get("local", ref) == b"content"
