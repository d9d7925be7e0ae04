"""Facts, run inputs, values and outcomes as text columns, through the one encoder of values."""

import re
from collections.abc import Iterator, Mapping
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
_MARKS = tuple(f'"{TAG}":"{tag}"' for tag in ("artifact", "file", "sealed"))
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


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
    """Find the digests of the values and files in the artifact store that an encoded text names.

    Example:
        >>> artifacts_named_in('{"a":{"$holdfast":"artifact","sha256":"9f86d0"}}')
        {'9f86d0'}
    """
    if text is None or not any(mark in text for mark in _MARKS):
        return set()
    found: set[str] = set()
    rest: list[Any] = [decode(text)]
    while rest:
        value = rest.pop()
        if isinstance(value, Mapping):
            found.update(_digests_of(value))
            if value.get(TAG) == "sealed" and isinstance(value.get("text"), str):
                rest.append(decode(value["text"]))
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
    return found


def _digests_of(tagged: Mapping[str, Any]) -> Iterator[str]:
    """Give what one object of ours names, itself."""
    match tagged:
        case {"$holdfast": "artifact", "sha256": str() as digest}:
            yield digest
            yield from tagged.get("contents", ())
        case {"$holdfast": "file", "reference": str() as reference} if _DIGEST.match(reference):
            # Other references are ids of records: they name nothing in the store.
            yield reference


@cache
def _facts() -> TypeAdapter[Any]:
    return TypeAdapter(Fact)
