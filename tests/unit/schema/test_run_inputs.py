"""Dify's rules for the inputs of a run (dify-nodes 8.1, 7.3)."""

from typing import Any

import pytest

from schema.errors import InvalidInputs
from schema.nodes.start import InputVariable
from schema.run_inputs import build_file, validate_inputs
from schema.values.files import FileType, TransferMethod


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


def test_a_remote_file_is_described_by_its_url() -> None:
    file = build_file({"transfer_method": "remote_url", "url": "https://a.test/p/%C3%A9.PDF?x=1"})

    assert (file.filename, file.extension, file.mime_type) == ("é.PDF", ".PDF", "application/pdf")
    assert (file.type, file.transfer_method) == (FileType.DOCUMENT, TransferMethod.REMOTE_URL)


def test_a_stored_file_keeps_its_reference() -> None:
    file = build_file({"type": "image", "transfer_method": "local_file", "upload_file_id": "u1"})

    assert (file.related_id, file.type) == ("u1", FileType.IMAGE)


def test_a_datasource_file_becomes_a_tool_file() -> None:
    file = build_file({"transfer_method": "datasource_file", "datasource_file_id": "d1"})

    assert file.transfer_method is TransferMethod.TOOL_FILE


@pytest.mark.parametrize(
    ("mapping", "fits"),
    [
        ({"transfer_method": "remote_url", "url": "https://a.test/a.png"}, True),
        ({"transfer_method": "remote_url", "url": "https://a.test/a.xyz"}, True),
        ({"transfer_method": "remote_url", "url": "https://a.test/a.pdf"}, False),
        ({"transfer_method": "local_file", "upload_file_id": "u", "type": "image"}, False),
        ({"transfer_method": "tool_file", "tool_file_id": "t", "type": "document"}, True),
    ],
)
def test_a_file_must_be_of_an_allowed_type_extension_and_method(
    mapping: dict[str, Any], fits: bool
) -> None:
    variable = an_input(
        "file",
        allowed_file_types=["image", "custom"],
        allowed_file_extensions=["XYZ"],
        allowed_file_upload_methods=["remote_url"],
    )

    if fits:
        assert validate_inputs([variable], {"x": mapping})["x"] is not None
    else:
        with pytest.raises(InvalidInputs, match="File validation failed"):
            validate_inputs([variable], {"x": mapping})
