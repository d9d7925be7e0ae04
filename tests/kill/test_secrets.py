"""A worker that is killed around an effect leaves no secret behind, and the run still has them."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from schema.kill_points import KillPoint
from tests.canary import (
    CANARY,
    MARK,
    EchoingPeer,
    an_export,
    echoing_peer,
    find_in_files,
    find_secrets,
)
from tests.command_line import CommandLine


@pytest.fixture
def peer() -> Iterator[EchoingPeer]:
    with echoing_peer() as opened:
        yield opened


@pytest.mark.parametrize(
    ("point", "count"), [("run registered", 1), ("effect done", 3), ("outcome recorded", 5)]
)
def test_inv_17_a_killed_worker_leaves_no_secret(
    peer: EchoingPeer, tmp_path: Path, point: KillPoint, count: int
) -> None:
    home = tmp_path / "home"
    variables = {"HOLDFAST_ALLOWED_ADDRESSES": "127.0.0.0/8"}
    (tmp_path / "app.yml").write_text(an_export(peer.url), "utf-8")
    (tmp_path / "key").write_text(CANARY, "utf-8")
    arguments = ("-i", f"mark={MARK}", "--env", f"KEY=@{tmp_path / 'key'}")
    deadly = CommandLine(home, {**variables, "HOLDFAST_KILL_POINT": f"{point}:{count}"})
    killed = deadly.call("run", str(tmp_path / "app.yml"), *arguments)
    assert killed.code == -9, killed.stderr[-2000:]
    assert find_in_files(home) == {}

    attached = CommandLine(home, variables).call("attach", the_run(home), "--json")

    assert attached.result["status"] == "partial-succeeded"
    assert peer.header("/again", "authorization").startswith("Basic ")
    assert json.loads(peer.body("/again"))["told"]
    assert find_secrets((attached.stdout + attached.stderr + killed.stderr).encode()) == []
    assert find_in_files(home) == {}


def the_run(home: Path) -> str:
    with closing(sqlite3.connect(home / "holdfast.db")) as records:
        (run_id,) = records.execute("SELECT run_id FROM runs").fetchone()
    return str(run_id)
