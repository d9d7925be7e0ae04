"""The sandbox of a worker: a fork server a tenant, jobs in it under limits, no thread anywhere.

How a machine isolates is found out at the first use, by starting a server in each way, strongest
first; which ways are acceptable, the caller says.
"""

import asyncio
import contextlib
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from activities.sandbox.control import Exit
from activities.sandbox.exchange import (
    JobClock,
    OutputTooLarge,
    ResultReceiver,
    SpoolFolder,
    exchange,
)
from activities.sandbox.file_view import find_files
from activities.sandbox.frames import BrokenMessage
from activities.sandbox.isolation import (
    STRONGEST_FIRST,
    Isolation,
    LayerMissing,
    plan_start,
)
from activities.sandbox.job import Job, JobLimits, JobResult
from activities.sandbox.programs import LIBRARIES
from activities.sandbox.server_process import (
    KILL_SECONDS,
    RunningJob,
    ServerProcess,
    start_server,
)
from schema.errors import IsolationMissing, JobKilled, SandboxUnavailable

LOG = logging.getLogger(__name__)

REMEDY = (
    "install bubblewrap (`apt install bubblewrap`) and allow user namespaces, or set "
    "HOLDFAST_SANDBOX=limits-only if you trust all code that runs here"
)
PROGRAMS = "activities.sandbox.programs.table:PROGRAMS"

_LINE_CHARACTERS = 500
"""Longest line of the code's own that a message shows."""
_STATUS_SECONDS = 0.3
"""How long a fork that closed its socket may take to end by itself."""


@dataclass(frozen=True)
class SandboxOptions:
    """What the operator decides about a sandbox."""

    ways: Sequence[Isolation] = STRONGEST_FIRST
    """Acceptable ones; the first that works here is taken."""
    network: bool = False
    packages: Path | None = None
    """A virtual environment with packages for code nodes."""
    jobs: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    """Most jobs at a time; more wait."""
    servers: int = 16
    """Most tenants with a server; never fewer than jobs."""
    idle_seconds: float = 300.0
    """A tenant's server ends this long after its last job."""
    programs: str = PROGRAMS
    libraries: Sequence[str] = LIBRARIES
    """Top-level modules that programs import."""


