"""`holdfast attach`: watch a run that goes on, and lend it a worker if none lives."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from schema.settings import Settings
    from workers.cli.watching import WatchOptions

PATIENCE_SECONDS = 5.0
"""How long a run may stay paused before this gives up: a resume may be on its way."""


def attach(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, or how it begins.")],
    stop_on_interrupt: Annotated[
        bool,
        typer.Option("--stop-on-interrupt", help="Ctrl-C stops the run instead of leaving it."),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print exactly one JSON object: the result.")
    ] = False,
) -> None:
    """Watch a run to its end, as `holdfast run` does; one that ended is shown.

    Where no other process works for the data directory, this one does while it waits. Exit codes
    are those of `holdfast run`.

    Examples:
      holdfast attach 4f3a
    """
    from workers.cli.session import read_settings
    from workers.cli.watching import WatchOptions

    options = WatchOptions(
        json=json, stop_on_interrupt=stop_on_interrupt, patience=PATIENCE_SECONDS
    )
    raise typer.Exit(asyncio.run(_attach(read_settings(), run, options)))


async def _attach(settings: "Settings", name: str, options: "WatchOptions") -> int:
    from workers.cli.run_names import find_run
    from workers.cli.session import opened_records, opened_stack
    from workers.cli.watching import Interrupts, show_ended, watch

    async with opened_records(settings) as records:
        record = await find_run(records, name)
        run_input = await records.log.get_run_input(record.ref)
        if record.status.is_terminal:
            # What has ended needs no server.
            return await show_ended(records, run_input, options)
    async with opened_stack(settings) as (addresses, dependencies):
        return await watch(addresses, dependencies, run_input, options, Interrupts())
