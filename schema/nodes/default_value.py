"""Outputs that replace a failure: the author's list of defaults, converted and checked.

Rules and messages are those of dify-nodes 2.7. A bad default is an error of the definition even if
the error strategy does not use it, because Dify refuses such a node when it loads it.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

_ELEMENTS: Mapping[str, type | tuple[type, ...]] = {
    "array[string]": str,
    "array[number]": (int, float),
    "array[object]": dict,
}


def convert_defaults(entries: object) -> dict[str, Any]:
    """Turn `[{key, type, value}]` into values by key; the last of two equal keys wins.

    Raises:
        ValueError: If an entry is malformed or its value does not fit its type.

    Example:
        >>> convert_defaults([{"key": "n", "type": "number", "value": "1"}])
        {'n': 1.0}
    """
    if not isinstance(entries, list | tuple):
        raise ValueError("default_value must be a list of {key, type, value}")
    values = {}
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("key"), str):
            raise ValueError("an entry of default_value needs a key")
        values[entry["key"]] = _convert(entry.get("type"), entry.get("value"))
    return values


def _convert(kind: object, value: object) -> object:
    converter = _CONVERTERS.get(kind) if isinstance(kind, str) else None
    if converter is None:
        accepted = ", ".join(_CONVERTERS)
        raise ValueError(f"default_value has no type {kind!r}; accepted: {accepted}")
    return converter(value)


def _string(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError(f"Value must be string type for {value!r}")
    return value


def _number(value: object) -> object:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError as error:
            raise ValueError(f"Cannot convert to number: {value}") from error
    if not isinstance(value, int | float):
        raise ValueError(f"Value must be number type for {value!r}")
    return value


def _object(value: object) -> object:
    parsed = _parse_json(value)
    if not isinstance(parsed, dict):
        raise ValueError(f"Value must be object type for {value!r}")
    return parsed


def _array_of(kind: str) -> Callable[[object], object]:
    def convert(value: object) -> object:
        parsed = _parse_json(value)
        if not isinstance(parsed, list):
            raise ValueError(f"Value must be {kind} type for {value!r}")
        if not all(isinstance(element, _ELEMENTS[kind]) for element in parsed):
            raise ValueError(f"All elements must be {kind} for {value!r}")
        return parsed

    return convert


def _anything(value: object) -> object:
    return value


def _parse_json(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"Invalid JSON format for value: {value}") from error


_CONVERTERS: Mapping[str, Callable[[object], object]] = {
    "string": _string,
    "number": _number,
    "object": _object,
    **{kind: _array_of(kind) for kind in _ELEMENTS},
    "array[file]": _anything,
}
