"""The `holdfast` command: the table of its commands, each loaded when it is called.

Importing everything takes over a second, so this package imports typer and nothing of the product;
a command's file imports what it needs when it is called.
"""

from typing import Annotated

import typer

from schema.version import VERSION
from workers.cli.lazy_group import LazyGroup

app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"holdfast {VERSION}")
        raise typer.Exit


@app.callback()
def holdfast(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Run Dify workflow apps that survive any crash, as durable executions on Temporal.

    Start with a file that Dify's editor exported:

      holdfast validate app.yml           can it run here, and if not, why

      holdfast run app.yml -i name=Ada    run it; missing inputs are asked for

      holdfast up                         a server and a worker that stay
    """
