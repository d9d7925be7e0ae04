"""Kill points as the commands use them: in a process of its own, armed by a setting."""

import os
import signal
import subprocess
import sys

import pytest

from schema.kill_points import arm
from tests.sources import ROOT

PROGRAM = (
    "import sys\nfrom schema.kill_points import arm, reach\narm(sys.argv[1])\n"
    "for number in range(3): reach('facts written'); print(number, flush=True)"
)


def a_process(setting: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, setting],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("setting", "status", "printed"),
    [
        ("", 0, "0\n1\n2\n"),
        ("facts written:1", -9, ""),
        ("facts written:3", -9, "0\n1\n"),
        ("facts written:4", 0, "0\n1\n2\n"),
        ("effect begun:1", 0, "0\n1\n2\n"),
    ],
)
def test_a_process_dies_where_it_reaches_its_point_for_the_nth_time(
    setting: str, status: int, printed: str
) -> None:
    process = a_process(setting)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out) == (status, printed)
    assert err == ("kill point reached: facts written\n" if status else "")


def test_a_process_freezes_at_its_point_and_goes_on_when_told() -> None:
    process = a_process("facts written:2:stop")
    state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert state is not None
    assert state.si_status == signal.SIGSTOP

    process.send_signal(signal.SIGCONT)

    assert process.communicate(timeout=30)[0] == "0\n1\n2\n"
    assert process.returncode == 0


@pytest.mark.parametrize("setting", ["nowhere:1", "facts written", "facts written:1:later"])
def test_a_setting_that_means_nothing_is_an_error(setting: str) -> None:
    with pytest.raises(ValueError, match=r"kill point|invalid literal"):
        arm(setting)
