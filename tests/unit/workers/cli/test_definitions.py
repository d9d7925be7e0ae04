"""`holdfast validate` and `holdfast graph`: what they print and how they end."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.sources import ROOT
from workers.cli import app

HELLO = str(ROOT / "examples" / "hello" / "hello.yml")

FOREIGN = """
app: {name: Needs more, mode: workflow}
version: 0.6.0
workflow:
  graph:
    nodes:
      - {id: "1", data: {type: start, title: Begin, variables: []}}
      - {id: "2", data: {type: llm, title: "[red]Code"}}
    edges:
      - {source: "1", target: "2", sourceHandle: source}
"""


@pytest.fixture
def foreign(tmp_path: Path) -> str:
    file = tmp_path / "foreign.yml"
    file.write_text(FOREIGN, "utf-8")
    return str(file)


@pytest.fixture
def no_export(tmp_path: Path) -> str:
    file = tmp_path / "list.yml"
    file.write_text("- 1\n", "utf-8")
    return str(file)


def test_a_runnable_export_is_one_line() -> None:
    ended = CliRunner().invoke(app, ["validate", HELLO])

    assert ended.exit_code == 0
    assert ended.stdout.splitlines()[0] == f"✓ {HELLO}: can run (advanced-chat)"


def test_a_finding_names_code_node_and_what_is_accepted(foreign: str) -> None:
    ended = CliRunner().invoke(app, ["validate", foreign])

    assert ended.exit_code == 1
    assert "unsupported-node-type" in ended.stdout
    assert "node 2 ('[red]Code')" in ended.stdout
    assert "Accepted: start" in ended.stdout


def test_the_worst_file_decides_the_exit_code(foreign: str, no_export: str) -> None:
    ended = CliRunner().invoke(app, ["validate", HELLO, foreign, no_export])

    assert ended.exit_code == 2
    assert [line[0] for line in ended.stdout.splitlines() if line[0] != " "] == ["✓", "✗", "✗"]


def test_json_is_one_object_a_file(foreign: str, no_export: str) -> None:
    ended = CliRunner().invoke(app, ["validate", "--json", HELLO, foreign, no_export])

    objects = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [(o["readable"], o.get("runnable")) for o in objects] == [
        (True, True),
        (True, False),
        (False, None),
    ]
    assert objects[1]["findings"][0]["node_id"] == "2"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.yml")

    ended = CliRunner().invoke(app, ["validate", missing])

    assert ended.exit_code == 2
    assert f"'{missing}' cannot be read (No such file or directory)" in ended.stdout


def test_a_definition_can_come_from_the_standard_input() -> None:
    ended = CliRunner().invoke(app, ["validate", "-"], input=Path(HELLO).read_bytes())

    assert ended.exit_code == 0


def test_a_graph_is_drawn_for_people_and_programs() -> None:
    drawn = CliRunner().invoke(app, ["graph", HELLO])
    mermaid = CliRunner().invoke(app, ["graph", HELLO, "--format", "mermaid"])
    dot = CliRunner().invoke(app, ["graph", HELLO, "--format", "dot"])

    assert (drawn.exit_code, mermaid.exit_code, dot.exit_code) == (0, 0, 0)
    assert "├─" in drawn.stdout
    assert mermaid.stdout.startswith("flowchart LR\n")
    assert dot.stdout.startswith("digraph app {\n")


def test_a_graph_with_nodes_that_cannot_run_is_drawn_too(foreign: str) -> None:
    ended = CliRunner().invoke(app, ["graph", foreign])

    assert (ended.exit_code, "[red]Code  llm" in ended.stdout) == (0, True)


def test_what_is_no_graph_ends_with_a_reason(no_export: str) -> None:
    ended = CliRunner().invoke(app, ["graph", no_export])

    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("holdfast: Not an export")


def test_a_closed_pipe_ends_a_command_quietly() -> None:
    command = f"{sys.executable} -m workers.cli graph {HELLO} --format dot"

    ended = subprocess.run(
        ["sh", "-c", f"{{ {command}; echo $? >&2; }} | true"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stderr in ("141\n", "0\n")  # 0: everything was written before the pipe closed
