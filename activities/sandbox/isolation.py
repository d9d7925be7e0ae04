"""The ways to isolate user code on this machine, strongest first, and what starts a server in each.

A way is a shell around all forks of a tenant and what each fork does for itself. System calls are
filtered in all of them; without a filter for this processor nothing counts as isolated.
"""

import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from activities.sandbox import kernel, landlock, shells
from activities.sandbox.control import ServerConfig
from activities.sandbox.file_view import FileView


class Shell(StrEnum):
    """What surrounds the forks of a tenant."""

    BUBBLEWRAP = "bubblewrap"
    NAMESPACES = "namespaces"


class OwnRoom(StrEnum):
    """How a fork is kept apart from the others of its tenant."""

    LANDLOCK = "landlock"
    NAMESPACES = "job namespaces"


@dataclass(frozen=True)
class Isolation:
    """One way; with neither part it is limits only.

    Example:
        >>> Isolation(Shell.BUBBLEWRAP, OwnRoom.LANDLOCK).name
        'bubblewrap, landlock, seccomp, limits'
    """

    shell: Shell | None
    own_room: OwnRoom | None

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of what is active."""
        parts = [str(part) for part in (self.shell, self.own_room) if part is not None]
        return (*parts, *(("seccomp",) if kernel.machine() else ()), "limits")

    @property
    def name(self) -> str:
        """The layers in one line."""
        return ", ".join(self.layers)

    @property
    def isolates(self) -> bool:
        """Whether code of strangers may run in it."""
        return self.own_room is not None


STRONGEST_FIRST = (
    Isolation(Shell.BUBBLEWRAP, OwnRoom.LANDLOCK),
    Isolation(Shell.BUBBLEWRAP, OwnRoom.NAMESPACES),
    Isolation(Shell.NAMESPACES, OwnRoom.LANDLOCK),
    Isolation(Shell.NAMESPACES, OwnRoom.NAMESPACES),
    Isolation(None, OwnRoom.LANDLOCK),
)
LIMITS_ONLY = Isolation(None, None)

_ABI_THAT_HIDES_FILES = 3
"""Of Landlock: before it, a file that may not be written could still be truncated."""
_FIRST_USER, _USERS = 1_879_048_192, 1 << 16
"""Ids for forks of a worker that is root: outside what systems give to accounts."""
_NOBODY = 65534


class LayerMissing(Exception):
    """This machine lacks a part of a way to isolate; the message says which and why."""


@dataclass(frozen=True)
class ServerStart:
    """How to start one fork server."""

    command: Sequence[str]
    folder: Path | None
    """Its temporary files on this machine, to be removed after it; None where a shell has them."""


def plan_start(
    isolation: Isolation, view: FileView, control: int, programs: str, *, network: bool
) -> ServerStart:
    """Make the command of a fork server.

    Args:
        isolation: The way.
        view: What it may see.
        control: Number of the descriptor that it speaks through.
        programs: `module:attribute` of the table of programs.
        network: Whether jobs may use the network of this machine.

    Raises:
        LayerMissing: If this machine cannot isolate so.
    """
    _check_kernel(isolation)
    user = _user_to_become()
    config = ServerConfig(
        control=control,
        programs=programs,
        code=shells.CODE,
        packages=str(view.packages) if view.packages else None,
        folder=shells.FOLDER,
        readable=(shells.CODE, *_readable(view)),
        landlock=isolation.own_room is OwnRoom.LANDLOCK,
        namespaces=isolation.own_room is OwnRoom.NAMESPACES,
        filtered=kernel.machine() is not None,
        network=network,
        threads=user is not None or os.geteuid() != 0,
        user=user,
    )
    if isolation.shell is None:
        return _without_shell(config, view)
    command = _server_command(view, config)
    processes = config.namespaces
    if isolation.shell is Shell.NAMESPACES:
        inside = shells.namespaces(view, command, network=network, processes=processes)
        return ServerStart(inside, None)
    program = shutil.which("bwrap")
    if program is None:
        raise LayerMissing("bubblewrap is not installed")
    return ServerStart(
        shells.bubblewrap(program, view, command, network=network, processes=processes), None
    )


def _check_kernel(isolation: Isolation) -> None:
    if isolation.own_room is None:
        return
    if kernel.machine() is None:
        raise LayerMissing("isolation needs Linux on x86_64 or aarch64")
    if isolation.own_room is OwnRoom.LANDLOCK:
        needed = _ABI_THAT_HIDES_FILES if isolation.shell is None else 1
        if landlock.abi() < needed:
            raise LayerMissing(f"this kernel has Landlock ABI {landlock.abi()}, not {needed}")


def _server_command(view: FileView, config: ServerConfig) -> list[str]:
    module = "activities.sandbox.fork_server"
    return shells.python_command(view.python, config.code, module, config.to_text())


def _without_shell(config: ServerConfig, view: FileView) -> ServerStart:
    """Start the server as a plain process: links show the code, a folder holds the forks' own."""
    if config.user is not None and not all(map(_is_open_to_all, _needed(view))):
        # It could not even import: it stays root without any rights, and as no limit counts the
        # threads of root, its jobs have none.
        config = replace(config, user=None, threads=False)
    folder = Path(tempfile.mkdtemp(prefix="holdfast-sandbox-"))
    folder.chmod(0o711)
    code, jobs = folder / "code", folder / "jobs"
    code.mkdir()
    jobs.mkdir(mode=0o700)
    if config.user is not None:
        os.chown(jobs, config.user, config.user)
    for name, path in view.code.items():
        (code / name).symlink_to(path)
    config = replace(
        config,
        code=str(code),
        folder=str(jobs),
        readable=(str(code), *map(str, view.code.values()), *_readable(view)),
    )
    return ServerStart(_server_command(view, config), folder)


def _readable(view: FileView) -> tuple[str, ...]:
    return tuple(map(str, (*view.readable, *([view.packages] if view.packages else []))))


def _needed(view: FileView) -> list[Path]:
    return [*view.readable, view.python, *view.code.values()]


def _is_open_to_all(path: Path) -> bool:
    """Whether a user who owns nothing reaches it."""
    path = path.resolve()
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents) and bool(
        path.stat().st_mode & stat.S_IROTH
    )


def _user_to_become() -> int | None:
    """Choose an id that a server of root gives itself; None if there is no need or no id."""
    if not kernel.IS_LINUX or os.geteuid() != 0:
        return None
    known = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    ranges = [
        range(int(first), int(first) + int(count))
        for first, count in zip(known[::3], known[2::3], strict=True)
    ]
    for candidate in (_FIRST_USER + secrets.randbelow(_USERS), _NOBODY):
        if any(candidate in each for each in ranges):
            return candidate
    return None
