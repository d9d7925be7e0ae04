"""Dify's rules for the inputs of a run (dify-nodes 8.1, 7.3)."""

from typing import Any

import pytest

from schema.errors import InvalidInputs
from schema.nodes.start import InputVariable
from schema.run_inputs import validate_inputs


def an_input(kind: str, **fields: Any) -> InputVariable:
    return InputVariable.model_validate({"variable": "x", "label": "X", "type": kind, **fields})


@pytest.mark.parametrize(
    ("kind", "fields", "given", "expected"),
    [
        ("text-input", {}, "a", "a"),
        ("text-input", {}, "a\0b", "ab"),
        ("text-input", {"max_length": 3}, "abc", "abc"),
        ("paragraph", {}, "", ""),
        ("text-input", {"required": True}, "", ""),
        ("select", {"options": ["a", "b"]}, "b", "b"),
        ("select", {"options": ["a", "b"]}, "", ""),
        ("number", {}, 0, 0),
        ("number", {}, 1.5, 1.5),
        ("number", {}, "7", 7),
        ("number", {}, "7.0", 7.0),
        ("number", {}, "", None),
        ("checkbox", {}, True, True),
        ("checkbox", {}, "Yes", True),
        ("checkbox", {}, "off", False),
        ("checkbox", {}, 1, True),
        ("checkbox", {}, 0, False),
        ("json_object", {}, {"a": 1}, {"a": 1}),
        ("json_object", {}, "", ""),
        ("external_data_tool", {}, 5, 5),
        ("file", {}, "", None),
    ],
)
def test_an_input_that_fits_is_converted_to_its_kind(
    kind: str, fields: dict[str, Any], given: Any, expected: Any
) -> None:
    values = validate_inputs([an_input(kind, **fields)], {"x": given})

    assert values == {"x": expected}
    assert type(values["x"]) is type(expected)


@pytest.mark.parametrize(
    ("kind", "fields", "given", "message"),
    [
        ("text-input", {"required": True}, None, "x is required in input form"),
        ("text-input", {}, 5, "x in input form must be a string"),
        ("text-input", {"max_length": 3}, "abcd", "x in input form must be less than 3 characters"),
        (
            "select",
            {"options": ["a", "b"]},
            "c",
            "x in input form must be one of the following: ['a', 'b']",
        ),
        ("number", {}, "seven", "x in input form must be a valid number"),
        ("number", {}, [1], "x in input form must be a valid number"),
        ("checkbox", {}, "perhaps", "x in input form must be a boolean"),
        ("checkbox", {}, [], "x in input form must be a boolean"),
        ("json_object", {}, [1], "x in input form must be a dict"),
        ("file", {}, "a.txt", "x in input form must be a file"),
        ("file", {"required": True}, "", "x in input form must be a file"),
        ("file-list", {}, {}, "x in input form must be a list of files"),
        ("file-list", {}, [1], "x in input form must be a list of files"),
        (
            "file-list",
            {"max_length": 1},
            [{}, {}],
            "Number of files exceeds the maximum limit 1",
        ),
        ("file", {}, {"type": "image"}, "transfer_method is required in file mapping"),
    ],
)
def test_an_input_that_does_not_fit_is_refused_in_difys_words(
    kind: str, fields: dict[str, Any], given: Any, message: str
) -> None:
    with pytest.raises(InvalidInputs) as refused:
        validate_inputs([an_input(kind, **fields)], {"x": given})

    assert refused.value.problems == (message,)


def test_all_problems_are_told_at_once() -> None:
    variables = [
        an_input("number", variable="a", required=True),
        an_input("text-input", variable="b"),
    ]

    with pytest.raises(InvalidInputs) as refused:
        validate_inputs(variables, {"b": 1})

    assert len(refused.value.problems) == 2


def test_an_absent_optional_input_has_its_default_or_null() -> None:
    variables = [
        an_input("number", variable="a", default="4"),
        an_input("text-input", variable="b"),
    ]

    assert validate_inputs(variables, {}) == {"a": 4, "b": None}


def test_inputs_that_nobody_declared_are_dropped() -> None:
    assert validate_inputs([an_input("number")], {"x": 1, "y": 2}) == {"x": 1}
