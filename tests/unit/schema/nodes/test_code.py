import pytest
from pydantic import ValidationError

from schema.nodes import parse_node_data
from schema.nodes.code import CodeNodeData
from schema.selectors import Selector
from schema.values.code_outputs import OUTPUT_TYPES

WHOLE = {
    "type": "code",
    "code_language": "python3",
    "code": "def main(): return {}",
    "outputs": {"a": {"type": "object", "children": {"b": {"type": "number", "children": None}}}},
    "variables": [
        {"variable": "x", "value_selector": ["s", "q"], "value_type": "string"},
        {"variable": "y", "value_selector": []},
    ],
    "dependencies": [{"name": "jinja2", "version": ""}],
}


def test_code_is_read_with_its_outputs_and_variables() -> None:
    data = parse_node_data(WHOLE)

    assert isinstance(data, CodeNodeData)
    assert list(data.selectors()) == [Selector("s", "q")]
    assert data.declared() == {
        "a": {"type": "object", "children": {"b": {"type": "number", "children": None}}}
    }


def test_what_is_read_survives_a_plan_s_dump() -> None:
    data = parse_node_data(WHOLE)

    dumped = {"type": "code", **data.model_dump(mode="json", exclude_defaults=True)}
    assert parse_node_data(dumped) == data


@pytest.mark.parametrize("kind", OUTPUT_TYPES)
def test_every_output_type_of_dify_is_accepted(kind: str) -> None:
    parse_node_data({**WHOLE, "outputs": {"a": {"type": kind, "children": None}}})


@pytest.mark.parametrize(
    "change",
    [
        {"code_language": "ruby"},
        {"code": None},
        {"outputs": None},
        {"outputs": {"a": {"type": "file"}}},
        {"outputs": {"a": {"type": "object", "children": {"b": {"type": "any"}}}}},
        {"outputs": {"a": {}}},
    ],
    ids=str,
)
def test_what_dify_refuses_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        parse_node_data({**WHOLE, **change})


def test_the_list_of_variables_may_be_left_out() -> None:
    data = parse_node_data({key: value for key, value in WHOLE.items() if key != "variables"})

    assert list(data.selectors()) == []
