from typing import Any

import pytest
from pydantic import ValidationError

from schema.nodes.if_else import IfElseNodeData
from schema.selectors import Selector


def a_condition(*selector: str, value: Any = "x") -> dict[str, Any]:
    return {"variable_selector": selector, "comparison_operator": "is", "value": value}


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