class ForkServerSandbox:
    """Runs jobs in forks; implements `Sandbox`. One a worker process, used from one event loop.

    Args:
        options: Of this worker.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self._slots = asyncio.Semaphore(options.jobs)
        self._tenants: dict[str, _Tenant] = {}
        self._choosing = asyncio.Lock()
        self._isolation: Isolation | None = None
        self.rejected: dict[str, str] = {}
        """Ways that were tried before the one that is used, each with what is missing."""
        self._closing: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @contextlib.asynccontextmanager
    async def run(self, tenant_id: str, job: Job) -> AsyncIterator[JobResult]:
        """Run a job and give its result; leaving the block removes its files.

        Raises:
            JobKilled: If a limit ended it, or it ended itself without a result.
            SandboxUnavailable: If no child could be had; the same call is worth repeating.
            IsolationMissing: If this machine isolates in no acceptable way.
        """
        folder = SpoolFolder()
        try:
            await self._slots.acquire()
            yield await self._run(tenant_id, job, folder)
        finally:
            folder.remove()

    @property
    def is_suspect(self) -> bool:
        """Whether no server has shown yet that jobs can run."""
        return self._isolation is None

    async def wait_until_available(self) -> Isolation:
        """Make sure that jobs can run, and say how they are isolated.

        Raises:
            SandboxUnavailable: If no server starts now.
            IsolationMissing: If this machine isolates in no acceptable way.
        """
        isolation, server = await self._choose()
        if server is not None:
            await server.close()
        return isolation

    def server_process_ids(self) -> Mapping[str, int]:
        """Give the process of each tenant's server: the shell's, where there is one."""
        return {
            tenant_id: tenant.server.process_id
            for tenant_id, tenant in self._tenants.items()
            if tenant.server is not None and tenant.server.is_alive
        }

    async def close(self) -> None:
        """End all servers, with all jobs."""
        self._is_closed = True
        tenants, self._tenants = list(self._tenants.values()), {}
        for tenant in tenants:
            async with tenant.starting:
                if tenant.server is not None:
                    await tenant.server.close()
        await asyncio.gather(*self._closing)

    async def _run(self, tenant_id: str, job: Job, folder: SpoolFolder) -> JobResult:
        """Run a job in the slot that it has; the slot is free when its fork is gone."""
        tenant = self._tenants.setdefault(tenant_id, _Tenant())
        tenant.jobs += 1
        running: RunningJob | None = None
        try:
            server = await self._server_of(tenant)
            running, connection = server.submit(job.limits)
            running.ended.add_done_callback(lambda _: self._slots.release())
            with connection:
                return await self._follow(server, running, connection, job, folder)
        finally:
            if running is None:
                self._slots.release()
            tenant.jobs -= 1
            self._watch_idleness(tenant_id, tenant)

    async def _follow(
        self,
        server: ServerProcess,
        running: RunningJob,
        connection: socket.socket,
        job: Job,
        folder: SpoolFolder,
    ) -> JobResult:
        receiver = ResultReceiver(job.limits.output_bytes, folder)
        timeout = asyncio.timeout(None)
        clock = JobClock(timeout, job.limits.seconds)
        try:
            async with timeout:
                running.started.add_done_callback(lambda _: clock.begin())
                await exchange(connection, job, receiver, clock)
                if not receiver.is_whole:
                    await asyncio.wait({running.ended}, timeout=_STATUS_SECONDS)
        except TimeoutError:
            if not timeout.expired():
                raise
            raise JobKilled(
                f"The code was ended: it ran longer than its limit of {job.limits.seconds:g} s."
            ) from None
        except OutputTooLarge:
            raise JobKilled(
                "The code was ended: its result is larger than its limit of "
                f"{_size(job.limits.output_bytes)}."
            ) from None
        except BrokenMessage as error:
            raise JobKilled(f"What the code's process wrote is no result: {error}.") from None
        finally:
            clock.end()
            receiver.close()
            # Whatever is left of it, also after a whole result: code may go on in threads.
            server.kill(running)
        if receiver.is_whole and receiver.header is not None:
            layers = self._isolation.layers if self._isolation is not None else ()
            return JobResult(receiver.header, receiver.parts, receiver.printed, layers)
        await asyncio.wait({running.ended}, timeout=2 * KILL_SECONDS)
        raise _explain(running.ended.result(), job.limits, receiver.printed)

    async def _server_of(self, tenant: "_Tenant") -> ServerProcess:
        async with tenant.starting:
            if tenant.server is not None and not tenant.server.is_alive:
                await tenant.server.close()
                tenant.server = None
            if tenant.server is None:
                if self._is_closed:
                    raise SandboxUnavailable("The sandbox is closed.")
                self._make_room()
                _, server = await self._choose()
                tenant.server = server or await self._start_chosen()
            return tenant.server

    async def _choose(self) -> tuple[Isolation, ServerProcess | None]:
        """Find the strongest way that works; the server that showed it is the caller's."""
        async with self._choosing:
            if self._isolation is not None:
                return self._isolation, None
            self.rejected = {}
            for isolation in self.options.ways:
                try:
                    server = await self._start(isolation)
                except LayerMissing as error:
                    self.rejected[isolation.name] = str(error)
                    continue
                self._isolation = isolation
                _say_chosen(isolation, self.rejected)
                return isolation, server
            tried = "; ".join(f"{name}: {reason}" for name, reason in self.rejected.items())
            raise IsolationMissing(f"User code cannot be isolated here ({tried}). To do: {REMEDY}.")

    async def _start_chosen(self) -> ServerProcess:
        assert self._isolation is not None  # _choose comes first
        try:
            return await self._start(self._isolation)
        except LayerMissing as error:
            raise SandboxUnavailable(f"No fork server starts: {error}.") from error

    async def _start(self, isolation: Isolation) -> ServerProcess:
        options = self.options
        view = find_files(options.libraries, options.packages, network=options.network)
        return await start_server(
            lambda control: plan_start(
                isolation, view, control, options.programs, network=options.network
            )
        )

    def _make_room(self) -> None:
        """End the server that has been idle for longest, if there are too many."""
        alive = [each for each in self._tenants.values() if each.server is not None]
        if len(alive) >= max(self.options.servers, self.options.jobs):
            idle = [each for each in alive if each.jobs == 0]
            if idle:
                self._stop(min(idle, key=lambda each: each.last_used))

    def _watch_idleness(self, tenant_id: str, tenant: "_Tenant") -> None:
        loop = asyncio.get_running_loop()
        tenant.last_used = loop.time()
        if tenant.timer is not None:
            tenant.timer.cancel()
        tenant.timer = loop.call_later(self.options.idle_seconds, self._forget, tenant_id)

    def _forget(self, tenant_id: str) -> None:
        tenant = self._tenants.get(tenant_id)
        if tenant is not None and tenant.jobs == 0:
            del self._tenants[tenant_id]
            self._stop(tenant)

    def _stop(self, tenant: "_Tenant") -> None:
        server, tenant.server = tenant.server, None
        if server is not None:
            task = asyncio.create_task(server.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


@dataclass
class _Tenant:
    """What a tenant has here."""

    starting: asyncio.Lock = field(default_factory=asyncio.Lock)
    server: ServerProcess | None = None
    jobs: int = 0
    """How many are using it, or are about to."""
    last_used: float = 0.0
    timer: asyncio.TimerHandle | None = None


def _say_chosen(isolation: Isolation, reasons: Mapping[str, str]) -> None:
    extra = {"action": "isolation_chosen", "layers": isolation.layers, "rejected": dict(reasons)}
    if isolation.isolates:
        LOG.info("User code is isolated by: %s.", isolation.name, extra=extra)
    else:
        LOG.warning(
            "User code runs without isolation, under limits only: it can read what this process "
            "can. To isolate it, %s.",
            REMEDY.partition(", or")[0],
            extra=extra,
        )


def _explain(status: int | None, limits: JobLimits, printed: str) -> JobKilled | SandboxUnavailable:
    """Say why a job gave no result."""
    if status is None:
        return SandboxUnavailable("The fork server was lost while the code ran.")
    if os.WIFSIGNALED(status):
        return JobKilled(_explain_signal(os.WTERMSIG(status), limits))
    code = os.WEXITSTATUS(status)
    if code == Exit.UNCONFINED:
        return SandboxUnavailable("A fork could not be confined, so nothing ran.")
    if code == Exit.OUT_OF_MEMORY:
        return JobKilled(
            "The code was ended: it needed more memory than its limit of "
            f"{_size(limits.memory_bytes)}."
        )
    if code == Exit.PROGRAM_FAILED:
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        last = f": {lines[-1][:_LINE_CHARACTERS]}" if lines else ""
        return JobKilled(f"The code ended before it gave a result{last}")
    return JobKilled(f"The code ended its process with status {code} before it gave a result.")


def _explain_signal(number: int, limits: JobLimits) -> str:
    if number == signal.SIGXCPU:
        return (
            "The code was ended: it used more processor time than "
            f"{limits.seconds:g} s on every core."
        )
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    hint = " (this machine may be out of memory)" if number == signal.SIGKILL else ""
    return f"The code's process was ended by {name}{hint} before it gave a result."


def _size(number: int) -> str:
    """Write a number of bytes as people do.

    Example:
        >>> _size(1024**3), _size(1536 * 1024), _size(100)
        ('1 GiB', '1.5 MiB', '100 bytes')
    """
    for unit, factor in (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if number >= factor:
            return f"{number / factor:.4g} {unit}"
    return f"{number} bytes"
