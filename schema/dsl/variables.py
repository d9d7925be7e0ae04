"""Environment and conversation variables of a document (dify-nodes 3.9).

Values are checked against their declared types. Secrets never leave this module with a value.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from schema.errors import HoldfastError
from schema.findings import Finding, FindingCode, Severity, quote
from schema.plan import PlanVariable
from schema.values.encoding import encode, size_of, to_wire
from schema.values.segments import SegmentType

MAX_VARIABLE_BYTES = 200 * 1024
"""Dify's limit of one variable; counted here over its encoded text."""
VariableSource = Literal["environment", "conversation"]
_MODEL = "llm"
"""A newer type of environment variables, read only by nodes that call models."""
_NOT_HELD = frozenset({SegmentType.SECRET.value, _MODEL})
"""Types whose values this version cannot hold."""


@dataclass(frozen=True)
class DeclaredVariables:
    """The variables that could be read, in file order, and what was wrong with others."""

    variables: tuple[PlanVariable, ...]
    findings: tuple[Finding, ...]


def read_variables(
    entries: Iterable[object], source: VariableSource, used: frozenset[str]
) -> DeclaredVariables:
    """Read the declarations of one source; of two with the same name the later one counts.

    Args:
        entries: As the document has them.
        source: Whose they are.
        used: Names that some node reads: what cannot be held stops a run only if it is read.
    """
    found: dict[str, PlanVariable] = {}
    findings: list[Finding] = []
    for index, entry in enumerate(entries):
        field = f"workflow.{source}_variables.{index}"
        problem = _problem(entry)
        if problem is not None:
            findings.append(_invalid(field, problem))
            continue
        assert isinstance(entry, Mapping)
        name, value_type = entry["name"], entry["value_type"]
        if value_type in _NOT_HELD:
            findings.append(_not_held(field, name, value_type, name in used))
        if value_type != _MODEL:
            found[name] = _variable(entry)
    return DeclaredVariables(tuple(found.values()), tuple(findings))


def _problem(entry: object) -> str | None:
    """Say what is wrong with a declaration, None if it can be read."""
    if not isinstance(entry, Mapping):
        return "The variable is not a mapping."
    name, value_type = entry.get("name"), entry.get("value_type")
    if not isinstance(name, str) or not name:
        return "The variable has no name."
    if not isinstance(value_type, str) or not value_type:
        return f"The variable {quote(name)} has no type (value_type)."
    if value_type in _NOT_HELD:
        return None
    if value_type not in _CHECKS:
        accepted = ", ".join(_CHECKS)
        return f"The variable {quote(name)} has no type {quote(value_type)}; accepted: {accepted}."
    problem = _value_problem(value_type, entry.get("value"))
    return None if problem is None else f"The variable {quote(name)} {problem}."


def _value_problem(value_type: str, value: object) -> str | None:
    if value is None:
        return "has no value"
    if not _CHECKS[value_type](value):
        return f"has a value that is no {value_type}"
    try:
        size = size_of(encode(to_wire(value)))
    except HoldfastError as error:
        return f"has a value that cannot be held: {error}"
    return f"is larger than {MAX_VARIABLE_BYTES} bytes" if size > MAX_VARIABLE_BYTES else None


def _variable(entry: Mapping[str, Any]) -> PlanVariable:
    value = None if entry["value_type"] == SegmentType.SECRET else to_wire(entry["value"])
    if isinstance(value, bool) and entry["value_type"] in _NUMBERS:
        # Dify reads it as a number.
        value = int(value)
    identity = entry.get("id")
    return PlanVariable(
        id=identity if isinstance(identity, str) else "",
        name=entry["name"],
        value_type=entry["value_type"],
        value=value,
    )


def _invalid(field: str, problem: str) -> Finding:
    return Finding(
        code=FindingCode.INVALID_VARIABLE,
        severity=Severity.ERROR,
        field=field,
        message=problem,
    )


def _not_held(field: str, name: str, value_type: str, is_used: bool) -> Finding:
    is_secret = value_type == SegmentType.SECRET
    what = "is secret" if is_secret else "names a model"
    return Finding(
        code=FindingCode.SECRET_VARIABLE if is_secret else FindingCode.UNSUPPORTED_VARIABLE_TYPE,
        severity=Severity.ERROR if is_used else Severity.WARNING,
        field=field,
        message=f"The variable {quote(name)} {what}; this version cannot hold its value.",
        accepted="a string variable, for what need not be secret" if is_secret else "",
    )


def _is(*classes: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, classes)


def _is_list_of(*classes: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(v, classes) for v in value)


_NUMBERS = frozenset({"number", "integer", "float"})
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "string": _is(str),
    "number": _is(int, float),
    "integer": _is(int, float),
    "float": _is(int, float),
    "boolean": _is(bool),
    "object": _is(dict),
    "array[string]": _is_list_of(str),
    "array[number]": _is_list_of(int, float),
    "array[object]": _is_list_of(dict),
    "array[boolean]": _is_list_of(bool),
}
"""Declared type to whether a value fits it."""
