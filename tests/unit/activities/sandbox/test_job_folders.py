"""The folder of a job goes, whatever the job has left in it."""

import os
from pathlib import Path

import pytest

from activities.sandbox.job_folders import JobFolders, remove_tree


def test_folders_are_closed_to_others_and_have_names_of_their_own(tmp_path: Path) -> None:
    folders = JobFolders(str(tmp_path))

    one, other = folders.make(), folders.make()

    assert one != other
    assert Path(one).stat().st_mode & 0o777 == 0o700


def test_empty_folder_is_removed_at_once(tmp_path: Path) -> None:
    folders = JobFolders(str(tmp_path))

    folders.remove(folders.make())

    assert list(tmp_path.iterdir()) == []


def test_full_folder_is_removed_by_a_process_of_its_own(tmp_path: Path) -> None:
    folders = JobFolders(str(tmp_path))
    folder = folders.make()
    (Path(folder) / "left").write_text("left")

    folders.remove(folder)
    os.wait()

    assert list(tmp_path.iterdir()) == []


def test_tree_deeper_than_any_path_or_stack_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = tmp_path / "top"
    top.mkdir()
    monkeypatch.chdir(top)
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
    Path("bottom").write_text("x")
    monkeypatch.chdir(tmp_path)

    remove_tree(str(top))

    assert list(tmp_path.iterdir()) == []


def test_what_links_name_stays_and_locked_folders_go(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    top = tmp_path / "top"
    (top / "locked" / "inner" / "innermost").mkdir(parents=True)
    (top / "link").symlink_to(kept)
    (top / "locked" / "link").symlink_to(kept)
    (top / "locked" / "inner").chmod(0)
    (top / "locked").chmod(0)

    remove_tree(str(top))

    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (kept / "file").read_text() == "kept"
