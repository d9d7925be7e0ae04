"""Asks a person for the inputs that a run needs and was not given, by their kind."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import typer

from schema.errors import InvalidInputs
from schema.nodes.start import InputType, InputVariable
from schema.run_inputs import validate_inputs
from workers.cli.console import plain
from workers.cli.given_inputs import FileOnDisk

END_OF_TEXT = "."
"""A line with nothing else ends a paragraph."""


def ask_missing(variables: Iterable[InputVariable], given: Mapping[str, Any]) -> dict[str, Any]:
    """Ask for every required input without a value until it fits.

    Args:
        variables: What the start node asks for.
        given: What the caller gave.

    Returns:
        `given` and the answers.
    """
    values = dict(given)
    for variable in variables:
        if variable.required and values.get(variable.variable) is None:
            values[variable.variable] = _ask_until_it_fits(variable)
    return values


def ask_query() -> str:
    """Ask for the message to a chatflow."""
    return str(typer.prompt("query", err=True))


def ask_secret(name: str) -> str:
    """Ask for the value of a secret environment variable; it is not shown."""
    return str(typer.prompt(f"{plain(name)} (secret, not shown)", hide_input=True, err=True))


def _ask_until_it_fits(variable: InputVariable) -> Any:
    while True:
        answer = _ask(variable)
        if isinstance(answer, FileOnDisk):
            return answer
        try:
            validate_inputs([variable], {variable.variable: answer})
        except InvalidInputs as error:
            typer.echo(f"  {error}", err=True)
        else:
            return answer


def _ask(variable: InputVariable) -> Any:
    label = plain(variable.label or variable.variable)
    match variable.type:
        case InputType.SELECT:
            return _ask_choice(label, variable.options)
        case InputType.PARAGRAPH:
            return _ask_paragraph(label)
        case InputType.CHECKBOX:
            return typer.confirm(label, err=True)
        case InputType.JSON_OBJECT:
            return _ask_json(label)
        case InputType.FILE | InputType.FILE_LIST:
            return FileOnDisk(
                variable.variable, typer.prompt(f"{label} (path of a file)", err=True)
            )
        case _:
            return typer.prompt(label, err=True)


def _ask_choice(label: str, options: tuple[str, ...]) -> str:
    """Let a person choose by number or by the text itself."""
    for number, option in enumerate(options, start=1):
        typer.echo(f"  {number}) {plain(option)}", err=True)
    answer = str(typer.prompt(label, err=True))
    if answer not in options and answer.isdecimal() and 1 <= int(answer) <= len(options):
        return options[int(answer) - 1]
    return answer


def _ask_paragraph(label: str) -> str:
    typer.echo(f"{label} (end with a line that has only a dot)", err=True)
    lines = []
    while (
        line := typer.prompt("", prompt_suffix="> ", default="", show_default=False, err=True)
    ) != END_OF_TEXT:
        lines.append(line)
    return "\n".join(lines)


def _ask_json(label: str) -> Any:
    while True:
        answer = typer.prompt(f"{label} (JSON)", err=True)
        try:
            return json.loads(answer)
        except (ValueError, RecursionError) as error:
            typer.echo(f"  no valid JSON: {error}", err=True)
