"""What a person is asked for, by the kind of input."""

import json
from typing import Any

import typer
from typer.testing import CliRunner, Result

from schema.nodes.start import InputVariable
from workers.cli.prompts import ask_missing


def answered(answers: str, *variables: dict[str, Any], **given: Any) -> tuple[Result, Any]:
    """Ask for inputs, with answers on the standard input; give the values, too."""
    app = typer.Typer()

    @app.command()
    def ask() -> None:
        declared = [InputVariable.model_validate({"label": "", **each}) for each in variables]
        typer.echo(json.dumps(ask_missing(declared, given), default=str))

    ended = CliRunner().invoke(app, [], input=answers, catch_exceptions=False)
    return ended, json.loads(ended.stdout.splitlines()[-1])


def an_input(kind: str, **fields: Any) -> dict[str, Any]:
    return {"variable": "x", "type": kind, "required": True, **fields}


def test_a_text_is_asked_for_by_its_label() -> None:
    ended, values = answered("Ada\n", an_input("text-input", label="Your name"))

    assert values == {"x": "Ada"}
    assert "Your name" in ended.stderr


def test_what_was_given_or_is_optional_is_not_asked_for() -> None:
    optional = {"variable": "y", "type": "text-input"}

    assert answered("", an_input("text-input"), optional, x="here")[1] == {"x": "here"}


def test_a_choice_is_made_by_number_or_by_text() -> None:
    options = an_input("select", options=["red", "2"])

    assert answered("1\n", options)[1] == {"x": "red"}
    assert answered("2\n", options)[1] == {"x": "2"}


def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    ended, values = answered("many\n3\n", an_input("number"))

    assert values == {"x": "3"}
    assert "must be a valid number" in ended.stderr


def test_a_paragraph_has_several_lines_and_ends_with_a_dot() -> None:
    assert answered("one\n\ntwo\n.\n", an_input("paragraph"))[1] == {"x": "one\n\ntwo"}


def test_a_checkbox_is_a_question() -> None:
    assert answered("y\n", an_input("checkbox"))[1] == {"x": True}


def test_an_object_is_asked_for_as_json() -> None:
    ended, values = answered('{"a"\n{"a": 1}\n', an_input("json_object"))

    assert values == {"x": {"a": 1}}
    assert "no valid JSON" in ended.stderr


def test_a_file_is_asked_for_by_its_path() -> None:
    assert "notes.txt" in answered("notes.txt\n", an_input("file"))[1]["x"]
