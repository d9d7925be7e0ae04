import enum
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import CodeFailed, InvalidNodeInput
from schema.values.code_results import read_result, to_json

KEYS = st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
RESULTS = st.recursive(
    SCALARS,
    lambda items: (
        st.lists(items) | st.lists(items).map(tuple) | st.dictionaries(KEYS, items, max_size=5)
    ),
    max_leaves=20,
)


class Colour(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Loud(str):
    def __str__(self) -> str:
        return "no"


@given(RESULTS)
def test_a_result_is_what_reading_its_json_text_gives(value: Any) -> None:
    """But for texts in scientific notation, which have a test of their own."""
    expected = json.loads(json.dumps(value))

    assert to_json(json_like(value)) == json_like(expected)


def json_like(value: Any) -> Any:
    """Replace texts that look like numbers."""
    if isinstance(value, str) and ("e" in value.lower()):
        return "text"
    if isinstance(value, list | tuple):
        return [json_like(item) for item in value]
    if isinstance(value, dict):
        return {key: json_like(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1e+5", 100000.0),
        ("-1.5E-2", -0.015),
        ("1.e+1", 10.0),
        ("1e5", "1e5"),
        ("e+5", "e+5"),
        (" 1e+5", " 1e+5"),
        ("1e+5 ", "1e+5 "),
        ("1e+999", math.inf),
        ({"deep": [("2e+0",)]}, {"deep": [[2.0]]}),
    ],
    ids=repr,
)
def test_text_in_scientific_notation_becomes_a_number(value: Any, expected: Any) -> None:
    assert to_json(value) == expected


def test_subclasses_are_what_json_makes_of_them() -> None:
    found = to_json({"a": Colour.RED, "b": Level.HIGH, "c": Loud("yes"), Level.HIGH: True})

    assert found == {"a": "red", "b": 3, "c": "yes", "3": True}
    assert [type(item) for item in found.values()] == [str, int, str, bool]


def test_nan_stays_nan() -> None:
    assert math.isnan(to_json([math.nan])[0])


@pytest.mark.parametrize("kind", ["list", "str", "int", "NoneType", "bool", "float"])
def test_a_result_that_is_no_dict_is_named_by_its_type(kind: str) -> None:
    values = {"list": (1,), "str": "x", "int": 1, "NoneType": None, "bool": True, "float": 1.5}

    with pytest.raises(CodeFailed, match=f"^Result must be a dict, got {kind}$"):
        read_result(values[kind])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {1}}, "TypeError: Object of type set is not JSON serializable"),
        ({"a": b"x"}, "TypeError: Object of type bytes is not JSON serializable"),
        (
            {(1, 2): 1},
            "TypeError: keys must be str, int, float, bool or None, not tuple",
        ),
    ],
)
def test_what_json_cannot_say_fails_in_the_words_of_python(value: Any, message: str) -> None:
    with pytest.raises(TypeError) as of_python:
        json.dumps(value)
    with pytest.raises(CodeFailed) as caught:
        read_result(value)

    assert str(caught.value) == message == f"TypeError: {of_python.value}"
    assert caught.value.error_type == "CodeExecutionError"


def test_a_result_that_contains_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["me"] = value

    with pytest.raises(InvalidNodeInput):
        read_result(value)
