"""Every command of README.md works as it is written there.

The commands of its ```sh blocks run in order, in a copy of the tree with its own data directory;
all but `make test` and `make bench`, which would run this test again or for long.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.requirements import requirement
from tests.sources import ROOT

NOT_RUN = frozenset({"make test", "make bench"})
COMMAND_SECONDS = 420
"""Long enough for a Temporal server that has to be built first."""

IGNORED = shutil.ignore_patterns(".git", ".venv", ".home", "__pycache__", ".*_cache", "*.egg-info")


def commands(text: str) -> list[str]:
    """The commands of the shell blocks; a line that ends in a backslash goes on in the next."""
    blocks = re.findall(r"^```(?:sh|console)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    found = [re.sub(r"\s+", " ", line.removeprefix("$ ")).strip() for line in lines]
    return [line for line in found if line and not line.startswith("#")]


README_COMMANDS = commands((ROOT / "README.md").read_text("utf-8"))


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the tree, installed like a clone after `make venv`, without another download."""
    tree = tmp_path_factory.mktemp("readme") / "holdfast"
    shutil.copytree(ROOT, tree, ignore=IGNORED)
    programs = tree / ".venv" / "bin"
    programs.mkdir(parents=True)
    for program in (Path(sys.prefix) / "bin").iterdir():
        if program.name != "holdfast":
            (programs / program.name).symlink_to(program)
    # What pip generates for the entry point of pyproject.toml, but for this tree.
    start = "from workers.cli.process import main; main()"
    script = f"import sys; sys.path.insert(0, {str(tree)!r}); {start}"
    holdfast = programs / "holdfast"
    holdfast.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{script}" "$@"\n', "utf-8")
    holdfast.chmod(0o755)
    (tree / ".venv" / ".ready").touch()
    yield tree
    shutil.rmtree(tree, ignore_errors=True)


@pytest.fixture(scope="module")
def environment(clone: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name != "TEMPORAL_ADDRESS"}  # noqa: TID251  # for a child process
    return {
        **inherited,
        "PATH": f"{clone / '.venv' / 'bin'}{os.pathsep}{inherited['PATH']}",
        "HOLDFAST_HOME": str(clone / ".home"),
        "HOLDFAST_KEEPER_IDLE_SECONDS": "10",
    }


@requirement("readme:commands")
@pytest.mark.parametrize("command", [line for line in README_COMMANDS if line not in NOT_RUN])
def test_command_of_the_readme_works(
    command: str, clone: Path, environment: dict[str, str]
) -> None:
    finished = subprocess.run(
        ["sh", "-c", command],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout[-4000:]


def test_readme_shows_the_two_commands_and_the_product() -> None:
    assert {"make demo", "make test"} <= set(README_COMMANDS)
    assert any(line.startswith("holdfast run ") for line in README_COMMANDS)


def test_continued_lines_and_prompts_are_read() -> None:
    text = "text\n```sh\n# why\n$ one \\\n  two\n\nthree\n```\n```json\nfour\n```\n"

    assert commands(text) == ["one two", "three"]
