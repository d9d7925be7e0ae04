"""What cannot run is refused at once, by name, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.requirements import requirement
from tests.sources import ROOT

HELLO = ROOT / "examples" / "hello" / "hello.yml"
COMPLETE = ("-i", "name=Ada", "-i", "language=English", "-i", "cups=1", "--query", "Hi")
SECONDS = 60


def run(home: Path, file: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Call the command with a terminal-less input, so that it asks for nothing."""
    environment = {**os.environ, "HOLDFAST_HOME": str(home)}  # noqa: TID251  # for a child process
    return subprocess.run(
        [sys.executable, "-m", "workers.cli", "run", str(file), *arguments],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@requirement("run:refusal")
@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("type: variable-aggregator", "type: agent", "'agent'"),
        ("comparison_operator: ≥", "comparison_operator: roughly", "comparison_operator"),
        ("type: start\n", "type: loop-end\n", "start"),
        ("kind: app", "kind: [app", "Not YAML"),
    ],
    ids=["foreign node type", "unknown operator", "no start", "no YAML"],
)
def test_inv_02_a_definition_that_cannot_run_is_refused_before_anything_starts(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    file = tmp_path / "hello.yml"
    text = HELLO.read_text("utf-8")
    file.write_text(text.replace(old, new), "utf-8")

    ended = run(tmp_path / "home", file, *COMPLETE)

    assert old in text
    assert ended.returncode == 2
    assert named in ended.stderr
    assert not (tmp_path / "home").exists()


@requirement("run:refusal")
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("-i", "name=Ada"), "language is required"),
        ((*COMPLETE, "-i", "cups=many"), "cups"),
        ((*COMPLETE, "-i", "language=Latin"), "language"),
        ((*COMPLETE, "-i", f"name={'A' * 49}"), "name"),
        ((*COMPLETE, "--env", "HOUSE=mine"), "HOUSE"),
    ],
    ids=["missing", "no number", "no option", "too long", "unknown environment variable"],
)
def test_inv_02_an_input_that_cannot_run_is_refused_before_anything_starts(
    arguments: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    ended = run(tmp_path / "home", HELLO, *arguments)

    assert ended.returncode == 2
    assert named in ended.stderr
    assert not (tmp_path / "home").exists()
