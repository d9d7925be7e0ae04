"""What worker and fork server tell each other: short messages of fixed size, over one socket.

A request to run a job carries the job's own socket as a descriptor. Only the standard library is
imported: the fork server loads this module.
"""

import json
import struct
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import NamedTuple, Self

_REQUEST = struct.Struct("!BQQQQ")
_REPLY = struct.Struct("!BQi")

REQUEST_BYTES = _REQUEST.size
REPLY_BYTES = _REPLY.size


class Ask(IntEnum):
    """What the worker wants."""

    RUN = 1
    KILL = 2


class Say(IntEnum):
    """What the server reports."""

    READY = 1
    """It serves from now on."""
    STARTED = 2
    """The fork of a job lives."""
    ENDED = 3
    """It does not any more; the status is what `waitpid` gave."""
    FAILED = 4
    """There could be no fork; the status is the number of the system's error."""


class Exit(IntEnum):
    """Exit statuses of a fork that mean something to the worker."""

    DONE = 0
    OUT_OF_MEMORY = 91
    UNCONFINED = 92
    """The fork could not restrict itself and has run nothing."""
    PROGRAM_FAILED = 93
    """The program let an exception through."""


class Request(NamedTuple):
    """A message to the server; limits count only with `RUN`."""

    ask: Ask
    job_id: int
    memory_bytes: int = 0
    cpu_seconds: int = 0
    threads: int = 0
    """Most threads that the user of the fork may have in all."""

    def encode(self) -> bytes:
        """Give the message's bytes."""
        return _REQUEST.pack(*self)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a message."""
        ask, *rest = _REQUEST.unpack(content)
        return cls(Ask(ask), *rest)


class Reply(NamedTuple):
    """A message from the server."""

    say: Say
    job_id: int = 0
    status: int = 0

    def encode(self) -> bytes:
        """Give the message's bytes."""
        return _REPLY.pack(*self)

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """Read a message."""
        say, job_id, status = _REPLY.unpack(content)
        return cls(Say(say), job_id, status)


@dataclass(frozen=True)
class ServerConfig:
    """What a fork server is told on its command line; paths are as it sees them."""

    control: int
    """Descriptor of the socket for these messages."""
    programs: str
    """`module:attribute` of the table of programs."""
    code: str
    """Folder with our packages and the libraries of programs."""
    packages: str | None
    """Folder of packages that the operator gives to code nodes."""
    folder: str
    """Where each fork gets a folder of its own."""
    readable: tuple[str, ...]
    """What forks may read besides."""
    landlock: bool
    namespaces: bool
    """Whether each fork gets process, mount and IPC namespaces of its own."""
    filtered: bool
    """Whether system calls are filtered."""
    network: bool
    threads: bool
    user: int | None = None
    """Id to become where the server starts as root, for user and group."""
    storage_bytes: int = 64 * 1024**2
    """Largest file, and with namespaces of its own all files, of a fork."""

    def to_text(self) -> str:
        """Give the argument."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the argument."""
        given = json.loads(text)
        return cls(**{**given, "readable": tuple(given["readable"])})
