from collections.abc import Callable
from math import isfinite
from operator import eq, ge, gt, le, lt, ne
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schema.errors import ConditionFailed, InvalidNodeInput, ValueBehindReference
from schema.selectors import Selector
from schema.values.artifact_ref import ArtifactRef
from schema.values.comparisons import ComparisonOperator
from schema.values.conditions import Condition, GroupResult, evaluate_group
from schema.values.files import File, FileType, TransferMethod
from schema.values.segments import Segment, SegmentType
from schema.values.variables import Variables
from tests import strategies

EXAMPLES = settings(max_examples=150, deadline=None)
IMAGE = File(
    FileType.IMAGE,
    TransferMethod.REMOTE_URL,
    remote_url="http://a/i.png",
    filename="i.png",
    extension=".png",
    size=10,
)
PAPER = File(FileType.DOCUMENT, TransferMethod.LOCAL_FILE, reference="r", extension=".PDF", size=20)
BIG = ArtifactRef("ab", 70_000, "text/plain", "string", "Once")
MISSING = object()


def a_condition(operator: str, value: object = None, **more: Any) -> Condition:
    return Condition.model_validate(
        {"variable_selector": ["n", "x"], "comparison_operator": operator, "value": value, **more}
    )


def over(value: object, **others: object) -> Variables:
    """Variables with `n.x`, if a value is given for it, and others of node `n`."""
    values = others if value is MISSING else {"x": value, **others}
    return Variables({("n", name): Segment.infer(item) for name, item in values.items()})


def evaluate(value: object, operator: str, expected: object) -> bool:
    condition = a_condition(operator, expected)
    return evaluate_group("and", [condition], over(value)).final


VECTORS: list[tuple[object, str, object, bool]] = [
    (3, "=", "3", True),
    (3, "≥", "2.5", True),
    (2.5, "=", "2.5", True),
    (2.5, "=", "2", False),
    (0, "empty", None, True),
    (0, "not empty", None, False),
    (False, "empty", None, True),
    (None, "empty", None, True),
    (True, "is", "true", True),
    (True, "is", True, True),
    (True, "=", "false", False),
    (True, ">", "0", True),
    ("txt", "in", ["txt"], True),
    ([1, 2.5], "contains", "1", False),
    (["x", "中"], "contains", "x", True),
    ([{"a": 1}], "contains", "a", False),
    ([True, False], "contains", "true", True),
    (None, "is", "x", False),
    (None, "is not", "x", False),
    (None, "=", "1", False),
    (None, "≠", "1", False),
    (None, "exists", None, False),
    (None, "not exists", None, True),
    ([], "contains", "x", False),
    ([], "not contains", "x", True),
    ("txt", "contains", "", True),
    ("txt", "start with", "T", False),
    (["x"], "all of", ["x"], True),
    ("txt", "all of", ["t", "x"], True),
    ([1], "all of", ["1"], False),
    ("", "is", "", True),
    ("", "start with", "x", False),
    # A bare 1 in a document is a boolean.
    (3, "=", 1, False),
]


@pytest.mark.parametrize(
    ("value", "operator", "expected", "result"),
    [pytest.param(*vector, id=f"11.3-{vector[:3]}") for vector in VECTORS],
)
def test_condition_gives(value: object, operator: str, expected: object, result: bool) -> None:
    assert evaluate(value, operator, expected) is result


