import pytest
from pydantic import ValidationError

from schema.nodes.end import EndNodeData, OutputType
from schema.selectors import Selector


def test_end_outputs_have_any_type_and_incomplete_selectors_find_nothing() -> None:
    data = EndNodeData.model_validate(
        {
            "outputs": [
                {"variable": "a", "value_selector": ["n", "o", "p"], "value_type": "Array[String]"},
                {"variable": "b", "value_selector": [17, "x"], "value_type": None},
                {"variable": "c", "value_selector": []},
            ]
        }
    )

    assert [o.value_type for o in data.outputs] == [
        OutputType.ARRAY_STRING,
        OutputType.ANY,
        OutputType.ANY,
    ]
    assert list(data.selectors()) == [Selector("n", "o", ("p",)), Selector("17", "x")]


def test_end_needs_outputs_of_known_types() -> None:
    for broken in ({}, {"outputs": None}, {"outputs": [{"variable": "a"}]}):
        with pytest.raises(ValidationError):
            EndNodeData.model_validate(broken)
    with pytest.raises(ValidationError):
        EndNodeData.model_validate(
            {"outputs": [{"variable": "a", "value_selector": ["n", "x"], "value_type": "date"}]}
        )
