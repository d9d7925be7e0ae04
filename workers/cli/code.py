"""`holdfast code`: the packages that code nodes may import."""

import asyncio
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class CodeAction(StrEnum):
    """What to do with the packages."""

    INSTALL = "install"
    LIST = "list"


def code(
    action: Annotated[CodeAction, typer.Argument(help="Install packages, or list them.")],
    requirement: Annotated[
        list[Path] | None,
        typer.Option(
            "--requirement", "-r", metavar="FILE", help="What to install, as pip reads it."
        ),
    ] = None,
) -> None:
    """Install or list the packages that Python in code nodes may import.

    They live in a virtual environment of their own, apart from what this program runs on;
    HOLDFAST_CODE_PACKAGES names another. Without any, code has the standard library.

    Examples:
      holdfast code install -r requirements.txt

      holdfast code list
    """
    from workers.cli.session import read_settings
    from workers.code_packages import CodePackages

    packages = CodePackages(read_settings().code_packages_location)
    if action is CodeAction.INSTALL:
        if not requirement:
            raise typer.BadParameter("name a file with what to install", param_hint="--requirement")
        asyncio.run(packages.install(requirement, typer.echo))
        typer.echo("Installed. A running `holdfast up` or worker sees it after its next start.")
        return
    if requirement:
        raise typer.BadParameter("only `install` takes a file", param_hint="--requirement")
    for name, version in packages.listed():
        typer.echo(f"{name} {version}")