FAILURES: list[tuple[object, str, object, str]] = [
    (3, "=", "3.0", "invalid literal for int() with base 10: '3.0'"),
    (3, "=", "1.5", "invalid literal for int() with base 10: '1.5'"),
    (3, ">", "", "Cannot convert '' to number"),
    (3, "is", "3", "Invalid actual value type: string or boolean"),
    (True, "is", "True", "Expecting value: line 1 column 1 (char 0)"),
    ("txt", ">", "1", "Invalid actual value type: number"),
    ("txt", "in", "txt", "Invalid expected value type: array"),
    (MISSING, "not exists", None, "Variable ['n', 'x'] not found"),
    (MISSING, "empty", None, "Variable ['n', 'x'] not found"),
]
MORE_FAILURES: list[tuple[object, str, object, str]] = [
    (3, "=", "", "invalid literal for int() with base 10: ''"),
    (3, "=", "n.nope", "invalid literal for int() with base 10: 'n.nope'"),
    (3, "=", None, "Cannot convert <class 'NoneType'> to int"),
    (2.5, "≠", "x", "could not convert string to float: 'x'"),
    ("txt", "=", "1", "Invalid actual value type: number or boolean"),
    (3, "<", None, "Cannot convert <class 'NoneType'> to number"),
    (3, "contains", "3", "Invalid actual value type: string or array"),
    ({"a": 1}, "not contains", "a", "Invalid actual value type: string or array"),
    ([1], "start with", "1", "Invalid actual value type: string"),
    ("txt", "start with", None, "Expected value must be a string for startswith"),
    ("txt", "end with", ["t"], "Expected value must be a string for endswith"),
    ([1], "is not", "1", "Invalid actual value type: string or boolean"),
    ("txt", "not in", None, "Invalid expected value type: array"),
    ("txt", "all of", "t", "all of operator expects homogeneous list of strings or booleans"),
    (True, "is", '"x"', "unexpected value: type=<class 'str'>, value=\"x\""),
    (True, "empty", "", "Expecting value: line 1 column 1 (char 0)"),
    ([IMAGE], "contains", "x", "Sub variable is required"),
]


@pytest.mark.parametrize(
    ("value", "operator", "expected", "message"),
    [
        *[pytest.param(*vector, id=f"11.3-{vector[1:3]}") for vector in FAILURES],
        *[pytest.param(*vector, id=f"{vector[:3]}") for vector in MORE_FAILURES],
    ],
)
def test_condition_fails(value: object, operator: str, expected: object, message: str) -> None:
    with pytest.raises(ConditionFailed) as raised:
        evaluate(value, operator, expected)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(3, id="11.3-yaml-number"),
        pytest.param(1.5, id="yaml-fraction"),
        pytest.param({"a": 1}, id="object"),
        pytest.param(["x", 3], id="number-in-list"),
    ],
)
def test_number_in_a_document_is_a_load_error(value: object) -> None:
    with pytest.raises(ValidationError):
        a_condition("=", value)


@pytest.mark.parametrize("operator", ["==", ">=", "matches", "", "Contains"])
def test_unknown_operator_is_a_load_error(operator: str) -> None:
    with pytest.raises(ValidationError):
        a_condition(operator, "x")


def test_bare_zero_and_one_are_booleans() -> None:
    assert a_condition("is", 1).value is True
    assert a_condition("is", 0).value is False
    assert a_condition("is", "1").value == "1"


def test_condition_is_read_as_editors_write_it() -> None:
    condition = Condition.model_validate(
        {
            "id": "c1",
            "varType": "file",
            "variable_selector": ["sys", "files"],
            "comparison_operator": "contains",
            "value": "",
            "sub_variable_condition": {
                "case_id": "c2",
                "logical_operator": "and",
                "conditions": [
                    {
                        "id": "c3",
                        "key": "type",
                        "varType": "string",
                        "comparison_operator": "in",
                        "value": ["image"],
                    }
                ],
            },
        }
    )

    assert Condition.model_validate_json(condition.model_dump_json()) == condition
    assert condition.sub_variable_condition is not None
    assert condition.sub_variable_condition.conditions[0].value == ("image",)


@pytest.mark.parametrize(
    ("value", "operator", "expected", "result"),
    [
        ("Text", "contains", "text", False),
        ("a1", "contains", True, False),
        ("True", "contains", True, True),
        ("abc", "end with", "c", True),
        (3, "≤", "3.0", True),
        (3, "<", "3.5", True),
        (3.5, "<", "3", False),
        (10**400, ">", "1e300", True),
        (10**400, "=", "1" + "0" * 400, True),
        (2**53 + 1, "≤", str(2**53 + 1), False),
        (3, "<", "nan", False),
        (3, "<", "inf", True),
        (3, "=", " 3 ", True),
        (3, "≠", "4", True),
        (True, "≠", "0", True),
        (True, "≥", "1", True),
        ("", "in", ["x"], False),
        ("", "not in", ["x"], True),
        ("y", "not in", ["x"], True),
        (True, "is", None, False),
        (True, "in", ["true", "false"], True),
        ([True], "all of", [True], True),
        ([True], "all of", ["true"], True),
        ([True], "all of", [False], False),
        (["x"], "all of", [], True),
        ({"a": 1}, "all of", ["a"], False),
        ([], "empty", None, True),
        ({}, "not empty", None, False),
        ("x", "null", None, False),
        (None, "null", None, True),
        (IMAGE, "exists", None, True),
        (IMAGE, "not exists", None, False),
    ],
)
def test_operators_decide(value: object, operator: str, expected: object, result: bool) -> None:
    assert evaluate(value, operator, expected) is result


