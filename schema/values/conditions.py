"""Conditions of if-else cases and loop breaks (dify-nodes 4).

The shapes are read from documents as they are; evaluation is a table of functions over plain
values. List operators filter by rules of their own.
"""

import json
import operator as python_operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from schema.errors import ConditionFailed
from schema.selectors import Selector
from schema.values import integers
from schema.values.files import FILE_ATTRIBUTES, File
from schema.values.json_text import parse_json
from schema.values.segments import Segment, SegmentType, Value, python_text, require_values
from schema.values.templates import Template
from schema.values.variables import Variables

LogicalOperator: TypeAlias = Literal["and", "or"]
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
Expected: TypeAlias = str | tuple[str, ...] | tuple[bool, ...] | bool | None
"""Numbers are written as strings; a bare 0 or 1 is read as a boolean, any other number refused."""


class SubCondition(BaseModel):
    """A comparison of one attribute of every file of a list."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str
    """A file attribute; checked when it is evaluated, as Dify does."""
    comparison_operator: ComparisonOperator
    value: Expected = None
    """Taken literally: no template."""


class SubVariableCondition(BaseModel):
    """Conditions on the files of an `array[file]`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    logical_operator: LogicalOperator = "and"
    conditions: tuple[SubCondition, ...] = ()


class Condition(BaseModel):
    """One comparison of a variable."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    variable_selector: tuple[str, ...]
    comparison_operator: ComparisonOperator
    value: Expected = None
    """A string is a template; the items of a list are literal."""
    sub_variable_condition: SubVariableCondition | None = None

    @property
    def selectors(self) -> tuple[Selector, ...]:
        """What evaluating looks up: the variable, and what the expected value's template names."""
        own = (Selector.parse(self.variable_selector),) if len(self.variable_selector) > 1 else ()
        expected = Template.parse(self.value).lookups if isinstance(self.value, str) else ()
        return own + expected


class ConditionGroup(BaseModel):
    """Conditions joined by one operator."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    logical_operator: LogicalOperator = "and"
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What the conditions of a group gave, up to the one that decided."""

    results: tuple[bool, ...]
    final: bool
    recorded_inputs: tuple[Mapping[str, Value], ...]
    """`actual_value`, `expected_value` and `comparison_operator` of each plain comparison."""


def evaluate_group(
    logical_operator: LogicalOperator, conditions: Iterable[Condition], variables: Variables
) -> GroupResult:
    """Evaluate conditions in order until one decides; none is true for `and`, false for `or`.

    Raises:
        ConditionFailed: With Dify's message, if a variable is missing or a comparison undefined.
        ValueBehindReference: If a value that must be compared is elsewhere.
    """
    deciding = logical_operator == "or"
    results: list[bool] = []
    recorded: list[Mapping[str, Value]] = []
    for condition in conditions:
        result, record = _evaluate(condition, variables)
        results.append(result)
        recorded.extend(record)
        if result is deciding:
            break
    final = _join(logical_operator, results)
    return GroupResult(tuple(results), final, tuple(recorded))


def compare(operator: ComparisonOperator, actual: Value, expected: Value) -> bool:
    """Apply one operator to plain values.

    Raises:
        ConditionFailed: With Dify's message, if the operator is not defined for them.

    Example:
        >>> compare("≥", 3, "2.5"), compare("contains", [1, 2.5], "1")
        (True, False)
    """
    return OPERATORS[operator](actual, expected)


def _join(logical_operator: LogicalOperator, results: Sequence[bool]) -> bool:
    return all(results) if logical_operator == "and" else any(results)


def _evaluate(
    condition: Condition, variables: Variables
) -> tuple[bool, tuple[Mapping[str, Value], ...]]:
    operator = condition.comparison_operator
    segment = variables.find_parts(condition.variable_selector)
    if segment is None:
        raise ConditionFailed(f"Variable {list(condition.variable_selector)} not found")
    if segment.type is SegmentType.ARRAY_FILE and operator in _ON_FILES:
        return _evaluate_on_files(condition.sub_variable_condition, segment), ()
    if operator in _EXISTENCE:
        return compare(operator, segment.value, None), ()
    actual = segment.raw
    expected = _expected_value(condition.value, segment.type, variables)
    if operator not in _NULLNESS:
        require_values(actual)
    record = {
        "actual_value": actual,
        "expected_value": expected,
        "comparison_operator": operator,
    }
    return compare(operator, actual, expected), (record,)


_ON_FILES = frozenset({"contains", "not contains", "all of"})
"""Operators that evaluate sub-conditions on an `array[file]`, all three in the same way."""
_EXISTENCE = frozenset({"exists", "not exists"})
"""Operators without an expected value; they are not recorded."""
_NULLNESS = frozenset({"null", "not null"})
"""Operators that can be told from a reference: it always stands for a value that is not null."""


def _expected_value(expected: Expected, actual_type: SegmentType, variables: Variables) -> Value:
    value: Value = expected
    if isinstance(expected, str):
        value = Template.parse(expected).render(variables)
    elif isinstance(expected, tuple):
        value = list(expected)
    if value is None or actual_type not in (SegmentType.BOOLEAN, SegmentType.ARRAY_BOOLEAN):
        return value
    return [_as_boolean(item) for item in value] if isinstance(value, list) else _as_boolean(value)


def _as_boolean(value: str | bool) -> bool:
    """Read an expected value for a boolean: `true`, `1` and their like are JSON, `True` is not."""
    loaded: object = value
    if isinstance(value, str):
        try:
            loaded = parse_json(value)
        except json.JSONDecodeError as error:
            raise ConditionFailed(str(error)) from error
    if isinstance(loaded, int):
        return bool(loaded)
    raise ConditionFailed(f"unexpected value: type={type(value)}, value={value}")


def _evaluate_on_files(sub: SubVariableCondition | None, files: Segment) -> bool:
    if sub is None:
        raise ConditionFailed("Sub variable is required")
    require_values(files.value)
    results = [_evaluate_sub_condition(condition, files.value) for condition in sub.conditions]
    return _join(sub.logical_operator, results)


def _evaluate_sub_condition(condition: SubCondition, files: Sequence[File]) -> bool:
    """Compare an attribute: of all files if the operator's name says `not`, else of any."""
    if condition.key not in FILE_ATTRIBUTES:
        raise ConditionFailed(f"{condition.key!r} is not a valid FileAttribute")
    actual: list[Value] = [file.attribute(condition.key) for file in files]
    expected: Value = condition.value
    if isinstance(expected, tuple):
        expected = list(expected)
    if condition.key == "extension":
        if not isinstance(expected, str):
            raise ConditionFailed(
                "Expected value must be a string when key is FileAttribute.EXTENSION"
            )
        expected = _with_dot(expected)
        actual = [_with_dot(value) for value in actual]
    results = [compare(condition.comparison_operator, value, expected) for value in actual]
    return all(results) if "not" in condition.comparison_operator else any(results)


def _with_dot(extension: Value) -> Value:
    if isinstance(extension, str) and extension and not extension.startswith("."):
        return f".{extension}"
    return extension


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
