"""The seccomp filters of a job: one process with threads, no sockets, nobody else's processes.

They forbid by name what lets a process reach beyond itself or fill the machine, and every call that
is newer than their list; Landlock or namespaces govern files. Most of it holds for the fork server
as well, which installs it once; a fork adds what only a server needs, and its own id.
"""

import ctypes
import errno
import struct
from collections.abc import Mapping, Sequence

from activities.sandbox import kernel
from activities.sandbox import syscall_numbers as numbers
from activities.sandbox.syscall_numbers import Numbers

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
"""BPF operations: load a word, compare, mask, return."""
_NUMBER, _FAMILY = 0, 4
"""Offsets of a call's number and processor family."""
_ALLOW, _KILL_PROCESS, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_FAMILIES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_BIT = 0x40000000
"""Calls of x86_64's other numbering, which would not match our list."""

_CLONE_THREAD = 0x10000
_SECCOMP_MODE_FILTER = 2
_PR_SET_SECCOMP = 22
_AF_UNIX, _AF_INET, _AF_INET6 = 1, 2, 10
_SOCK_STREAM, _SOCK_DGRAM = 1, 2
_SOCK_TYPE_MASK = 0xF
_SIGNAL_OWNERS = {
    numbers.FCNTL: (8, 10, 15),  # F_SETOWN, F_SETSIG, F_SETOWN_EX
    numbers.IOCTL: (0x8901, 0x8902, 0x5412),  # FIOSETOWN, SIOCSPGRP, TIOCSTI
}
"""Second arguments that let the kernel send signals, or type, on the process's behalf."""

_LINE = struct.Struct("=HBBI")
"""Operation, lines to skip if it holds and if not, value."""
_VALUE = 4
"""Offset of the value in a line."""

_Line = tuple[int, int, int, int]


class _Filter:
    """A filter in the making; what it says nothing about is allowed."""

    def __init__(self) -> None:
        machine = kernel.machine()
        if machine is None:
            raise OSError("no system call numbers are known for this machine")
        self._machine = machine
        self._lines: list[_Line] = []
        self._own_id_lines: list[int] = []
        self._program = bytearray()

    def install(self, own_id: int) -> None:
        """Restrict this process and its forks for good; needs that no privileges can be had."""
        for line in self._own_id_lines:
            struct.pack_into("=I", self._program, _LINE.size * line + _VALUE, own_id)
        program = ctypes.create_string_buffer(bytes(self._program))
        count = len(self._program) // _LINE.size
        header = struct.pack("@HP", count, ctypes.addressof(program))
        kernel.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, header)

    def _finish(self) -> None:
        # Here and not in a fork, each of which would pay for it.
        lines = [*self._lines, (_RETURN, 0, 0, _ALLOW)]
        self._program = bytearray(b"".join(_LINE.pack(*line) for line in lines))

    def _load_number(self) -> None:
        self._lines.append((_LOAD, 0, 0, _NUMBER))

    def _refuse_all(self, *tables: Mapping[str, Numbers]) -> None:
        for table in tables:
            for call in table.values():
                self._when(call, [(_RETURN, 0, 0, _ERROR | errno.EPERM)])

    def _refuse_values(self, call: Numbers, argument: int, values: Sequence[int]) -> None:
        lines: list[_Line] = [(_LOAD, 0, 0, _argument(argument))]
        for value in values:
            lines += [(_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ERROR | errno.EPERM)]
        self._when(call, [*lines, (_RETURN, 0, 0, _ALLOW)])

    def _when(self, call: Numbers, lines: list[_Line], own_id_at: int | None = None) -> None:
        """Add what is done about one call; the lines end in a return whichever way they go."""
        number = getattr(call, self._machine)
        if number is None:
            return
        self._lines.append((_EQUAL, 0, len(lines), number))
        if own_id_at is not None:
            self._own_id_lines.append(len(self._lines) + own_id_at)
        self._lines += lines


