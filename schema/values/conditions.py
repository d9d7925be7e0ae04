"""Conditions of if-else cases and loop breaks (dify-nodes 4).

The shapes are read from documents as they are. What each operator means is in `comparisons.py`;
list operators filter by rules of their own.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from schema.errors import ConditionFailed
from schema.selectors import Selector
from schema.values.comparisons import ComparisonOperator, compare
from schema.values.files import FILE_ATTRIBUTES, File
from schema.values.json_text import parse_json
from schema.values.segments import Segment, SegmentType, Value, require_values
from schema.values.templates import Template
from schema.values.variables import Variables

LogicalOperator: TypeAlias = Literal["and", "or"]
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
    """One comparison of a variable.

    Example:
        >>> Condition.model_validate(
        ...     {"variable_selector": ["n", "x"], "comparison_operator": "≥", "value": "2"}
        ... ).selectors
        (Selector(node_id='n', name='x', path=()),)
    """

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


@dataclass(frozen=True, slots=True)
class GroupResult:
    """What the conditions of a group gave, up to the one that decided."""

    results: tuple[bool, ...]
    final: bool
    recorded_inputs: list[dict[str, Value]]
    """`actual_value`, `expected_value` and `comparison_operator` of each plain comparison."""


def evaluate_group(
    logical_operator: LogicalOperator, conditions: Iterable[Condition], variables: Variables
) -> GroupResult:
    """Evaluate conditions in order until one decides; none is true for `and`, false for `or`.

    Raises:
        ConditionFailed: With Dify's message, if a variable is missing or a comparison undefined.
        ValueBehindReference: If a value that must be compared is elsewhere.

    Example:
        >>> condition = Condition(
        ...     variable_selector=("n", "x"), comparison_operator="≥", value="2"
        ... )
        >>> variables = Variables({("n", "x"): Segment.infer(3)})
        >>> evaluate_group("and", [condition], variables).final
        True
    """
    deciding = logical_operator == "or"
    results: list[bool] = []
    recorded: list[dict[str, Value]] = []
    for condition in conditions:
        result, record = _evaluate(condition, variables)
        results.append(result)
        recorded.extend(record)
        if result is deciding:
            break
    final = _join(logical_operator, results)
    return GroupResult(tuple(results), final, recorded)


def _join(logical_operator: LogicalOperator, results: Sequence[bool]) -> bool:
    return all(results) if logical_operator == "and" else any(results)


def _evaluate(condition: Condition, variables: Variables) -> tuple[bool, list[dict[str, Value]]]:
    """Give the result, and the record of it if the operator has an expected value."""
    operator = condition.comparison_operator
    segment = variables.find_parts(condition.variable_selector)
    if segment is None:
        raise ConditionFailed(f"Variable {list(condition.variable_selector)} not found")
    if segment.type is SegmentType.ARRAY_FILE and operator in _ON_FILES:
        return _evaluate_on_files(condition.sub_variable_condition, segment), []
    if operator in _EXISTENCE:
        return compare(operator, segment.value, None), []
    actual = segment.raw
    expected = _expected_value(condition.value, segment.type, variables)
    if operator not in _NULLNESS:
        require_values(actual)
    record = {
        "actual_value": actual,
        "expected_value": expected,
        "comparison_operator": operator,
    }
    return compare(operator, actual, expected), [record]


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
