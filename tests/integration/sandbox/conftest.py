"""A sandbox for each way to isolate, each alone; one that this machine lacks is skipped by name."""

from collections.abc import AsyncIterator

import pytest

from activities.sandbox.fork_server_sandbox import ForkServerSandbox
from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST, Isolation, Shell
from schema.errors import IsolationMissing
from schema.settings import Settings
from tests.integration.sandbox.running import opened, options


async def alone(way: Isolation) -> AsyncIterator[ForkServerSandbox]:
    async with opened(options(way)) as sandbox:
        missing = await missing_in(sandbox)
        if missing is not None:
            if "bubblewrap" in Settings().require and not await bubblewrap_works():
                pytest.fail(missing)
            pytest.skip(missing)
        yield sandbox


async def missing_in(sandbox: ForkServerSandbox) -> str | None:
    try:
        await sandbox.wait_until_available()
    except IsolationMissing as error:
        return str(error)
    return None


async def bubblewrap_works() -> bool:
    """Whether it does with what this kernel has for the forks in it."""
    ways = [way for way in STRONGEST_FIRST if way.shell is Shell.BUBBLEWRAP]
    async with opened(options(*ways)) as sandbox:
        return await missing_in(sandbox) is None


@pytest.fixture(scope="session", params=STRONGEST_FIRST, ids=lambda way: way.name)
async def isolated(
    request: pytest.FixtureRequest, anyio_backend: str
) -> AsyncIterator[ForkServerSandbox]:
    async for sandbox in alone(request.param):
        yield sandbox


@pytest.fixture(scope="session", params=(*STRONGEST_FIRST, LIMITS_ONLY), ids=lambda way: way.name)
async def sandbox(
    request: pytest.FixtureRequest, anyio_backend: str
) -> AsyncIterator[ForkServerSandbox]:
    async for sandbox in alone(request.param):
        yield sandbox


@pytest.fixture(scope="session")
async def strongest(anyio_backend: str) -> AsyncIterator[ForkServerSandbox]:
    """The way that this machine would take, for what does not depend on it."""
    async with opened(options(*STRONGEST_FIRST, LIMITS_ONLY)) as sandbox:
        yield sandbox
