"""`holdfast doctor`: what is installed, reachable or misconfigured, and what to do about it."""

import asyncio
from dataclasses import asdict
from typing import Annotated

import typer

from workers.cli.console import json_text, plain, stdout
from workers.cli.exit_codes import ExitCode

_MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "red")}


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a check.")] = False,
) -> None:
    """Say what is installed, reachable or misconfigured, with one remedy for each problem.

    Nothing is started or changed. Ends with 1 if there is a problem.
    """
    from workers.cli.session import read_settings
    from workers.doctor import examine

    checks = asyncio.run(examine(read_settings()))
    out = stdout()
    for check in checks:
        if json:
            typer.echo(json_text(asdict(check)))
            continue
        mark, style = _MARKS[check.state]
        out.print(mark, style=style, end=" ")
        out.print(f"{check.name}: {plain(check.detail)}")
        if check.remedy:
            out.print(f"  → {plain(check.remedy)}", style=style)
    if any(check.state == "problem" for check in checks):
        raise typer.Exit(ExitCode.FAILED)
