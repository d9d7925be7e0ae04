"""Named places where a test may kill the process (SIGKILL), to prove that nothing is lost.

Does nothing unless armed. A test starts a process with `HOLDFAST_KILL_POINT=name:count` and fails
if the process was not killed there; the names stand where `reach` is called.
"""

import os
import signal
from typing import Literal, TypeAlias

KillPoint: TypeAlias = Literal[
    "run registered",
    "facts written",
    "effect begun",
    "effect done",
    "outcome recorded",
    "finalize begun",
    "finalize committed",
]

_armed: dict[str, int] = {}


def arm(setting: str) -> None:
    """Arm one point; an empty setting arms nothing.

    Args:
        setting: `name:count`; the process dies when it reaches the point for the count-th time.

    Raises:
        ValueError: If the setting has another form.
    """
    if setting:
        name, _, count = setting.rpartition(":")
        _armed[name] = int(count)


def reach(point: KillPoint) -> None:
    """Die here, if a test wants it."""
    if not _armed or point not in _armed:
        return
    _armed[point] -= 1
    if _armed[point] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
