"""What a command needs around it: its data directory and a Temporal server, as addresses.

`open_stack` is the one way in for the command line, tests and benchmarks.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from schema.settings import Settings
from schema.version import VERSION
from workers.data_directory import DataDirectory, join
from workers.keeper_start import KeeperStarter
from workers.server_binary import Progress
from workers.server_namespace import NAMESPACE, prepare_namespace


@dataclass(frozen=True)
class StackAddresses:
    """Where the parts are."""

    temporal_address: str
    """`host:port` of the Temporal server."""
    namespace: str
    home: Path
    """The data directory; it exists and is ours until the stack is closed."""
    ui_url: str | None
    """The Temporal Web UI; None for a server that is not ours."""

    @property
    def is_embedded(self) -> bool:
        """Whether the server is the one of the data directory."""
        return self.ui_url is not None

    def run_url(self, workflow_id: str) -> str | None:
        """Link to a run in the Web UI."""
        if self.ui_url is None:
            return None
        return f"{self.ui_url}/namespaces/{self.namespace}/workflows/{workflow_id}"


def no_progress(_text: str) -> None:
    """Swallow progress; for callers without a terminal."""


@contextlib.asynccontextmanager
async def open_stack(
    settings: Settings, progress: Progress = no_progress
) -> AsyncIterator[StackAddresses]:
    """Use the data directory and, unless `TEMPORAL_ADDRESS` names another, its Temporal server.

    The server is found, started or built first; it lives as long as some process has the stack
    open, and a while longer. While this one has, a dead keeper is replaced.

    Raises:
        DataDirectoryInUse: If another version of Holdfast uses the directory.
        DevServerUnavailable: If no server can be had; it lists what was tried.
        SetupError: If the directory cannot be written.
    """
    directory = DataDirectory(settings.home)
    users = await join(directory, VERSION)
    try:
        if settings.temporal_address is not None:
            yield StackAddresses(
                settings.temporal_address, settings.temporal_namespace, settings.home, None
            )
            return
        async with _embedded_server(directory, settings, progress) as addresses:
            yield addresses
    finally:
        users.release()


@contextlib.asynccontextmanager
async def _embedded_server(
    directory: DataDirectory, settings: Settings, progress: Progress
) -> AsyncIterator[StackAddresses]:
    keeper = KeeperStarter(directory, settings, progress)
    watch: asyncio.Task[None] | None = None
    try:
        record = await keeper.ensure()
        watch = asyncio.create_task(keeper.watch(), name="keeper watch")
        await prepare_namespace(record.address)
        yield StackAddresses(record.address, NAMESPACE, directory.home, record.ui_url)
    finally:
        if watch is not None:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
        await keeper.leave_keeper()
