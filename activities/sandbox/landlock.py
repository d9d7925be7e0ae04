"""Landlock: a process gives up every file but those it names, TCP, and signals to others.

What the kernel offers grows with its ABI (1 from Linux 5.13, 4: TCP, 6: signals and abstract
sockets). Metadata (`stat`) stays readable at every ABI, and paths can be truncated before ABI 3;
where no mount namespace hides the rest of the file system, `isolation.py` asks for ABI 3, and the
system call filter forbids changes of metadata.
"""

import os
import stat
import struct
from collections.abc import Sequence

from activities.sandbox import kernel

_CREATE, _ADD_RULE, _RESTRICT = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIR, _MAKE_REG = 1 << 7, 1 << 8
_MAKE_SYM = 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14

_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""By the ABI that brought them: all rights over files up to it."""
_TCP_RIGHTS = 0b11
"""Bind and connect, from ABI 4 on."""
_SCOPES = 0b11
"""Abstract sockets and signals, from ABI 6 on."""

_READ = _READ_FILE | _READ_DIR
_CHANGE = _WRITE_FILE | _TRUNCATE | _REFER | _REMOVE_DIR | _REMOVE_FILE
_MAKE = _MAKE_DIR | _MAKE_REG | _MAKE_SYM


def abi() -> int:
    """Give the version that this kernel offers; 0 if it offers none."""
    if kernel.machine() is None:
        return 0
    try:
        return kernel.syscall(_CREATE, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


class Landlock:
    """What every fork of a server may still reach, opened once.

    Args:
        readable: Files and folders; what does not exist is left out.
        devices: Files that may be written as well.
        network: Whether TCP stays allowed.
    """

    def __init__(self, readable: Sequence[str], devices: Sequence[str], network: bool) -> None:
        self._abi = abi()
        self._handled = _FILE_RIGHTS[max(each for each in _FILE_RIGHTS if each <= self._abi)]
        self._tcp = 0 if network or self._abi < 4 else _TCP_RIGHTS
        self._rules = [(_open(path), _READ) for path in readable if os.path.exists(path)]
        self._rules += [
            (_open(path), _READ_FILE | _WRITE_FILE) for path in devices if os.path.exists(path)
        ]

    def restrict(self, own: str) -> None:
        """Give up everything else for good; needs that no new privileges can be had.

        Args:
            own: The one folder that may be changed.
        """
        attributes = struct.pack("=QQQ", self._handled, self._tcp, _SCOPES)
        # An older kernel takes a longer structure only if what it does not know is zero.
        size = 8 if self._abi < 4 else 16 if self._abi < 6 else 24
        ruleset = kernel.syscall(_CREATE, attributes[:size], size, 0)
        for descriptor, rights in self._rules:
            self._allow(ruleset, descriptor, rights)
        folder = _open(own)
        self._allow(ruleset, folder, _READ | _CHANGE | _MAKE)
        kernel.syscall(_RESTRICT, ruleset, 0)
        os.close(folder)
        os.close(ruleset)

    def _allow(self, ruleset: int, descriptor: int, rights: int) -> None:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _READ_FILE | _WRITE_FILE | _TRUNCATE
        rule = struct.pack("=Qi", rights & self._handled, descriptor)
        kernel.syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)


def _open(path: str) -> int:
    return os.open(path, os.O_PATH | os.O_CLOEXEC)
