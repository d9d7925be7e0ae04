"""Facts, run inputs, values and outcomes as text columns, through the one encoder of values."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter
from pydantic_core import to_jsonable_python

from schema.db.event_log.records import Outcome
from schema.facts import Fact, NodeFailed, NodeFinished
from schema.runs import RunInput
from schema.values.encoding import TAG, decode, encode
from schema.values.json_text import JsonWriter

_MODEL_TEXT = JsonWriter(ascii_only=True, separators=(",", ":"), default=to_jsonable_python)
"""The encoder of values that also writes what only our own models have (durations)."""
_ARTIFACT_MARK = f'"{TAG}":"artifact"'


def write_model(model: BaseModel) -> str:
    """Write a model whose values are in wire form; a field that is null is left out."""
    return _MODEL_TEXT.write(model.model_dump(exclude_none=True))


def read_fact(text: str) -> Fact:
    """Read a fact that `write_model` wrote."""
    fact: Fact = _facts().validate_python(decode(text))
    return fact


def read_run_input(text: str) -> RunInput:
    """Read a run's input that `write_model` wrote."""
    return RunInput.model_validate(decode(text))


def write_value(value: Any) -> str | None:
    """Write a value in wire form; null stays null."""
    return None if value is None else encode(value)


def read_value(text: str | None) -> Any:
    """Read what `write_value` wrote."""
    return None if text is None else decode(text)


def write_outcome(outcome: Outcome) -> str:
    """Write an outcome."""
    return encode({"fact": outcome.fact.model_dump(), "output": outcome.output})


def read_outcome(text: str) -> Outcome:
    """Read an outcome."""
    stored = decode(text)
    fact = _facts().validate_python(stored["fact"])
    assert isinstance(fact, NodeFinished | NodeFailed)
    return Outcome(fact=fact, output=stored["output"])


def artifacts_named_in(text: str | None) -> set[str]:
    """Find the digests of the artifacts that an encoded text refers to.

    Example:
        >>> artifacts_named_in('{"a":{"$holdfast":"artifact","sha256":"9f86d0"}}')
        {'9f86d0'}
    """
    if text is None or _ARTIFACT_MARK not in text:
        return set()
    found: set[str] = set()
    rest: list[Any] = [decode(text)]
    while rest:
        value = rest.pop()
        if isinstance(value, Mapping):
            if value.get(TAG) == "artifact" and isinstance(value.get("sha256"), str):
                found.add(value["sha256"])
            elif value.get(TAG) == "sealed" and isinstance(value.get("text"), str):
                rest.append(decode(value["text"]))
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
    return found


@cache
def _facts() -> TypeAdapter[Any]:
    return TypeAdapter(Fact)
