import pytest
from pydantic import ValidationError

from schema.nodes.start import InputType, StartNodeData


def test_start_input_has_defaults_for_null_fields() -> None:
    fields = dict.fromkeys(("options", "hint", "max_length", "json_schema", "allowed_file_types"))
    data = StartNodeData.model_validate(
        {"variables": [{"variable": "x", "label": "", "type": "select", **fields}]}
    )

    (variable,) = data.variables
    assert (variable.type, variable.required, variable.options) == (InputType.SELECT, False, ())
    assert variable.max_length is None


@pytest.mark.parametrize(
    ("schema", "expected"),
    [(None, None), ("  ", None), ('{"a": 1}', {"a": 1}), ({"a": 1}, {"a": 1})],
)
def test_schema_of_an_input_is_an_object_or_its_text(schema: object, expected: object) -> None:
    variable = {"variable": "x", "label": "x", "type": "json_object", "json_schema": schema}

    (read,) = StartNodeData.model_validate({"variables": [variable]}).variables
    assert read.json_schema == expected


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("{", "json_schema is not valid JSON"),
        ("[]", "json_schema must be a JSON object, got list"),
        ([1], "json_schema must be a JSON object, got list"),
        ("[" * 100_000, "json_schema"),
    ],
)
def test_schema_that_is_no_object_is_refused(schema: object, message: str) -> None:
    variable = {"variable": "x", "label": "x", "type": "json_object", "json_schema": schema}

    with pytest.raises(ValidationError, match=message):
        StartNodeData.model_validate({"variables": [variable]})
