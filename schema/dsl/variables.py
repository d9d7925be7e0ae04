"""Environment and conversation variables of a document (dify-nodes 3.9).

Values are checked against their declared types. Secrets stand in no variable, only beside them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from schema.dsl.secret_literals import short_secret
from schema.errors import HoldfastError
from schema.findings import Finding, FindingCode, Severity, quote, shorten
from schema.plan import PlanVariable
from schema.values.encoding import encode, size_of, to_wire
from schema.values.secret_forms import MIN_SECRET_CHARACTERS
from schema.values.secret_ref import environment_secret
from schema.values.segments import SegmentType

MAX_VARIABLE_BYTES = 200 * 1024
"""Dify's limit of one variable; counted here over its encoded text."""
VariableSource = Literal["environment", "conversation"]
_MODEL = "llm"
"""A newer type of environment variables, read only by nodes that call models."""
_HIDDEN = frozenset({None, "", "[__HIDDEN__]"})
"""What an export has in the place of a secret that it does not tell (dify-nodes 1.4)."""


@dataclass(frozen=True)
class DeclaredVariables:
    """The variables that could be read, in file order, and what was wrong with others."""

    variables: tuple[PlanVariable, ...]
    findings: tuple[Finding, ...]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values of secret variables that the export tells, by the name of the secret."""


def read_variables(
    entries: Iterable[object], source: VariableSource, used: frozenset[str]
) -> DeclaredVariables:
    """Read the declarations of one source; of two with the same name the later one counts.

    Args:
        entries: As the document has them.
        source: Whose they are.
        used: Names that some node reads: what is missing matters only if it is read.
    """
    found: dict[str, PlanVariable] = {}
    secrets: dict[str, str] = {}
    findings: list[Finding] = []
    for index, entry in enumerate(entries):
        place = f"workflow.{source}_variables.{index}"
        problem = _problem(entry)
        if problem is not None:
            findings.append(_invalid(place, problem))
            continue
        assert isinstance(entry, Mapping)
        name, value_type = entry["name"], entry["value_type"]
        if value_type == _MODEL:
            findings.append(_not_held(place, name, name in used))
            continue
        if value_type == SegmentType.SECRET:
            findings += _secret_findings(place, name, entry.get("value"), name in used)
            if entry.get("value") not in _HIDDEN:
                secrets[environment_secret(name)] = entry["value"]
        found[name] = _variable(entry)
    return DeclaredVariables(tuple(found.values()), tuple(findings), secrets)


def _problem(entry: object) -> str | None:
    """Say what is wrong with a declaration, None if it can be read."""
    if not isinstance(entry, Mapping):
        return "The variable is not a mapping."
    name, value_type = entry.get("name"), entry.get("value_type")
    if not isinstance(name, str) or not name:
        return "The variable has no name."
    if not isinstance(value_type, str) or not value_type:
        return f"The variable {quote(name)} has no type (value_type)."
    if value_type == _MODEL:
        return None
    if value_type == SegmentType.SECRET and entry.get("value") is None:
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


def _invalid(place: str, problem: str) -> Finding:
    return Finding(
        code=FindingCode.INVALID_VARIABLE,
        severity=Severity.ERROR,
        field=place,
        message=problem,
    )


def _secret_findings(place: str, name: str, value: Any, is_used: bool) -> Iterator[Finding]:
    if value not in _HIDDEN:
        if len(value) < MIN_SECRET_CHARACTERS:
            yield short_secret(place, f"The variable {quote(name)}")
    elif is_used:
        yield Finding(
            code=FindingCode.SECRET_VARIABLE,
            severity=Severity.WARNING,
            field=place,
            message=f"The secret variable {quote(name)} has no value in the export; whoever starts "
            "a run gives it.",
            accepted=f"--env {shorten(name)}=@file, or the answer to a prompt",
        )


def _not_held(place: str, name: str, is_used: bool) -> Finding:
    return Finding(
        code=FindingCode.UNSUPPORTED_VARIABLE_TYPE,
        severity=Severity.ERROR if is_used else Severity.WARNING,
        field=place,
        message=f"The variable {quote(name)} names a model; this version cannot hold its value.",
    )


def _is(*classes: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, classes)


def _is_list_of(*classes: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(v, classes) for v in value)


_NUMBERS = frozenset({"number", "integer", "float"})
_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "string": _is(str),
    "secret": _is(str),
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
