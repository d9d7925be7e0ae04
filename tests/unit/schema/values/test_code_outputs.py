"""Vectors of dify-nodes 11.7 and rules of 5.6, under Dify's own limits."""

from typing import Any

import pytest

from schema.errors import CodeFailed
from schema.limits import LimitsProfile, ResultLimits
from schema.values.code_outputs import OUTPUT_TYPES, OutputLimits, check_outputs

DIFY = ResultLimits.of(LimitsProfile.DIFY).code
GENEROUS = ResultLimits.of(LimitsProfile.GENEROUS).code
INVALID, NODE, DEEP = "OutputValidationError", "CodeNodeError", "DepthLimitError"


def declared(**types: str | dict[str, Any]) -> dict[str, Any]:
    """Write declarations: a type, or an object with these children."""
    return {
        name: {"type": kind, "children": None}
        if isinstance(kind, str)
        else {"type": kind.get("type", "object"), "children": declared(**kind["children"])}
        for name, kind in types.items()
    }


def check(value: Any, kind: Any, limits: OutputLimits = DIFY) -> Any:
    return check_outputs({"a": value}, declared(a=kind), limits)["a"]


def failure(
    result: dict[str, Any], outputs: dict[str, Any], limits: OutputLimits = DIFY
) -> tuple[str, str]:
    with pytest.raises(CodeFailed) as caught:
        check_outputs(result, outputs, limits)
    return caught.value.error_type, str(caught.value)


def nested(levels: int) -> dict[str, Any]:
    """Objects in each other, the innermost empty."""
    value: dict[str, Any] = {}
    for name in reversed("abcdefgh"[: levels - 1]):
        value = {name: value}
    return value


@pytest.mark.parametrize("kind", OUTPUT_TYPES)
def test_null_fits_every_type(kind: str) -> None:
    assert check(None, kind) is None


@pytest.mark.parametrize(
    ("kind", "value", "checked"),
    [
        ("number", True, 1),
        ("number", 2.5, 2.5),
        ("number", 9223372036854775807, 9223372036854775807),
        ("number", -9223372036854775807, -9223372036854775807),
        ("boolean", "x", "x"),
        ("string", "x\0y", "xy"),
        ("string", "x" * 400_000, "x" * 400_000),
        ("array[string]", ["x", None], ["x", None]),
        ("array[string]", ["x\0"] * 30, ["x"] * 30),
        ("array[number]", [1, 2.5, True], [1, 2.5, 1]),
        ("array[number]", [10**30], [10**30]),
        ("array[number]", [0] * 1000, [0] * 1000),
        ("array[boolean]", [True, None], [True, None]),
        ("array[boolean]", [True] * 2000, [True] * 2000),
        ("array[object]", [{"x": 1}, None], [{"x": 1}, None]),
        ("object", {"y": [None, "x", 1]}, {"y": [None, "x", 1]}),
        ("object", {"y": [1, 2.5, True, None], "z": {}}, {"y": [1, 2.5, True, None], "z": {}}),
        ("object", {"y": []}, {"y": []}),
    ],
    ids=repr,
)
def test_a_value_of_its_type_is_accepted(kind: str, value: Any, checked: Any) -> None:
    found = check(value, kind)

    assert found == checked
    assert type(found) is type(checked)


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("string", 1, "Output variable `a` must be a string"),
        (
            "string",
            "x" * 400_001,
            "The length of output variable `a` must be less than 400000 characters",
        ),
        ("number", "1", "Output variable `a` must be a number"),
        (
            "number",
            9223372036854775808,
            "Output variable `a` is out of range, it must be between -9223372036854775807 and "
            "9223372036854775807.",
        ),
        (
            "number",
            1e-25,
            "Output variable `a` has too high precision, it must be less than 20 digits.",
        ),
        ("object", [1], "Output a is not an object, got <class 'list'> instead."),
        ("array[number]", 1, "Output a is not an array, got <class 'int'> instead."),
        (
            "array[number]",
            [1, None],
            "The element at index 1 of output variable `a` must be a number.",
        ),
        (
            "array[number]",
            [0] * 1001,
            "The length of output variable `a` must be less than 1000 elements.",
        ),
        ("array[string]", {}, "Output a is not an array, got <class 'dict'> instead."),
        ("array[string]", ["x", 1], "Output variable `a[1]` must be a string"),
        (
            "array[string]",
            ["x"] * 31,
            "The length of output variable `a` must be less than 30 elements.",
        ),
        (
            "array[object]",
            [{}] * 31,
            "The length of output variable `a` must be less than 30 elements.",
        ),
        (
            "array[object]",
            [{}, 1],
            "Output a[1] is not an object, got <class 'int'> instead at index 1.",
        ),
        ("array[boolean]", [1], "Output a[0] is not a boolean, got <class 'int'> instead."),
        (
            "object",
            {"x": 1, "y": [1, "a"]},
            "Output a.y is not a valid array. make sure all elements are of the same type.",
        ),
        (
            "object",
            {"x": {"y": [{"n": ["s", 1]}]}},
            "Output a.x.y[0].n is not a valid array. make sure all elements are of the same type.",
        ),
    ],
    ids=repr,
)
def test_a_value_of_another_type_is_named(kind: str, value: Any, message: str) -> None:
    assert failure({"a": value}, declared(a=kind)) == (INVALID, message)


def test_a_list_of_lists_in_an_undeclared_place_fails_as_dify_crashes() -> None:
    result = {"a": {"m": [[1], [2]]}}

    error_type, message = failure(result, declared(a="object"))

    assert error_type == "WorkflowNodeError"
    assert message == "'list' object has no attribute 'items'"


def test_a_missing_output_is_named_by_its_path() -> None:
    outputs = declared(
        obj={"children": {"list": {"type": "array[object]", "children": {"n": "string"}}}}
    )

    assert failure({}, outputs) == (INVALID, "Output obj is missing.")
    assert failure({"obj": {"list": [{"n": "x"}, {}]}}, outputs) == (
        INVALID,
        "Output obj.list[1].n is missing.",
    )


@pytest.mark.parametrize(
    ("outputs", "result"),
    [
        (declared(a="number"), {"a": 1, "b": 2}),
        (declared(a={"children": {"x": "number"}}), {"a": {"x": 1, "y": 2}}),
        ({}, {"a": 1}),
    ],
)
def test_more_than_was_declared_is_an_error(outputs: Any, result: Any) -> None:
    assert failure(result, outputs) == (NODE, "Not all output parameters are validated.")


def test_nothing_declared_takes_nothing() -> None:
    assert check_outputs({}, {}, DIFY) == {}


def test_outputs_are_in_the_order_of_their_declaration() -> None:
    checked = check_outputs({"b": 1, "a": 2}, declared(a="number", b="number"), DIFY)

    assert list(checked) == ["a", "b"]


def test_objects_may_be_five_levels_deep() -> None:
    assert check(nested(4), "object") == nested(4)
    assert failure({"a": nested(5)}, declared(a="object")) == (
        DEEP,
        "Depth limit 5 reached, object too deep.",
    )


def test_generous_limits_let_large_values_pass() -> None:
    for kind, value in (
        ("string", "x" * 400_001),
        ("number", 10**400),
        ("number", 1e-25),
        ("array[string]", ["x"] * 31),
        ("array[number]", [0] * 1001),
        ("array[object]", [{}] * 31),
        ("object", nested(50)),
    ):
        assert check(value, kind, GENEROUS) == value


def test_generous_limits_keep_the_types() -> None:
    assert failure({"a": [1, None]}, declared(a="array[number]"), GENEROUS)[0] == INVALID
