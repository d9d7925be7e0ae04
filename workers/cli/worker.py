"""`holdfast worker`: a worker for an existing Temporal server."""

import asyncio
from enum import StrEnum
from typing import Annotated

import typer


class RoleName(StrEnum):
    """Names of the roles in `workers/worker.py`, without loading it."""

    RUN = "run"
    IO = "io"
    CODE = "code"
    ALL = "all"


def worker(
    role: Annotated[RoleName, typer.Option(help="Whose tasks it takes.")] = RoleName.ALL,
) -> None:
    """Run a worker for an existing Temporal server and database; any number may run.

    Set TEMPORAL_ADDRESS and DATABASE_URL; without the first this works for the embedded server,
    where one worker at a time is enough. SIGTERM lets running nodes finish
    (`HOLDFAST_DRAIN_SECONDS`).

    Where user code cannot be isolated it refuses to start, unless HOLDFAST_SANDBOX=limits-only;
    `holdfast doctor` says what is missing. The roles `run` and `io` run no user code.

    Health is at `/health/live` and `/health/ready` (`HOLDFAST_HEALTH_PORT`).
    """
    from workers.cli.progress import ProgressLine
    from workers.cli.session import read_settings
    from workers.cli.up import say_started
    from workers.stack import open_stack
    from workers.up import serve
    from workers.worker import WorkerRole

    settings = read_settings()

    async def run() -> None:
        with ProgressLine() as progress:
            async with open_stack(settings, progress.show) as addresses:
                progress.clear()
                await serve(
                    settings,
                    addresses,
                    WorkerRole(role),
                    lambda started: say_started(started, "Worker"),
                    port=settings.health_port,
                    port_setting="HOLDFAST_HEALTH_PORT",
                    exclusive=addresses.is_embedded,
                    isolation_required=role in (RoleName.CODE, RoleName.ALL),
                )

    asyncio.run(run())
