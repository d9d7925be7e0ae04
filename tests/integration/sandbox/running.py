"""Running source text in a sandbox, as the tests of this folder do."""

import contextlib
import textwrap
from collections.abc import AsyncIterator, Mapping
from typing import Any

from activities.sandbox.fork_server_sandbox import ForkServerSandbox, SandboxOptions
from activities.sandbox.isolation import Isolation
from activities.sandbox.job import Job, JobLimits

TENANT = "tenant"
PROGRAMS = "tests.integration.sandbox.programs:PROGRAMS"

ATTEMPT = '''
def attempt(name, function, *arguments):
    """Note what came of it: what it gave, or the error."""
    try:
        found[name] = repr(function(*arguments))[:200]
    except BaseException as error:
        found[name] = "refused: " + repr(error)[:200]
'''
"""Source text that hostile code begins with."""


def options(*ways: Isolation, **given: Any) -> SandboxOptions:
    """Options for these ways to isolate, with the programs of these tests."""
    values: dict[str, Any] = {"programs": PROGRAMS, "libraries": ("tests",), **given}
    return SandboxOptions(ways=ways, **values)


@contextlib.asynccontextmanager
async def opened(options: SandboxOptions) -> AsyncIterator[ForkServerSandbox]:
    """A sandbox that is closed with the block."""
    sandbox = ForkServerSandbox(options)
    try:
        yield sandbox
    finally:
        await sandbox.close()


def source_job(
    source: str, limits: JobLimits | None = None, given: Mapping[str, Any] | None = None
) -> Job:
    """A job that runs source text; it sees `given` and leaves its answer in `found`."""
    header = {"source": ATTEMPT + textwrap.dedent(source), "given": given or {}}
    return Job("python", header, limits=limits or JobLimits(seconds=30))


async def find(
    sandbox: ForkServerSandbox,
    source: str,
    limits: JobLimits | None = None,
    **given: Any,
) -> dict[str, Any]:
    """Run source text and give what it found."""
    async with sandbox.run(TENANT, source_job(source, limits, given)) as result:
        return dict(result.header)


def allowed(found: Mapping[str, Any]) -> dict[str, Any]:
    """What was not refused."""
    return {name: what for name, what in found.items() if not str(what).startswith("refused")}
