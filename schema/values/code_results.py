"""What a code node's `main` returned, as JSON gives it to whoever reads it (dify-nodes 5.6).

Dify's runner prints the result as JSON and reads it back; these are the same rules without the
text in between, so that a large value is not copied. Runs in the sandbox's child; no pydantic.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from schema.errors import CodeFailed
from schema.values.trees import MAX_DEPTH, nested_too_deeply

Json: TypeAlias = Any

_SCIENTIFIC = re.compile(r"-?\d+\.?\d*e[+-]\d+$", re.IGNORECASE)
_LONGEST_SCIENTIFIC = 100_000
"""Digits; a longer text is no number that anyone wrote."""


def read_result(returned: object) -> dict[str, Json]:
    """Turn what `main` returned into an object of plain JSON.

    Raises:
        CodeFailed: If it is none.
        InvalidNodeInput: If it is nested too deeply.

    Example:
        >>> read_result({"a": (1, "1e+2"), 2: None})
        {'a': [1, 100.0], '2': None}
    """
    try:
        result = to_json(returned)
    except TypeError as error:
        raise CodeFailed(f"TypeError: {error}") from None
    if not isinstance(result, dict):
        raise not_a_dict(type(result).__name__)
    return result


def not_a_dict(kind: str) -> CodeFailed:
    """Build the error for a result of another kind, named as Python names it."""
    return CodeFailed(f"Result must be a dict, got {kind}")


def to_json(value: object, depth: int = 0) -> Json:
    """Bring a value into the form that reading its JSON text would give.

    Texts in scientific notation become numbers, as Dify does with every result.

    Raises:
        TypeError: With the words of `json.dumps`, if JSON has no such value.
        InvalidNodeInput: If it is nested too deeply, or contains itself.
    """
    convert = _CONVERSIONS.get(type(value))
    if convert is None:
        base = next((kind for kind in _CONVERSIONS if isinstance(value, kind)), None)
        if base is None:
            raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")
        convert = _CONVERSIONS[base]
    return convert(value, depth)


def _text(value: str, depth: int) -> Json:
    # A subclass may say anything when it is asked; its characters are what JSON would have.
    text = value if type(value) is str else str.__str__(value)
    if len(text) <= _LONGEST_SCIENTIFIC and _SCIENTIFIC.match(text):
        return float(text)
    return text


def _list(value: Any, depth: int) -> Json:
    if depth >= MAX_DEPTH:
        raise nested_too_deeply()
    return [to_json(item, depth + 1) for item in value]


def _object(value: Mapping[Any, Any], depth: int) -> Json:
    if depth >= MAX_DEPTH:
        raise nested_too_deeply()
    return {_key(key): to_json(item, depth + 1) for key, item in value.items()}


def _key(key: object) -> str:
    """Spell a key as `json.dumps` does."""
    match key:
        case str():
            return str.__str__(key)
        case None | True | False:
            return _CONSTANTS[key]
        case int():
            return int.__repr__(key)
        case float():
            return _FLOATS.get(float.__repr__(key), float.__repr__(key))
        case _:
            raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")


_CONSTANTS: Mapping[bool | None, str] = {None: "null", True: "true", False: "false"}
_FLOATS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}

_CONVERSIONS: Mapping[type, Callable[[Any, int], Json]] = {
    str: _text,
    bool: lambda value, depth: value,
    int: lambda value, depth: int(int.__index__(value)),
    float: lambda value, depth: float.__float__(value),
    type(None): lambda value, depth: None,
    list: _list,
    tuple: _list,
    dict: _object,
}
"""By exact type, then by base class in this order: a boolean is an integer too."""
