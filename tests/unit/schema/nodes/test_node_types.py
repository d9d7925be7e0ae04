"""What each node type reads from its data, and which variables it names."""

from typing import Any

import pytest
from pydantic import ValidationError

from schema.nodes import parse_node_data
from schema.nodes.answer import AnswerNodeData
from schema.nodes.end import EndNodeData, OutputType
from schema.nodes.foreign import ForeignNodeData
from schema.nodes.if_else import IfElseNodeData
from schema.nodes.start import InputType, StartNodeData
from schema.nodes.variable_aggregator import VariableAggregatorNodeData
from schema.selectors import Selector


def a_condition(*selector: str, value: Any = "x") -> dict[str, Any]:
    return {"variable_selector": selector, "comparison_operator": "is", "value": value}


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


def test_legacy_conditions_are_one_case_called_true() -> None:
    data = IfElseNodeData.model_validate(
        {"logical_operator": "or", "conditions": [a_condition("n", "x")]}
    )

    (case,) = data.effective_cases
    assert (case.case_id, case.logical_operator, len(case.conditions)) == ("true", "or", 1)
    assert data.handles == {"true", "false"}


def test_cases_count_more_than_legacy_conditions_and_none_at_all_is_else() -> None:
    conditions = [a_condition("n", "x")]
    data = IfElseNodeData.model_validate({"cases": [], "conditions": conditions})

    assert data.effective_cases == ()
    assert data.handles == {"false"}


def test_if_else_names_variables_of_conditions_and_of_what_they_compare_with() -> None:
    case = {
        "case_id": "true",
        "logical_operator": "and",
        "conditions": [a_condition("n", "x", value="{{#m.y#}}"), a_condition()],
    }

    assert Selector("n", "x") in IfElseNodeData.model_validate({"cases": [case]}).selectors()
    assert Selector("m", "y") in IfElseNodeData.model_validate({"cases": [case]}).selectors()


def test_case_needs_a_known_operator() -> None:
    case = {"case_id": "a", "logical_operator": "xor", "conditions": []}

    with pytest.raises(ValidationError):
        IfElseNodeData.model_validate({"cases": [case]})


def test_answer_names_its_placeholders() -> None:
    data = AnswerNodeData.model_validate({"answer": "a {{#n.x#}} b {{#sys.query#}}"})

    assert {Selector("n", "x"), Selector("sys", "query")} <= set(data.selectors())


def test_template_needs_its_fields() -> None:
    with pytest.raises(ValidationError):
        parse_node_data({"type": "template-transform", "template": "x"})


def test_aggregator_names_the_selectors_that_count() -> None:
    group = {"group_name": "G", "output_type": "any", "variables": [["b", "y"], []], "groupId": "1"}
    raw = {"output_type": "any", "variables": [["a", "x"]]}
    off = {"group_enabled": False, "groups": [group]}
    on = {"group_enabled": True, "groups": [group]}

    def names(**settings: object) -> list[str]:
        data = VariableAggregatorNodeData.model_validate({**raw, **settings})
        return [selector.node_id for selector in data.selectors()]

    assert names() == names(advanced_settings=None) == names(advanced_settings=off) == ["a"]
    assert names(advanced_settings=on) == ["b"]


def test_foreign_node_keeps_its_configuration_without_the_canvas() -> None:
    data = parse_node_data(
        {
            "type": "loop",
            "title": "L",
            "desc": "",
            "selected": False,
            "_x": 1,
            "start_node_id": "s",
            "loop_variables": None,
        }
    )

    assert isinstance(data, ForeignNodeData)
    assert (data.type, data.title) == ("loop", "L")
    assert data.config == {"start_node_id": "s", "loop_variables": None}
    assert list(data.selectors()) == []
