"""Sends a command to a run and says what became of it: `pause`, `resume` and `stop` share this."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from schema.settings import Settings

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run id, or how it begins.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="For whoever reads the log.")]

_NO_WORKER_SECONDS = 0.5
"""How long to wait for an answer where nobody works: another command may just begin to."""


def send(kind: str, name: str, reason: str) -> None:
    """Send a command, print its answer, and end with 1 if it was refused.

    Args:
        kind: `pause`, `resume` or `stop`.
        name: The run's id, or how it begins.
        reason: For the log.
    """
    from workers.cli.session import read_settings

    raise typer.Exit(asyncio.run(_send(kind, name, reason, read_settings())))


async def _send(kind: str, name: str, reason: str, settings: "Settings") -> int:
    from api.runs import ANSWER_SECONDS, Answer, send_command
    from schema.commands import CommandKind
    from workers.cli.run_names import find_run
    from workers.cli.session import opened_stack
    from workers.data_directory import DataDirectory
    from workers.file_lock import is_locked

    async with opened_stack(settings) as (addresses, dependencies):
        run = (await find_run(dependencies, name)).ref
        works = not addresses.is_embedded or is_locked(
            DataDirectory(settings.home).lock_file("worker")
        )
        answer = await send_command(
            run,
            CommandKind(kind),
            dependencies.log,
            dependencies.runs,
            reason=reason,
            wait_seconds=ANSWER_SECONDS if works else _NO_WORKER_SECONDS,
        )
    why = f": {answer.reason}" if answer.reason else ""
    typer.echo(f"{kind} {run.run_id}: {answer.answer}{why}")
    if answer.answer is Answer.ACCEPTED and not works:
        typer.echo("No worker lives; `holdfast up` or `holdfast attach` applies it.", err=True)
    return ExitCode.FAILED if answer.answer is Answer.REFUSED else ExitCode.SUCCEEDED