def test_expected_text_is_a_template() -> None:
    condition = a_condition("=", "{{#n.limit#}}")

    result = evaluate_group("and", [condition], over(3, limit=3))

    assert result.final
    assert condition.selectors == (Selector("n", "x"), Selector("n", "limit"))


def test_items_of_expected_lists_are_literal() -> None:
    condition = a_condition("in", ["{{#n.limit#}}"])

    assert not evaluate_group("and", [condition], over("3", limit="3")).final


def test_attribute_of_a_file_is_compared() -> None:
    condition = a_condition("in", ["image"], variable_selector=["n", "x", "type"])

    assert evaluate_group("and", [condition], over(IMAGE)).final


def test_evaluated_comparisons_are_recorded_as_plain_values() -> None:
    conditions = [
        a_condition("not empty"),
        a_condition("exists"),
        a_condition("contains", "{{#n.other#}}"),
        a_condition("all of", ["q"]),
        a_condition("is", "never evaluated"),
    ]

    result = evaluate_group("and", conditions, over([Segment.infer("p")], other="p"))

    assert result == GroupResult(
        (True, True, True, False),
        False,
        [
            {"actual_value": ["p"], "expected_value": None, "comparison_operator": "not empty"},
            {"actual_value": ["p"], "expected_value": "p", "comparison_operator": "contains"},
            {"actual_value": ["p"], "expected_value": ["q"], "comparison_operator": "all of"},
        ],
    )


@pytest.mark.parametrize(
    ("logical_operator", "results", "final"), [("and", (), True), ("or", (), False)]
)
def test_group_without_conditions(
    logical_operator: Any, results: tuple[bool, ...], final: bool
) -> None:
    assert evaluate_group(logical_operator, [], over(1)) == GroupResult(results, final, [])


@EXAMPLES
@given(st.sampled_from(["and", "or"]), st.lists(st.booleans(), max_size=6))
def test_evaluation_stops_at_the_condition_that_decides(
    logical_operator: Any, outcomes: list[bool]
) -> None:
    variables = Variables({("n", str(i)): Segment.infer(v) for i, v in enumerate(outcomes)})
    conditions = [
        a_condition("is", True, variable_selector=["n", str(index)])
        for index in range(len(outcomes))
    ]
    missing = a_condition("exists", variable_selector=["n", "missing"])
    deciding = logical_operator == "or"

    if deciding in outcomes:
        result = evaluate_group(logical_operator, [*conditions, missing], variables)
        assert result.results == tuple(outcomes[: outcomes.index(deciding) + 1])
        assert result.final is deciding
    else:
        with pytest.raises(ConditionFailed, match="not found"):
            evaluate_group(logical_operator, [*conditions, missing], variables)


expected_values = st.one_of(
    st.none(),
    st.booleans(),
    strategies.texts,
    st.integers().map(str),
    st.floats().map(str),
    st.lists(strategies.texts, max_size=3),
    st.lists(st.booleans(), max_size=3),
)


def verdict(value: object, operator: str, expected: object) -> bool | str:
    """What a condition gives, or why it fails."""
    try:
        return evaluate(value, operator, expected)
    except ConditionFailed as error:
        return str(error)


@EXAMPLES
@given(strategies.json_values, st.sampled_from(get_args(ComparisonOperator)), expected_values)
def test_every_condition_is_true_or_false_or_fails_with_a_reason(
    value: object, operator: str, expected: object
) -> None:
    result = verdict(value, operator, expected)

    assert isinstance(result, bool) or result


@EXAMPLES
@given(
    strategies.json_values,
    st.sampled_from(["contains", "in", "empty", "null", "exists", "is", "="]),
    expected_values,
)
def test_the_opposite_is_true_exactly_where_an_operator_is_false(
    value: object, operator: str, expected: object
) -> None:
    opposite = {"is": "is not", "=": "≠"}.get(operator, f"not {operator}")

    one, other = verdict(value, operator, expected), verdict(value, opposite, expected)

    if value is None and operator in ("is", "="):
        assert (one, other) == (False, False)  # 11.3: null is neither
    elif isinstance(one, bool):
        assert other is not one
    else:
        assert other == one


