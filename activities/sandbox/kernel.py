"""Calls to the Linux kernel that Python does not offer; each raises `OSError` as `os` would.

Only the standard library is imported: this runs inside the isolation shell and in its forks.
"""

import ctypes
import os
import platform
import sys

IS_LINUX = sys.platform == "linux"

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18

_MNT_DETACH = 2
_CAPABILITY_VERSION_3 = 0x20080522

_MACHINES = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET = {"x86_64": 126, "aarch64": 91}

_libc = ctypes.CDLL(None, use_errno=True)


def machine() -> str | None:
    """Name the processor family; None where we know no system call numbers."""
    return _MACHINES.get(platform.machine()) if IS_LINUX else None


def syscall(number: int, *arguments: "int | bytes | ctypes.Array[ctypes.c_char] | None") -> int:
    """Make a system call by number."""
    # Without c_long every int would be passed as 32 bits.
    given = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *given))


def prctl(option: int, value: int, pointer: bytes | None = None) -> None:
    """Change how the kernel treats this process."""
    unused = ctypes.c_ulong(0)
    third = unused if pointer is None else ctypes.c_char_p(pointer)
    _check(_libc.prctl(option, ctypes.c_ulong(value), third, unused, unused))


def unshare(flags: int) -> None:
    """Enter new namespaces."""
    _check(_libc.unshare(flags))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Attach a file system."""
    _check(
        _libc.mount(
            source.encode() if source else None,
            target.encode(),
            kind.encode() if kind else None,
            ctypes.c_ulong(flags),
            data.encode() or None,
        )
    )


def detach(target: str) -> None:
    """Take a file system away, also while it is in use."""
    _check(_libc.umount2(target.encode(), _MNT_DETACH))


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root and put the former one at `old`."""
    syscall(_PIVOT_ROOT[_known_machine()], new.encode(), old.encode())


def drop_capabilities() -> None:
    """Give up every right that makes a process more than its user."""
    header = ctypes.create_string_buffer(
        _CAPABILITY_VERSION_3.to_bytes(4, sys.byteorder) + bytes(4), 8
    )
    syscall(_CAPSET[_known_machine()], header, bytes(24))


def die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent is gone; also if it is gone already."""
    prctl(PR_SET_PDEATHSIG, 9)
    if os.getppid() != parent:
        os._exit(1)


def _known_machine() -> str:
    name = machine()
    if name is None:
        raise OSError(f"no system call numbers are known for {platform.machine()}")
    return name


def _check(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
