"""LazyGroup: loads the file of a command when the command is named, and ends it with an exit code.

The table of commands is here because it is what makes loading lazy; what a command does is in the
file of its name.
"""

import difflib
import functools
import gc
import importlib
import inspect
import os
import signal
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ParamSpec, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

from schema.errors import DefinitionError, HoldfastError
from workers.cli.exit_codes import ExitCode

DEFINITIONS = "Definitions"
RUNS = "Runs"
SERVICES = "Services"

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "validate": DEFINITIONS,
        "graph": DEFINITIONS,
        "run": RUNS,
        "runs": RUNS,
        "show": RUNS,
        "events": RUNS,
        "attach": RUNS,
        "pause": RUNS,
        "resume": RUNS,
        "stop": RUNS,
        "purge": RUNS,
        "code": SERVICES,
        "up": SERVICES,
        "worker": SERVICES,
        "keys": SERVICES,
        "doctor": SERVICES,
    }
)
"""Name of a command to the panel of the help; its function has the name of its file."""

P = ParamSpec("P")
T = TypeVar("T")


class LazyGroup(TyperGroup):
    """A group that imports `workers.cli.<name>` for the command of that name."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command in a process that looks for garbage less often, and not when it ends.

        Loading libraries makes hundreds of thousands of objects that all stay. Looking through them
        at Python's own pace costs a short command a fifth of its time, and 0.4 s at its end.
        """
        gc.set_threshold(50_000, 20, 20)
        try:
            return super().main(*args, **kwargs)
        finally:
            gc.freeze()

    def list_commands(self, ctx: object) -> list[str]:
        """List every command without loading one."""
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | None:
        """Load a command's file; None if there is no such command.

        Raises:
            typer.BadParameter: If the name looks like that of a command.
        """
        if cmd_name not in COMMANDS:
            if nearest := difflib.get_close_matches(cmd_name, COMMANDS, n=1):
                raise typer.BadParameter(f"no command {cmd_name!r}; did you mean {nearest[0]!r}?")
            return None
        module = importlib.import_module(f"workers.cli.{cmd_name}")
        loaded = typer.Typer(
            add_completion=False,
            rich_markup_mode="rich",
            pretty_exceptions_enable=False,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        function = getattr(module, cmd_name)
        loaded.command(
            cmd_name, help=flow(inspect.getdoc(function) or ""), rich_help_panel=COMMANDS[cmd_name]
        )(_ending_well(function))
        command = typer.main.get_command(loaded)
        return command if isinstance(command, TyperCommand) else None


def flow(text: str) -> str:
    r"""Join the lines of each paragraph, which a docstring breaks; examples stay as they are.

    Example:
        >>> flow("One\ntwo.\n\nExamples:\n  a b")
        'One two.\n\nExamples:\n  a b'
    """
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        paragraph if "\n  " in paragraph else paragraph.replace("\n", " ")
        for paragraph in paragraphs
    )


def _ending_well(function: Callable[P, T]) -> Callable[P, T]:
    """Turn what ends a command early into one line and an exit code."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            result = function(*args, **kwargs)
            sys.stdout.flush()  # here, so that a closed pipe is noticed here
            return result
        except HoldfastError as error:
            for message in getattr(error, "problems", (error,)):
                typer.echo(f"holdfast: {message}", err=True)
            wrong_input = isinstance(error, DefinitionError)
            raise typer.Exit(ExitCode.BAD_INPUT if wrong_input else ExitCode.FAILED) from error
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(ExitCode.INTERRUPTED) from interrupt
        except BrokenPipeError as closed:
            _give_up_stdout()
            raise typer.Exit(128 + signal.SIGPIPE) from closed
        except OSError as error:  # a full disk, a vanished folder: not a bug of ours
            typer.echo(f"holdfast: {error}", err=True)
            _give_up_stdout()
            raise typer.Exit(ExitCode.FAILED) from error

    return called


def _give_up_stdout() -> None:
    """Point stdout at nothing: flushing it at exit would complain about the closed pipe again."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)
