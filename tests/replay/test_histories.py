"""Recorded histories of every build replay on this one, under three hash seeds."""

import subprocess
import sys
from pathlib import Path

import pytest

HISTORIES = Path(__file__).parent.parent / "histories"


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_inv_04_every_recorded_history_replays(seed: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.replay.replayer", str(HISTORIES)],
        env={"PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert f"{len(list(HISTORIES.glob('*.json')))} histories, 0 differ" in done.stderr


def test_there_are_histories_to_replay() -> None:
    assert len(list(HISTORIES.glob("*.json"))) >= 5
