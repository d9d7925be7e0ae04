"""`holdfast validate`: can these exports run here, and if not, what is in the way."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from schema.dsl import Compilation
    from schema.findings import Finding
    from workers.code_packages import CodePackages


def validate(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Exports of Dify; `-` reads one.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a file.")] = False,
) -> None:
    """Say whether exports can run here, and name everything that is in the way.

    A line a file, then its findings: what is wrong, at which node and field, and what is accepted.
    Ends with 0 if all can run, 1 if findings stop one of them, 2 if a file is no export.

    Examples:
      holdfast validate app.yml

      holdfast validate exports/*.yml --json | jq -r 'select(.runnable | not) | .file'
    """
    from workers.cli.console import stdout

    out = stdout()
    worst = max(_validate_file(file, json, out) for file in files)
    raise typer.Exit(worst)


def _validate_file(file: str, as_json: bool, out: "Console") -> ExitCode:
    from schema.errors import DefinitionError
    from workers.cli.console import json_text, plain
    from workers.cli.definition_file import read_checked

    try:
        compilation = read_checked(file, _packages())
    except DefinitionError as error:
        if as_json:
            typer.echo(json_text({"file": file, "readable": False, "error": str(error)}))
        else:
            out.print("✗", style="red", end=" ")
            out.print(f"{plain(file)}: {plain(str(error))}")
        return ExitCode.BAD_INPUT
    if as_json:
        typer.echo(json_text(_to_json(file, compilation)))
    else:
        _show(file, compilation, out)
    return ExitCode.SUCCEEDED if compilation.is_runnable else ExitCode.FAILED


def _packages() -> "CodePackages":
    from workers.cli.session import read_settings
    from workers.code_packages import CodePackages

    return CodePackages(read_settings().code_packages_location)


def _to_json(file: str, compilation: "Compilation") -> dict[str, Any]:
    definition, plan = compilation.definition, compilation.plan
    return {
        "file": file,
        "readable": True,
        "runnable": compilation.is_runnable,
        "name": definition.name,
        "mode": str(definition.mode),
        "version": definition.version,
        "plan_sha": plan.plan_sha if plan else None,
        "findings": [
            {
                "code": str(finding.code),
                "severity": str(finding.severity),
                "node_id": finding.node_id or None,
                "field": finding.field or None,
                "message": finding.message,
                "accepted": finding.accepted or None,
            }
            for finding in compilation.findings
        ],
    }


def _show(file: str, compilation: "Compilation", out: "Console") -> None:
    from schema.findings import Severity
    from workers.cli.console import plain

    errors = sum(finding.is_error for finding in compilation.findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in compilation.findings)
    mark, style = ("✓", "green") if compilation.is_runnable else ("✗", "red")
    verdict = "can run" if compilation.is_runnable else _count(errors, "finding") + " in the way"
    if warnings:
        verdict += f", {_count(warnings, 'warning')}"
    out.print(mark, style=style, end=" ")
    out.print(f"{plain(file)}: {verdict} ({compilation.definition.mode})")
    titles = (
        {node.id: node.title for node in compilation.plan.graph.nodes} if compilation.plan else {}
    )
    for finding in compilation.findings:
        _show_finding(finding, titles.get(finding.node_id, ""), out)


def _show_finding(finding: "Finding", title: str, out: "Console") -> None:
    from schema.findings import Severity, quote, shorten
    from workers.cli.console import plain

    styles = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTICE: "dim"}
    style = styles[finding.severity]
    out.print(f"    {finding.severity} {finding.code}", style=style, end="")
    if finding.node_id:
        name = f" ({quote(title)})" if title else ""
        out.print(f"  node {plain(shorten(finding.node_id))}{plain(name)}", end="")
    if finding.field:
        out.print(f"  {plain(finding.field)}", style="dim", end="")
    out.print()
    out.print(f"      {plain(finding.message)}", end="")
    out.print(f" Accepted: {plain(finding.accepted)}." if finding.accepted else "")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
