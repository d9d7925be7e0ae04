"""All in one process: Temporal server, worker, reconciler and HTTP endpoints, until told to stop.

SIGTERM and Ctrl-C drain: no new tasks, running activities may finish, then everything closes. A
second signal ends the process at once.
"""

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass

from temporalio.service import RPCError

from activities.registry import Peers
from api.app import create_app
from schema.db.migrate import migrate
from schema.errors import DatabaseUnavailable
from schema.settings import Settings
from workers.dependencies import Dependencies, open_dependencies
from workers.http_server import serving
from workers.local_worker import work
from workers.peers import open_peers
from workers.stack import StackAddresses, open_stack
from workers.worker import WorkerRole
from workers.worker_lock import WorkerLock

LOG = logging.getLogger(__name__)

CHECK_SECONDS = 3.0
"""Longest wait for one readiness check."""
RESTART_SECONDS = 1.0


@dataclass(frozen=True)
class Started:
    """What a start-up line says."""

    temporal_address: str
    ui_url: str | None
    http_url: str
    home: str


class Service:
    """The worker of a process that stays, and what it says about itself.

    Args:
        settings: Of this process.
        dependencies: What the work needs.
        sandbox: Where code of authors runs.
        role: Whose tasks it takes.
    """

    def __init__(
        self,
        settings: Settings,
        dependencies: Dependencies,
        peers: Peers,
        role: WorkerRole,
    ) -> None:
        self._settings = settings
        self._dependencies = dependencies
        self._peers = peers
        self._role = role
        self._works = False
        self._draining = False

    async def run(self, *, exclusive: bool) -> None:
        """Work until cancelled.

        Args:
            exclusive: Whether this data directory has one worker at a time; then wait for the turn.
        """
        lock = WorkerLock(self._settings.home)
        if exclusive:
            await lock.acquire()
        try:
            while True:
                try:
                    await work(self._dependencies, self._peers, self._begin, self._role)
                except RuntimeError as error:  # what the SDK raises when polling is hopeless
                    LOG.warning("The worker ended: %s", error, extra={"action": "worker_ended"})
                self._works = False
                await asyncio.sleep(RESTART_SECONDS)
        finally:
            self._works = False
            lock.release()

    def drain(self) -> None:
        """Say that this process is about to go."""
        self._draining = True

    async def readiness(self) -> Mapping[str, str | None]:
        """Give the trouble of each part; null where there is none."""
        if self._draining:
            return {"worker": "draining"}
        database, temporal = await asyncio.gather(self._database(), self._temporal())
        worker = None if self._works else "another process works, or this one is about to"
        return {"database": database, "temporal": temporal, "worker": worker}

    def _begin(self) -> None:
        self._works = True

    async def _database(self) -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._dependencies.log.wait_until_available()
        except (DatabaseUnavailable, TimeoutError):
            return "does not answer"
        return None

    async def _temporal(self) -> str | None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                await self._dependencies.temporal.service_client.check_health()
        except (RPCError, TimeoutError):
            return "does not answer"
        return None


async def serve_all(
    settings: Settings, started: Callable[[Started], None], progress: Callable[[str], None]
) -> None:
    """Run `holdfast up` until a signal ends it.

    Raises:
        SetupError: If the server, the data directory or the port cannot be had.
    """
    async with open_stack(settings, progress) as addresses:
        await serve(
            settings,
            addresses,
            WorkerRole.ALL,
            started,
            port=settings.api_port,
            port_setting="HOLDFAST_API_PORT",
            exclusive=True,
            isolation_required=False,
        )


async def serve(
    settings: Settings,
    addresses: StackAddresses,
    role: WorkerRole,
    started: Callable[[Started], None],
    *,
    port: int,
    port_setting: str,
    exclusive: bool,
    isolation_required: bool,
) -> None:
    """Work and answer health checks until a signal ends it, then drain.

    Args:
        settings: Of this process.
        addresses: Where the Temporal server is.
        role: Whose tasks it takes.
        started: Called when it answers.
        port: Where it answers.
        port_setting: What a message about the port names.
        exclusive: Whether this data directory has one worker at a time.
        isolation_required: Whether code of strangers may come, which must be isolated.

    Raises:
        SetupError: If the port is taken, or user code cannot be isolated as required.
    """
    async with contextlib.AsyncExitStack() as stack:
        told_to_stop = stack.enter_context(_signals())
        dependencies = await stack.enter_async_context(open_dependencies(settings, addresses))
        peers = await stack.enter_async_context(
            open_peers(settings, dependencies.artifacts, isolation_required=isolation_required)
        )
        await migrate(dependencies.database)
        service = Service(settings, dependencies, peers, role)
        url = await stack.enter_async_context(
            serving(create_app(service.readiness), settings.api_host, port, port_setting)
        )
        await stack.enter_async_context(_running(service, exclusive, told_to_stop))
        started(Started(addresses.temporal_address, addresses.ui_url, url, str(settings.home)))
        await told_to_stop.wait()
        service.drain()
        LOG.info("Draining.", extra={"action": "draining"})


@contextlib.asynccontextmanager
async def _running(
    service: Service, exclusive: bool, told_to_stop: asyncio.Event
) -> AsyncIterator[None]:
    """Work as long as the block; should the work fail for good, the process is told to stop."""
    task = asyncio.create_task(service.run(exclusive=exclusive), name="worker")
    task.add_done_callback(lambda _: told_to_stop.set())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.contextmanager
def _signals() -> Iterator[asyncio.Event]:
    """Give an event that SIGTERM and Ctrl-C set; the second of them acts as Python has it."""
    loop = asyncio.get_running_loop()
    told_to_stop = asyncio.Event()

    def take(number: signal.Signals) -> None:
        told_to_stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
        LOG.info("Told to stop.", extra={"action": "stopping", "signal": number.name})

    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, take, each)
    try:
        yield told_to_stop
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
