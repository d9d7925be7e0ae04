"""From settings to the sandbox of a process: which ways to isolate are acceptable to it."""

from collections.abc import Sequence

from activities.sandbox.fork_server_sandbox import SandboxOptions
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
