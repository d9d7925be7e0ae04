from pathlib import Path

import pytest

from schema.errors import DataDirectoryInUse, SetupError
from workers.data_directory import DataDirectory, join


@pytest.mark.anyio
async def test_users_of_one_version_share_the_directory(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "home")

    first = await join(directory, "1.0")
    second = await join(directory, "1.0")

    assert first.is_held
    assert second.is_held
    assert not directory.lock("users").try_exclusive()
    first.release()
    second.release()


@pytest.mark.anyio
async def test_another_version_is_refused_while_somebody_is_there(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "home")
    user = await join(directory, "1.0")

    with pytest.raises(DataDirectoryInUse, match=r"in use by Holdfast 1\.0, this is 2\.0"):
        await join(directory, "2.0")

    assert directory.version() == "1.0"
    user.release()


@pytest.mark.anyio
async def test_another_version_takes_over_an_abandoned_directory(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "home")
    (await join(directory, "1.0")).release()

    user = await join(directory, "2.0")

    assert directory.version() == "2.0"
    with pytest.raises(DataDirectoryInUse):
        await join(directory, "1.0")
    user.release()


@pytest.mark.anyio
async def test_the_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "a" / "home")

    (await join(directory, "1.0")).release()

    assert directory.home.stat().st_mode & 0o777 == 0o700


@pytest.mark.anyio
async def test_a_home_that_cannot_be_made_is_named_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(SetupError, match=r"file/home.*HOLDFAST_HOME"):
        await join(DataDirectory(tmp_path / "file" / "home"), "1.0")
