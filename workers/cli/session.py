"""What a command opens before it works: settings, logging, records, and for runs a Temporal server.

Commands that only read open the records and start no server.
"""

import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from schema.kill_points import arm
from schema.settings import Settings
from schema.version import VERSION
from workers.cli.progress import ProgressLine
from workers.data_directory import DataDirectory, join
from workers.logging_setup import configure_logging

if TYPE_CHECKING:
    from workers.dependencies import Dependencies, Records
    from workers.stack import StackAddresses

TENANT = "local"
"""Whose runs the command line sees."""


def read_settings() -> Settings:
    """Read the environment and set logging up, once a command.

    Raises:
        SetupError: If a variable has a value that means nothing.
    """
    from pydantic import ValidationError

    from schema.errors import SetupError

    try:
        settings = Settings()
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        raise SetupError(f"A setting is wrong: {problems}. Correct the variable.") from error
    configure_logging(settings.log_level, settings.log_format)
    arm(settings.kill_point or "")
    return settings


@contextlib.asynccontextmanager
async def opened_records(settings: Settings) -> AsyncIterator["Records"]:
    """Open the records only.

    Raises:
        SetupError: If the data directory or database cannot be used.
    """
    from workers.dependencies import open_records

    users = await join(DataDirectory(settings.home), VERSION)
    try:
        async with open_records(settings) as records:
            await bring_up_to_date(records)
            yield records
    finally:
        users.release()


@contextlib.asynccontextmanager
async def opened_stack(
    settings: Settings,
) -> AsyncIterator[tuple["StackAddresses", "Dependencies"]]:
    """Open the records and a Temporal server, which is started or even built if need be.

    Raises:
        SetupError: If one of them cannot be had; it says what to do.
        TemporalUnavailable: If the server does not answer.
    """
    from workers.dependencies import open_dependencies
    from workers.stack import open_stack

    with ProgressLine() as progress:
        async with contextlib.AsyncExitStack() as stack:
            addresses = await stack.enter_async_context(open_stack(settings, progress.show))
            dependencies = await stack.enter_async_context(open_dependencies(settings, addresses))
            await bring_up_to_date(dependencies)
            progress.clear()
            yield addresses, dependencies


async def bring_up_to_date(records: "Records") -> None:
    """Migrate the database where that is needed; what does it is loaded only then.

    Raises:
        SetupError: If it belongs to a newer build.
        DatabaseUnavailable: If it cannot be reached.
    """
    from schema.db.revision import is_migrated

    if not await is_migrated(records.database):
        from schema.db.migrate import migrate

        await migrate(records.database)
