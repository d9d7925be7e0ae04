"""What the sandbox is asked and what it answers, as both of its sides know it.

A job and its result are a small header and named parts. A part is the encoded text of one value
(`schema/values/encoding.py`) and may be very large: it comes and goes in pieces, and only the child
ever holds it as a value.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class JobLimits:
    """What ends a job."""

    seconds: float = 60.0
    """Wall clock from the fork on."""
    memory_bytes: int = 1024**3
    """Address space above what the fork server has."""
    output_bytes: int = 256 * 1024**2
    """All parts of the result together; `print` is bounded apart from this."""


@dataclass(frozen=True)
class JobPart:
    """One value on its way into the child."""

    name: str
    content: bytes | AsyncIterator[bytes]
    """Encoded text, whole or in pieces."""


@dataclass(frozen=True)
class Job:
    """One execution: a program of `activities/sandbox/programs/` and what it works on."""

    program: str
    """`python`, `javascript`, `jinja`."""
    header: Mapping[str, Any]
    """Small plain JSON: source text, declared outputs, result limits."""
    parts: Sequence[JobPart] = ()
    limits: JobLimits = JobLimits()


@dataclass(frozen=True)
class ResultPart:
    """One value out of the child."""

    name: str
    meta: Mapping[str, Any]
    """Small plain JSON, such as the value's type; as untrusted as the content."""
    size: int
    """Bytes of the content."""
    content: bytes | Path
    """Encoded text; a large one is in a temporary file that lives as long as the result."""


@dataclass(frozen=True)
class JobResult:
    """What came out of the child; nothing in it is to be trusted."""

    header: Mapping[str, Any]
    parts: Sequence[ResultPart] = ()
    printed: str = ""
    """The end of what the code printed, bounded."""
    layers: tuple[str, ...] = field(default=())
    """Names of the isolation layers that were active, as `holdfast doctor` shows them."""


class Sandbox(Protocol):
    """Runs jobs; one a worker process."""

    def run(self, tenant_id: str, job: Job) -> AbstractAsyncContextManager[JobResult]:
        """Run a job and give its result; leaving the block removes its files.

        Cancelling ends the child at once.

        Raises:
            JobKilled: If a limit ended it: a node failure that names the limit.
            SandboxUnavailable: If no child could be had; the same call is worth repeating.
        """
        ...

    @property
    def is_suspect(self) -> bool:
        """Whether it is not known yet that a child can be had."""
        ...

    async def wait_until_available(self) -> object:
        """Return once a child could be had.

        Raises:
            SandboxUnavailable: If none can be had now.
            IsolationMissing: If this machine cannot isolate as it must.
        """
        ...
