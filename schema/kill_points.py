"""Named places where a test may kill or freeze the process, to prove that nothing is lost.

Does nothing unless armed. A test starts a command with `HOLDFAST_KILL_POINT`; the names stand where
`reach` is called. A process that reaches its point says so on stderr, so that a test can fail if
nobody did.
"""

import os
import signal
from typing import Literal, TypeAlias, get_args

KillPoint: TypeAlias = Literal[
    "keeper begun",
    "server started",
    "server ready",
    "run registered",
    "facts written",
    "effect begun",
    "effect done",
    "outcome recorded",
    "finalize begun",
    "finalize committed",
]
KILL_POINTS: tuple[KillPoint, ...] = get_args(KillPoint)

_SIGNALS = {"": signal.SIGKILL, "kill": signal.SIGKILL, "stop": signal.SIGSTOP}
_armed: dict[str, tuple[int, signal.Signals]] = {}


def arm(setting: str) -> None:
    """Arm one point; an empty setting arms nothing.

    Args:
        setting: `name:count`: the process dies when it reaches the point for the count-th time.
            `name:count:stop`: it freezes there (SIGSTOP), until a test lets it go on or kills it.

    Raises:
        ValueError: If the setting has another form.

    Example:
        >>> arm("lunch:1")
        Traceback (most recent call last):
        ValueError: there is no kill point 'lunch'
    """
    if not setting:
        return
    name, _, rest = setting.partition(":")
    count, _, how = rest.partition(":")
    if name not in KILL_POINTS or how not in _SIGNALS:
        raise ValueError(f"there is no kill point {name!r}")
    _armed[name] = (int(count), _SIGNALS[how])


def reach(point: KillPoint) -> None:
    """Die or freeze here, if a test wants it."""
    if not _armed or point not in _armed:
        return
    count, number = _armed.pop(point)
    if count > 1:
        _armed[point] = (count - 1, number)
        return
    os.write(2, f"kill point reached: {point}\n".encode())
    os.kill(os.getpid(), number)
