"""Our own isolation shell, for machines without bubblewrap: namespaces, and a root of few files.

Run as a program of its own, which becomes the fork server. Only the standard library is imported.
"""

import json
import os
import signal
from collections.abc import Mapping
from typing import Any

from activities.sandbox import kernel

_NAMESPACES = (
    *(kernel.CLONE_NEWNS, kernel.CLONE_NEWPID, kernel.CLONE_NEWIPC),
    *(kernel.CLONE_NEWUTS, kernel.CLONE_NEWCGROUP),
)
_KEPT = os.ST_NODEV | os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME
_BASE = "/tmp"
"""Any folder that exists: the new root is put together on top of it."""


def main(argument: str) -> None:
    """Enter namespaces, show the files of the plan and run its command; ends as that does."""
    plan: Mapping[str, Any] = json.loads(argument)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    _unshare(plan["network"])
    outer = os.getpid()
    inner = os.fork()
    if inner:
        _, status = os.waitpid(inner, 0)
        os._exit(min(255, abs(os.waitstatus_to_exitcode(status))))
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if not os.path.exists(f"/proc/{outer}"):
        os._exit(1)
    os.setsid()
    _change_root(plan)
    os.chdir(plan["folder"])
    os.execve(plan["command"][0], plan["command"], {})


def _unshare(network: bool) -> None:
    user, group = os.geteuid(), os.getegid()
    flags = sum(_NAMESPACES) | (0 if network else kernel.CLONE_NEWNET)
    # Root needs no user namespace, and keeps its own to become a user there that limits bind.
    kernel.unshare(flags if user == 0 else flags | kernel.CLONE_NEWUSER)
    if user != 0:
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")


def _change_root(plan: Mapping[str, Any]) -> None:
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    tmpfs = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("none", _BASE, "tmpfs", tmpfs, "size=1m,mode=755")
    os.mkdir(f"{_BASE}/old")
    os.mkdir(f"{_BASE}/new")
    kernel.pivot_root(_BASE, f"{_BASE}/old")
    os.chdir("/")
    kernel.mount("none", "/new", "tmpfs", tmpfs, "size=1m,mode=755")
    # Before what is shown, some of which may stand in it.
    os.mkdir(f"/new{plan['folder']}")
    kernel.mount("none", f"/new{plan['folder']}", "tmpfs", tmpfs, plan["storage"])
    for source, target in plan["mounts"]:
        _bind(source, target, kernel.MS_RDONLY | kernel.MS_NODEV)
    for device in plan["devices"]:
        if os.path.exists(f"/old{device}"):
            _bind(device, device, 0)
    if plan["processes"]:
        os.mkdir("/new/proc")
        kernel.mount("proc", "/new/proc", "proc", tmpfs)
    kernel.mount(None, "/new", None, tmpfs | kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_RDONLY)
    os.chdir("/new")
    # The former root is put over the new one and taken away from there.
    kernel.pivot_root(".", ".")
    kernel.detach(".")
    os.chdir("/")


def _bind(source: str, target: str, flags: int) -> None:
    """Show one file or folder; a link in its path is followed as this machine has it."""
    source, target = f"/old{source}", f"/new{target}"
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_CLOEXEC))
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)
    # A user namespace may not take away what the outer mount has: noexec, for one.
    kept = os.statvfs(target).f_flag & _KEPT
    remount = kernel.MS_REMOUNT | kernel.MS_BIND | kernel.MS_NOSUID
    kernel.mount(None, target, None, remount | flags | kept)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