@EXAMPLES
@given(
    st.integers() | st.floats(allow_nan=False),
    st.integers() | st.floats(allow_nan=False),
    st.sampled_from([(">", gt), ("<", lt), ("≥", ge), ("≤", le), ("=", eq), ("≠", ne)]),
)
def test_numbers_compare_as_they_do_in_python(
    value: float, expected: float, operator: tuple[str, Callable[[float, float], bool]]
) -> None:
    symbol, compare = operator
    if symbol in ("=", "≠") and isinstance(value, int):
        expected = int(expected) if isfinite(expected) else 0  # others fail: vectors 11.3
        assert evaluate(value, symbol, str(expected)) is compare(value, expected)
    else:
        # What stands in a document is read as a float, whatever its digits say (dify-nodes 4.3).
        assert evaluate(value, symbol, str(expected)) is compare(value, float(str(expected)))


def on_files(
    files: list[File], key: str, operator: str, value: object, *, outer: str = "contains"
) -> bool:
    condition = a_condition(
        outer,
        "",
        sub_variable_condition={
            "logical_operator": "and",
            "conditions": [{"key": key, "comparison_operator": operator, "value": value}],
        },
    )
    files_variable = Segment(SegmentType.ARRAY_FILE, files)
    return evaluate_group("and", [condition], Variables({("n", "x"): files_variable})).final


@pytest.mark.parametrize(
    ("key", "operator", "value", "result"),
    [
        ("type", "in", ["image"], True),
        ("type", "in", ["video"], False),
        ("type", "not in", ["image"], False),
        ("type", "not in", ["video"], True),
        ("size", "≥", "20", True),
        ("size", "≥", "21", False),
        ("name", "contains", "i", True),
        ("name", "not contains", "i", False),
        ("name", "not exists", None, False),
        ("name", "exists", None, True),
        ("extension", "is", "png", True),
        ("extension", "is", ".png", True),
        ("extension", "is", "pdf", False),
        ("transfer_method", "is", "local_file", True),
        ("related_id", "null", None, True),
    ],
)
@pytest.mark.parametrize("outer", ["contains", "not contains", "all of"])
def test_sub_condition_asks_any_file_or_with_not_all_files(
    outer: str, key: str, operator: str, value: object, result: bool
) -> None:
    assert on_files([IMAGE, PAPER], key, operator, value, outer=outer) is result


@pytest.mark.parametrize(("operator", "result"), [("is", False), ("is not", True)])
def test_sub_condition_without_files(operator: str, result: bool) -> None:
    assert on_files([], "type", operator, "image") is result


def test_sub_condition_value_is_literal() -> None:
    assert not on_files([IMAGE], "type", "is", "{{#n.x#}}")


def test_sub_conditions_are_joined_by_their_own_operator() -> None:
    conditions = [
        {"key": "type", "comparison_operator": "is", "value": "image"},
        {"key": "type", "comparison_operator": "is", "value": "video"},
    ]

    def final(logical_operator: str) -> bool:
        sub = {"logical_operator": logical_operator, "conditions": conditions}
        condition = a_condition("contains", "", sub_variable_condition=sub)
        return evaluate_group("and", [condition], over([IMAGE])).final

    assert (final("or"), final("and")) == (True, False)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("path", "x", "'path' is not a valid FileAttribute"),
        ("extension", ["png"], "Expected value must be a string when key is FileAttribute"),
        ("size", "x", "Cannot convert 'x' to number"),
    ],
)
def test_sub_condition_fails(key: str, value: object, message: str) -> None:
    with pytest.raises(ConditionFailed, match=message):
        on_files([IMAGE], key, ">", value)


def test_url_of_a_file_without_one_fails_the_comparison() -> None:
    with pytest.raises(InvalidNodeInput, match="has no URL"):
        on_files([PAPER], "url", "not empty", None)


@pytest.mark.parametrize("value", [BIG, [BIG], [{"a": BIG}]])
def test_inv_15_a_stored_value_is_never_compared_by_its_reference(value: object) -> None:
    for operator in ("contains", "empty", "is not", "in"):
        with pytest.raises(ValueBehindReference):
            evaluate(value, operator, ["x"])


def test_existence_of_a_stored_value_is_known() -> None:
    assert evaluate(BIG, "exists", None)
    assert evaluate(BIG, "not null", None)
