"""The ways to the `temporal` program, with programs of the test's own on PATH."""

import asyncio
import time
import tomllib
from pathlib import Path

import pytest

from schema.errors import DevServerUnavailable
from schema.settings import Settings
from tests.sources import ROOT
from tests.waiting import until
from workers.server_binary import (
    CLI_VERSION,
    MODULE,
    BinaryCache,
    BuildProgress,
    DevServerBinary,
    default_sources,
    find_binary,
)

OLD_HELP = "--sqlite-pragma --http-port"
NEW_HELP = f"{OLD_HELP} --ui-disable-news-fetch"

# Writes a line a build, takes its time, and leaves a program where `-o` says.
FAKE_GO = """
echo build >> {log}
echo some/package
sleep 0.3
while [ "$1" != -o ]; do shift; done
echo '#!/bin/sh' > "$2"
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH but for the system's own tools."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", cache=tmp_path / "cache", download=False)


def put(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def ignore(_text: str) -> None:
    pass


@pytest.mark.anyio
async def test_temporal_on_path_comes_first(programs: Path, settings: Settings) -> None:
    path = put(programs, "temporal", f"echo '{NEW_HELP}'")

    found = await find_binary(default_sources(settings), ignore)

    assert found == DevServerBinary(path, "PATH", knows_news_switch=True)
    assert not settings.cache.exists()


@pytest.mark.anyio
async def test_an_older_temporal_is_used_without_the_newest_flag(
    programs: Path, settings: Settings
) -> None:
    put(programs, "temporal", f"echo '{OLD_HELP}'")

    assert not (await find_binary(default_sources(settings), ignore)).knows_news_switch


@pytest.mark.anyio
async def test_an_unusable_temporal_on_path_does_not_stop_the_search(
    programs: Path, settings: Settings
) -> None:
    put(programs, "temporal", "echo no such command; exit 1")
    settings.cache.mkdir()
    kept = put(settings.cache, f"temporal-{CLI_VERSION}", "")

    assert await find_binary(default_sources(settings), ignore) == DevServerBinary(kept, "cache")


@pytest.mark.anyio
async def test_the_error_names_every_way_its_reason_and_one_thing_to_do(
    programs: Path, settings: Settings
) -> None:
    put(programs, "temporal", "echo too bad; exit 1")
    put(programs, "go", "echo go: go.mod requires go 1.26.4; exit 1")

    with pytest.raises(DevServerUnavailable) as raised:
        await find_binary(default_sources(settings), ignore)

    reasons = dict(raised.value.attempts)
    assert list(reasons) == ["TEMPORAL_ADDRESS", "PATH", "cache", "download", "go build"]
    assert reasons["PATH"].endswith("does not work: too bad")
    assert "HOLDFAST_DOWNLOAD" in reasons["download"]
    assert reasons["go build"] == "go: go.mod requires go 1.26.4"
    assert "To do: install the Temporal CLI" in str(raised.value)
    assert [path.name for path in settings.cache.iterdir()] == ["temporal.lock"]


@pytest.mark.anyio
async def test_two_at_once_build_one_program(
    programs: Path, settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "builds"
    put(programs, "go", FAKE_GO.format(log=log))
    told: list[str] = []

    found = await asyncio.gather(
        *(find_binary(default_sources(settings), told.append) for _ in range(3))
    )

    assert log.read_text() == "build\n"
    assert {each.path for each in found} == {settings.cache / f"temporal-{CLI_VERSION}"}
    assert sorted(each.source for each in found) == ["cache", "cache", "go build"]
    assert any("Building the Temporal server" in line for line in told)
    assert any("Another process" in line for line in told)


@pytest.mark.anyio
async def test_an_interrupted_build_leaves_no_program_behind(
    programs: Path, settings: Settings, tmp_path: Path
) -> None:
    log = tmp_path / "builds"
    put(programs, "go", FAKE_GO.format(log=log).replace("0.3", "60"))
    build = asyncio.create_task(find_binary(default_sources(settings), ignore))
    await until(log.exists)

    build.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build

    assert [path.name for path in settings.cache.iterdir()] == ["temporal.lock"]


@pytest.mark.anyio
async def test_an_installation_without_the_go_module_says_so(
    programs: Path, settings: Settings, tmp_path: Path
) -> None:
    put(programs, "go", "exit 1")
    settings.cache.mkdir()

    missing = await BinaryCache(settings.cache).build(ignore, tmp_path / "nowhere")

    assert "the installation is incomplete" in str(missing)


def test_the_go_module_pins_the_version_that_we_name() -> None:
    text = (MODULE / "go.mod").read_text()

    assert f"github.com/temporalio/cli v{CLI_VERSION}" in text
    assert (MODULE / "go.sum").exists()


def test_the_go_module_is_shipped_with_the_package() -> None:
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]

    assert MODULE == ROOT / "deploy" / "temporal-cli"
    assert "deploy" in tools["packages"]["find"]["include"]
    assert "temporal-cli/go.*" in tools["package-data"]["deploy"]


def test_a_long_build_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    clock = iter(range(0, 600, 2))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))
    watch = BuildProgress(told.append)

    for _ in range(9):
        watch("some/package")

    assert told == [
        "Building the Temporal server: 3 steps, 6 s",
        "Building the Temporal server: 6 steps, 12 s",
        "Building the Temporal server: 9 steps, 18 s",
    ]
