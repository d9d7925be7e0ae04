"""The isolation shells: how to start a fork server so that it sees no more than its files.

A shell gives a command; `server_process.py` runs it with an empty environment and the control
socket as its only descriptor besides the standard ones.
"""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from activities.sandbox.confinement import DEVICES
from activities.sandbox.file_view import FileView

CODE = "/holdfast"
"""Where our packages and the libraries of programs are, inside a shell with its own files."""
FOLDER = "/tmp"
STORAGE_BYTES = 512 * 1024**2
"""Size of the temporary files of all living jobs of a tenant."""
STORAGE_INODES = 65536

_ROOT_USER = 0
_VERSION_WITH_SIZES = (0, 7)
"""Of bubblewrap; before it half of the machine's memory is the bound of temporary files."""


def python_command(python: Path, code: str, module: str, argument: str) -> list[str]:
    """Give the command that calls `main(argument)` of a module, with nothing else on the path."""
    call = f"import sys; sys.path.append(sys.argv[1]); from {module} import main; main(sys.argv[2])"
    return [str(python), "-I", "-S", "-B", "-X", "utf8", "-c", call, code, argument]


def bubblewrap(
    program: str, view: FileView, command: Sequence[str], *, network: bool, processes: bool
) -> list[str]:
    """Wrap a command in bubblewrap.

    Args:
        program: Path of `bwrap`.
        view: What the command may see.
        command: To run inside, with `CODE` as the place of its code.
        network: Whether it keeps the network of this machine.
        processes: Whether it sees its own processes in `/proc`.
    """
    arguments = [program, "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    arguments += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if not network:
        arguments.append("--unshare-net")
    if os.geteuid() == _ROOT_USER:
        # Root keeps its user namespace, to become a user there that limits bind.
        arguments += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    else:
        arguments.append("--unshare-user")
    # First, as what is shown below may stand in it.
    arguments += ["--perms", "1777"]
    if _bubblewrap_version(program) >= _VERSION_WITH_SIZES:
        arguments += ["--size", str(STORAGE_BYTES)]
    arguments += ["--tmpfs", FOLDER]
    mounts = _mounts(view)
    # Made by itself they would be closed to all but root, which the server does not stay.
    for folder in ("/dev", *_folders_above(mounts)):
        arguments += ["--perms", "0755", "--dir", folder]
    for source, target in mounts:
        arguments += ["--ro-bind", source, target]
    for device in DEVICES:
        arguments += ["--dev-bind-try", device, device]
    if processes:
        arguments += ["--proc", "/proc"]
    return [*arguments, "--remount-ro", "/", "--chdir", FOLDER, "--", *command]


def namespaces(
    view: FileView, command: Sequence[str], *, network: bool, processes: bool
) -> list[str]:
    """Wrap a command in namespaces that `namespace_shell.py` makes; arguments as above."""
    plan = {
        "mounts": list(_mounts(view)),
        "devices": list(DEVICES),
        "network": network,
        "processes": processes,
        "folder": FOLDER,
        "storage": f"size={STORAGE_BYTES},nr_inodes={STORAGE_INODES},mode=1777",
        "command": list(command),
    }
    root = str(view.code["activities"].parent)
    module = "activities.sandbox.namespace_shell"
    return python_command(view.python, root, module, json.dumps(plan))


def _folders_above(mounts: Sequence[tuple[str, str]]) -> list[str]:
    targets = {target for _, target in mounts}
    above = {str(parent) for target in targets for parent in Path(target).parents} - targets - {"/"}
    return sorted(above, key=lambda folder: folder.count("/"))


@lru_cache
def _bubblewrap_version(program: str) -> tuple[int, ...]:
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in re.findall(r"\d+", shown.stdout))


def _mounts(view: FileView) -> list[tuple[str, str]]:
    same = [*view.readable, view.python, *([view.packages] if view.packages else [])]
    # A link among the sources may name a path that the new root does not have.
    mounts = [(os.path.realpath(path), str(path)) for path in same]
    mounts += [(str(path), f"{CODE}/{name}") for name, path in sorted(view.code.items())]
    # A folder comes before what is in it, which it would hide.
    return sorted(dict.fromkeys(mounts), key=lambda mount: mount[1].count("/"))
