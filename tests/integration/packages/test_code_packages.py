"""Packages for code nodes: installed by the command, listed, seen by validation, importable."""

import asyncio
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from activities.sandbox.fork_server_sandbox import ForkServerSandbox, SandboxOptions
from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST
from activities.sandbox.job import Job
from tests.documents import a_document
from tests.factories import a_code, a_start, an_end
from workers.cli import app
from workers.code_packages import CodePackages

USES = "import greetings\ndef main(): return {'r': greetings.HELLO}"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package as an index would give it."""
    file = tmp_path_factory.mktemp("wheel") / "greetings-1.2-py3-none-any.whl"
    about = "greetings-1.2.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("greetings.py", "HELLO = 'hello'\n")
        archive.writestr(
            f"{about}/METADATA", "Metadata-Version: 2.1\nName: greetings\nVersion: 1.2\n"
        )
        archive.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return file


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("export") / "app.yml"
    nodes = [a_start("s"), a_code("c", USES, {"r": "string"}), an_end("e", r=["c", "r"])]
    file.write_text(a_document(nodes, [("s", "c"), ("c", "e")]))
    return str(file)


def holdfast(home: Path, *arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, arguments, env={"HOLDFAST_HOME": str(home)})
    return ended.exit_code, ended.output


def test_packages_are_installed_listed_and_imported(
    home: Path, wheel: Path, export: str, tmp_path: Path
) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text(f"--no-index\n{wheel}\n")
    before = holdfast(home, "validate", export)

    installed = holdfast(home, "code", "install", "-r", str(file))

    assert "imports 'greetings', which is not installed" in before[1]
    assert installed[0] == 0, installed[1]
    assert "Successfully installed greetings-1.2" in installed[1]
    assert holdfast(home, "code", "list") == (0, "greetings 1.2\n")
    assert holdfast(home, "validate", export)[1].splitlines() == [f"✓ {export}: can run (workflow)"]
    assert asyncio.run(imported(home / "code-packages")) == {}
    assert holdfast(home, "code", "install", "-r", str(file))[0] == 0


async def imported(packages: Path) -> dict[str, str]:
    """Run code that uses the package; what its result's header says."""
    options = SandboxOptions(ways=(*STRONGEST_FIRST, LIMITS_ONLY), packages=packages)
    sandbox = ForkServerSandbox(options)
    header = {"code": USES, "inputs": [], "limits": {}, "outputs": {"r": {"type": "string"}}}
    try:
        async with sandbox.run("tenant", Job("python", header)) as result:
            return dict(result.header)
    finally:
        await sandbox.close()


def test_without_packages_none_are_listed(tmp_path: Path) -> None:
    assert holdfast(tmp_path, "code", "list") == (0, "")
    assert not CodePackages(tmp_path / "code-packages").has("greetings")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("install",), "name a file with what to install"),
        (("list", "-r", "x"), "only `install` takes a file"),
        (("remove",), "remove"),
    ],
)
def test_a_wrong_command_says_what_is_right(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    status, output = holdfast(tmp_path, "code", *arguments)

    assert status == 2
    assert message in " ".join(output.replace("│", " ").split())


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    status, output = holdfast(tmp_path, "code", "install", "-r", "nowhere.txt")

    assert (status, output) == (
        1,
        "holdfast: There is no file 'nowhere.txt'. To do: name another.\n",
    )


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("")
    (tmp_path / "code-packages").mkdir()
    (tmp_path / "code-packages" / "mine.txt").write_text("mine")

    status, output = holdfast(tmp_path, "code", "install", "-r", str(file))

    assert status == 1
    assert "is not a virtual environment. To do: name another folder in HOLDFAST_CODE" in output
    assert (tmp_path / "code-packages" / "mine.txt").read_text() == "mine"


def test_what_pip_says_is_shown_with_the_reason(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("--no-index\nno-such-package\n")

    status, output = holdfast(home, "code", "install", "-r", str(file))

    assert status == 1
    assert "No matching distribution found for no-such-package" in output
    assert "To do: see pip's lines above" in output
