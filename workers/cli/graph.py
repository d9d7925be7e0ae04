"""`holdfast graph`: draw the graph of an export."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from schema.plan import Plan


class DrawingFormat(StrEnum):
    """What the drawing is for."""

    TERMINAL = "terminal"
    MERMAID = "mermaid"
    DOT = "dot"


def graph(
    file: Annotated[str, typer.Argument(metavar="FILE", help="An export of Dify; `-` reads it.")],
    format: Annotated[
        DrawingFormat, typer.Option(help="For people here, for Mermaid or for Graphviz.")
    ] = DrawingFormat.TERMINAL,
) -> None:
    """Draw the graph of an export: branches indented, a join where its last branch arrives.

    Examples:
      holdfast graph app.yml

      holdfast graph app.yml --format dot | dot -Tsvg -o app.svg
    """
    from workers.cli.definition_file import read_compilation

    compilation = read_compilation(file)
    if compilation.plan is None:
        for finding in compilation.findings:
            typer.echo(f"holdfast: {finding}", err=True)
        raise typer.Exit(ExitCode.BAD_INPUT)
    match format:
        case DrawingFormat.TERMINAL:
            _draw(compilation.plan)
        case DrawingFormat.MERMAID:
            from workers.cli.diagrams import to_mermaid

            typer.echo(to_mermaid(compilation.plan), nl=False)
        case DrawingFormat.DOT:
            from workers.cli.diagrams import to_dot

            typer.echo(to_dot(compilation.plan), nl=False)


def _draw(plan: "Plan") -> None:
    from rich.text import Text

    from workers.cli.console import plain, stdout
    from workers.cli.graph_lines import draw

    out = stdout()
    out.print(Text(f"{plain(plan.app_name)} ({plan.mode})", style="bold"))
    for line in draw(plan.graph):
        text = Text(line.indent, style="dim")
        text.append(line.text, style="" if line.detail else "dim")
        text.append(f"  {line.detail}" if line.detail else "", style="cyan")
        out.print(text)
