"""What the activities of a worker reach, opened from its settings and closed after its workers.

Apart from `dependencies.py`, because only a process that works needs it, and loading it takes time.
"""

import contextlib
from collections.abc import AsyncIterator

from activities.registry import Peers
from activities.sandbox.fork_server_sandbox import ForkServerSandbox
from activities.sandbox.job import JobLimits
from activities.tools.address_guard import AddressGuard
from activities.tools.guarded_transport import Proxies
from activities.tools.http_client import HttpClient
from activities.tools.remote_files import GuardedFiles
from schema.addresses import AddressList
from schema.settings import Settings
from schema.values.artifact_ref import ArtifactStore
from workers.sandbox_setup import sandbox_options


@contextlib.asynccontextmanager
async def open_peers(
    settings: Settings, artifacts: ArtifactStore, *, isolation_required: bool = False
) -> AsyncIterator[Peers]:
    """Open everything that effects reach; the sandbox starts nothing before it is used.

    Args:
        settings: Of this process.
        artifacts: Of its records.
        isolation_required: Whether code of authors must be isolated; then this makes sure that it
            is.

    Raises:
        IsolationMissing: If it cannot be.
    """
    sandbox = ForkServerSandbox(sandbox_options(settings, isolation_required=isolation_required))
    http = build_http_client(settings)
    try:
        if isolation_required:
            await sandbox.wait_until_available()
        yield Peers(
            artifacts=artifacts,
            http=http,
            sandbox=sandbox,
            code_limits=JobLimits(seconds=settings.code_seconds),
        )
    finally:
        await http.aclose()
        await sandbox.close()


@contextlib.asynccontextmanager
async def opened_remote_files(settings: Settings) -> AsyncIterator[GuardedFiles]:
    """Give what describes remote files, to a process that only starts runs."""
    http = build_http_client(settings)
    try:
        yield GuardedFiles(http)
    finally:
        await http.aclose()


def build_http_client(settings: Settings) -> HttpClient:
    """Build the client of every request whose address an author controls."""
    return HttpClient(
        AddressGuard(AddressList.parse(settings.allowed_addresses)),
        Proxies(settings.http_proxy, settings.https_proxy, settings.no_proxy),
        settings.http_seconds,
    )
