"""Waits with a person for a run: shows it, lends a worker, and heeds Ctrl-C.

`run` and `attach` share this. Closing it changes nothing about the run (architecture 2).
"""

import asyncio
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from schema.commands import CommandKind
from schema.runs import RunInput, RunStatus
from workers.cli.console import SHORT_ID, print_json, stderr, stdout
from workers.cli.exit_codes import ExitCode
from workers.cli.following import RunFollower
from workers.cli.lending import LentWorker, lending
from workers.cli.run_result import build_result, show_outputs, show_summary
from workers.cli.run_view import RunView
from workflows.client import workflow_id_of

if TYPE_CHECKING:
    from workers.dependencies import Dependencies, Records
    from workers.stack import StackAddresses

STOP_SECONDS = 60.0
"""How long a stop after Ctrl-C may take before the run is left to itself."""


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, kw_only=True)
class WatchOptions:
    """How a person wants to watch."""

    json: bool = False
    """One JSON object on stdout in place of outputs."""
    stop_on_interrupt: bool = False
    """Ctrl-C stops the run instead of leaving it."""
    patience: float = 0.0
    """Seconds that a pause must last before waiting ends."""


class Interrupts:
    """Ctrl-C and SIGTERM during a watch: the first asks to leave, the second ends at once.

    Takes the signals over from Python when it is made: before a run's row exists, so that whoever
    interrupts after that is told what became of the run.
    """

    def __init__(self) -> None:
        self._happened = asyncio.Event()
        self.exit_code: int = ExitCode.INTERRUPTED
        """128 and the number of the signal."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._take, number)

    def restore(self) -> None:
        """Give the signals back."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    async def wait(self) -> None:
        """Return when one has come."""
        await self._happened.wait()

    def _take(self, number: signal.Signals) -> None:
        self.exit_code = 128 + number
        self._happened.set()
        self.restore()


async def watch(
    addresses: "StackAddresses",
    dependencies: "Dependencies",
    run_input: RunInput,
    options: WatchOptions,
    interrupts: Interrupts,
) -> int:
    """Watch a run until it ends, rests or is left, and show how it went.

    Raises:
        DatabaseUnavailable: If the records are away when the result is read.
    """
    async with lending(dependencies) as worker:
        with RunView(stderr()) as view:
            status = await _wait(dependencies, run_input, options, interrupts, worker, view)
        interrupts.restore()
        if status is None and not options.json:
            _say_left(run_input.run_id, worker.is_only_worker)
            return interrupts.exit_code
        result = await build_result(dependencies, run_input, whole=options.json)
    run_url = addresses.run_url(workflow_id_of(run_input.run_id))
    await _show(
        dependencies,
        result,
        run_input,
        options,
        run_url,
        "" if view.is_in_pieces else view.streamed,
    )
    return interrupts.exit_code if status is None else ExitCode.of(result["status"])


async def show_ended(records: "Records", run_input: RunInput, options: WatchOptions) -> ExitCode:
    """Show how a run went that has ended already.

    Raises:
        DatabaseUnavailable: If the records are away.
    """
    result = await build_result(records, run_input, whole=options.json)
    await _show(records, result, run_input, options)
    return ExitCode.of(result["status"])


async def _wait(
    dependencies: "Dependencies",
    run_input: RunInput,
    options: WatchOptions,
    interrupts: Interrupts,
    worker: LentWorker,
    view: RunView,
) -> RunStatus | None:
    """Give the state in which the run ended or rests; None if it was left running."""
    follower = RunFollower(dependencies, run_input, view)
    following = asyncio.create_task(follower.to_rest(options.patience), name="follow")
    interrupted = asyncio.create_task(interrupts.wait(), name="interrupt")
    try:
        await asyncio.wait(
            (following, interrupted, worker.task), return_when=asyncio.FIRST_COMPLETED
        )
        if interrupted.done() and not following.done() and options.stop_on_interrupt:
            view.say("  stopping the run")
            await _stop(dependencies, run_input)
            await asyncio.wait((following,), timeout=STOP_SECONDS)
        if following.done():
            return following.result()
        if worker.task.done():
            worker.task.result()
        return None
    finally:
        for task in (following, interrupted):
            task.cancel()
        await asyncio.gather(following, interrupted, return_exceptions=True)


async def _stop(dependencies: "Dependencies", run_input: RunInput) -> None:
    from api.runs import send_command

    await send_command(
        run_input.ref, CommandKind.STOP, dependencies.log, dependencies.runs, wait_seconds=0
    )


def _say_left(run_id: str, alone: bool) -> None:
    if alone:
        kept = "kept; it goes on at the next `holdfast up` or"
    else:
        kept = "it goes on without this command; watch it with"
    typer.echo(f"Left run {run_id}: {kept} `holdfast attach {run_id[:SHORT_ID]}`.", err=True)


async def _show(
    records: "Records",
    result: dict[str, Any],
    run_input: RunInput,
    options: WatchOptions,
    run_url: str | None = None,
    streamed: str = "",
) -> None:
    if options.json:
        print_json(result)
        return
    await show_outputs(records, run_input, result, stdout(), streamed)
    show_summary(result, run_url, stderr())
    if result["status"] == RunStatus.PAUSED:
        typer.echo(f"Paused; go on with `holdfast resume {run_input.run_id[:SHORT_ID]}`.", err=True)
