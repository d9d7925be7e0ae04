"""From settings to the sandbox of a process: which ways to isolate are acceptable to it."""

import contextlib
from collections.abc import AsyncIterator, Sequence

from activities.sandbox.fork_server_sandbox import ForkServerSandbox, SandboxOptions
from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST, Isolation
from schema.settings import Settings


def sandbox_options(settings: Settings, *, isolation_required: bool) -> SandboxOptions:
    """Decide as the operator did.

    Args:
        settings: Of this process.
        isolation_required: Whether it may run code of strangers; then limits alone are acceptable
            only if the operator says so.

    Example:
        >>> options = sandbox_options(Settings(sandbox="limits-only"), isolation_required=True)
        >>> [way.isolates for way in options.ways]
        [False]
    """
    ways: Sequence[Isolation] = (LIMITS_ONLY,)
    if settings.sandbox == "auto":
        ways = STRONGEST_FIRST if isolation_required else (*STRONGEST_FIRST, LIMITS_ONLY)
    return SandboxOptions(
        ways=ways,
        network=settings.sandbox_network,
        packages=settings.code_packages_location,
    )


@contextlib.asynccontextmanager
async def open_sandbox(
    settings: Settings, *, isolation_required: bool = False
) -> AsyncIterator[ForkServerSandbox]:
    """Open the sandbox of a worker; it starts nothing before it is used.

    Args:
        settings: Of this process.
        isolation_required: Whether user code must be isolated; then this makes sure that it is.

    Raises:
        IsolationMissing: If it cannot be.
    """
    sandbox = ForkServerSandbox(sandbox_options(settings, isolation_required=isolation_required))
    try:
        if isolation_required:
            await sandbox.wait_until_available()
        yield sandbox
    finally:
        await sandbox.close()
