"""The wheel holds all that an installation without the repository needs."""

import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from schema.version import VERSION
from tests.sources import PACKAGES, ROOT, sources

BUILD_SECONDS = 120
IGNORED = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "tests", "benchmarks", "build")
PIP_WHEEL = (
    *(sys.executable, "-m", "pip", "wheel"),
    *("--no-index", "--no-deps", "--no-build-isolation"),
)
OLDEST_SETUPTOOLS = 77


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built from a copy of the tree, without an index, as deploy/Dockerfile does."""
    if int(metadata.version("setuptools").partition(".")[0]) < OLDEST_SETUPTOOLS:
        pytest.skip("setuptools is older than pyproject.toml asks; `make venv` installs it")
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "tree", ignore=IGNORED)
    built = subprocess.run(
        [*PIP_WHEEL, "--wheel-dir", str(folder), str(folder / "tree")],
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    return zipfile.ZipFile(folder / f"holdfast-{VERSION}-py3-none-any.whl")


def test_wheel_holds_every_module(wheel: zipfile.ZipFile) -> None:
    modules = {source.place for source in sources(*PACKAGES)}

    assert modules <= set(wheel.namelist())


@pytest.mark.parametrize(
    "file",
    [
        "deploy/temporal-cli/go.mod",
        "deploy/temporal-cli/go.sum",
        "schema/db/migrations/script.py.mako",
        f"holdfast-{VERSION}.dist-info/licenses/LICENSE",
    ],
)
def test_wheel_holds_what_is_no_module(wheel: zipfile.ZipFile, file: str) -> None:
    assert file in wheel.namelist()


def test_wheel_holds_no_tests(wheel: zipfile.ZipFile) -> None:
    top_levels = {Path(name).parts[0] for name in wheel.namelist()}

    assert top_levels == {*PACKAGES, "deploy", f"holdfast-{VERSION}.dist-info"}


def test_wheel_installs_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = wheel.read(f"holdfast-{VERSION}.dist-info/entry_points.txt").decode()

    assert "holdfast = workers.cli.process:main" in entry_points