class ServerFilter(_Filter):
    """What neither a fork server nor its forks may do, installed once.

    Args:
        network: Whether internet sockets are allowed.
        namespaces: Whether forks make namespaces; then only their own filter forbids it.
    """

    def __init__(self, *, network: bool, namespaces: bool) -> None:
        super().__init__()
        self._check_numbering()
        self._load_number()
        self._lines += [
            (_AT_LEAST, 0, 1, numbers.FIRST_UNKNOWN),
            (_RETURN, 0, 0, _ERROR | errno.ENOSYS),
        ]
        self._refuse_all(
            *(numbers.PROGRAMS, numbers.OTHER_PROCESSES),
            *(numbers.SHARED_OBJECTS, numbers.UNCOUNTED_MEMORY),
        )
        if not namespaces:
            self._refuse_all(numbers.KERNEL)
        if not network:
            self._refuse_all(numbers.SOCKETS)
        self._restrict_sockets(network)
        # glibc goes on with clone, whose flags a filter can see, when clone3 is not implemented.
        self._when(numbers.CLONE3, [(_RETURN, 0, 0, _ERROR | errno.ENOSYS)])
        for call, values in _SIGNAL_OWNERS.items():
            self._refuse_values(call, 1, values)
        self._finish()

    def _check_numbering(self) -> None:
        self._lines += [
            (_LOAD, 0, 0, _FAMILY),
            (_EQUAL, 1, 0, _FAMILIES[self._machine]),
            (_RETURN, 0, 0, _KILL_PROCESS),
        ]
        if self._machine == "x86_64":
            self._load_number()
            self._lines += [(_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]

    def _restrict_sockets(self, network: bool) -> None:
        refused = (_RETURN, 0, 0, _ERROR | errno.EPERM)
        allowed = (_RETURN, 0, 0, _ALLOW)
        # A pair of streams is what event loops wake themselves with. One of datagrams could send
        # to any address.
        self._when(
            numbers.SOCKETPAIR,
            [
                *((_LOAD, 0, 0, _argument(0)), (_EQUAL, 0, 3, _AF_UNIX)),
                *((_LOAD, 0, 0, _argument(1)), (_AND, 0, 0, _SOCK_TYPE_MASK)),
                *((_EQUAL, 1, 0, _SOCK_STREAM), refused, allowed),
            ],
        )
        if not network:
            self._when(numbers.SOCKET, [refused])
            return
        self._when(
            numbers.SOCKET,
            [
                *((_LOAD, 0, 0, _argument(0)), (_EQUAL, 1, 0, _AF_INET), (_EQUAL, 0, 4, _AF_INET6)),
                *((_LOAD, 0, 0, _argument(1)), (_AND, 0, 0, _SOCK_TYPE_MASK)),
                *((_EQUAL, 2, 0, _SOCK_STREAM), (_EQUAL, 1, 0, _SOCK_DGRAM), refused, allowed),
            ],
        )


class ForkFilter(_Filter):
    """What a fork may not do besides, installed in each with its own id.

    Args:
        threads: Whether a job may have threads; not where nothing counts them.
        namespaces: Whether the server's filter left namespaces to this one.
    """

    def __init__(self, *, threads: bool, namespaces: bool) -> None:
        super().__init__()
        self._load_number()
        self._refuse_new_processes(threads)
        self._restrict_to_itself()
        self._refuse_all(numbers.METADATA)
        if namespaces:
            self._refuse_all(numbers.KERNEL)
        self._finish()

    def _refuse_new_processes(self, threads: bool) -> None:
        self._refuse_all(numbers.PROCESSES)
        refused = (_RETURN, 0, 0, _ERROR | errno.EPERM)
        if not threads:
            self._when(numbers.CLONE, [refused])
            return
        self._when(
            numbers.CLONE,
            [
                (_LOAD, 0, 0, _argument(0)),
                (_ANY_BIT, 1, 0, _CLONE_THREAD),
                refused,
                (_RETURN, 0, 0, _ALLOW),
            ],
        )

    def _restrict_to_itself(self) -> None:
        for call in numbers.SELF_ONLY.values():
            self._when(
                call,
                [
                    (_LOAD, 0, 0, _argument(0)),
                    (_EQUAL, 1, 0, 0),
                    (_EQUAL, 0, 1, 0),  # the process's own id is filled in here
                    (_RETURN, 0, 0, _ALLOW),
                    (_RETURN, 0, 0, _ERROR | errno.EPERM),
                ],
                own_id_at=2,
            )
        # The kernel must still kill the fork when its server is gone.
        self._refuse_values(numbers.PRCTL, 0, (kernel.PR_SET_PDEATHSIG,))


def _argument(index: int) -> int:
    """Offset of the lower half of an argument; all that we compare are 32 bits wide."""
    return 16 + 8 * index
