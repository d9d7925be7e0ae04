"""Comparison operators over plain values, as a table (dify-nodes 4.3).

Used by conditions, on variables and on attributes of files. Messages are Dify's.
"""

import operator as python_operator
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from schema.errors import ConditionFailed
from schema.values import integers
from schema.values.python_text import python_text
from schema.values.segments import Value

ComparisonOperator: TypeAlias = Literal[
    "contains",
    "not contains",
    "start with",
    "end with",
    "is",
    "is not",
    "empty",
    "not empty",
    "in",
    "not in",
    "all of",
    "=",
    "≠",
    ">",
    "<",
    "≥",
    "≤",
    "null",
    "not null",
    "exists",
    "not exists",
]


def compare(operator: ComparisonOperator, actual: Value, expected: Value) -> bool:
    """Apply one operator to plain values.

    Raises:
        ConditionFailed: With Dify's message, if the operator is not defined for them.

    Example:
        >>> compare("≥", 3, "2.5"), compare("contains", [1, 2.5], "1")
        (True, False)
    """
    return OPERATORS[operator](actual, expected)


def _contains(actual: Value, expected: Value) -> bool:
    if not actual:
        return False
    if isinstance(actual, str):
        return python_text(expected) in actual
    if isinstance(actual, list):
        return expected in actual
    raise ConditionFailed("Invalid actual value type: string or array")


def _starts_with(actual: Value, expected: Value) -> bool:
    return bool(actual) and _text(actual).startswith(_affix(expected, "startswith"))


def _ends_with(actual: Value, expected: Value) -> bool:
    return bool(actual) and _text(actual).endswith(_affix(expected, "endswith"))


def _text(actual: Value) -> str:
    if not isinstance(actual, str):
        raise ConditionFailed("Invalid actual value type: string")
    return actual


def _affix(expected: Value, method: str) -> str:
    if not isinstance(expected, str):
        raise ConditionFailed(f"Expected value must be a string for {method}")
    return expected


def _is(actual: Value, expected: Value) -> bool:
    return actual is not None and bool(_identifiable(actual) == expected)


def _is_not(actual: Value, expected: Value) -> bool:
    return actual is not None and bool(_identifiable(actual) != expected)


def _identifiable(actual: Value) -> str | bool:
    if not isinstance(actual, str | bool):
        raise ConditionFailed("Invalid actual value type: string or boolean")
    return actual


def _equal(actual: Value, expected: Value) -> bool:
    return actual is not None and bool(actual == _like(actual, expected))


def _not_equal(actual: Value, expected: Value) -> bool:
    return actual is not None and bool(actual != _like(actual, expected))


def _like(actual: Value, expected: Value) -> bool | int | float:
    """Convert what is expected to the type of the actual number or boolean."""
    if isinstance(actual, bool):
        return bool(expected)
    if not isinstance(actual, int | float):
        raise ConditionFailed("Invalid actual value type: number or boolean")
    convert = integers.parse if isinstance(actual, int) else float
    if isinstance(expected, bool):
        return int(expected)
    if not isinstance(expected, str):
        raise ConditionFailed(f"Cannot convert {type(expected)} to {type(actual).__name__}")
    try:
        return convert(expected)
    except ValueError as error:
        raise ConditionFailed(str(error)) from error


def _ordering(decide: Callable[[float, float], bool]) -> Callable[[Value, Value], bool]:
    def is_ordered(actual: Value, expected: Value) -> bool:
        if actual is None:
            return False
        if not isinstance(actual, int | float):
            raise ConditionFailed("Invalid actual value type: number")
        # Python compares an integer with a float exactly, as Dify does by converting one of them.
        return decide(actual, _number(expected))

    return is_ordered


def _number(expected: Value) -> float:
    if isinstance(expected, int | float):
        return expected
    if not isinstance(expected, str):
        raise ConditionFailed(f"Cannot convert {type(expected)} to number")
    try:
        return float(expected)
    except ValueError as error:
        raise ConditionFailed(f"Cannot convert '{expected}' to number") from error


def _in(actual: Value, expected: Value) -> bool:
    return bool(actual) and actual in _array(expected)


def _not_in(actual: Value, expected: Value) -> bool:
    return not actual or actual not in _array(expected)


def _array(expected: Value) -> list[Value]:
    if not isinstance(expected, list):
        raise ConditionFailed("Invalid expected value type: array")
    return expected


def _all_of(actual: Value, expected: Value) -> bool:
    if not actual:
        return False
    if isinstance(expected, list):
        if all(isinstance(item, str) for item in expected):
            return isinstance(actual, list | str) and all(item in actual for item in expected)
        if all(isinstance(item, bool) for item in expected):
            return isinstance(actual, list) and all(item in actual for item in expected)
    raise ConditionFailed("all of operator expects homogeneous list of strings or booleans")


OPERATORS: Mapping[ComparisonOperator, Callable[[Any, Any], bool]] = {
    "contains": _contains,
    "not contains": lambda actual, expected: not _contains(actual, expected),
    "start with": _starts_with,
    "end with": _ends_with,
    "is": _is,
    "is not": _is_not,
    "empty": lambda actual, expected: not actual,
    "not empty": lambda actual, expected: bool(actual),
    "in": _in,
    "not in": _not_in,
    "all of": _all_of,
    "=": _equal,
    "≠": _not_equal,
    ">": _ordering(python_operator.gt),
    "<": _ordering(python_operator.lt),
    "≥": _ordering(python_operator.ge),
    "≤": _ordering(python_operator.le),
    "null": lambda actual, expected: actual is None,
    "not null": lambda actual, expected: actual is not None,
    "exists": lambda actual, expected: actual is not None,
    "not exists": lambda actual, expected: actual is None,
}
"""Operator to its meaning for (actual, expected)."""
