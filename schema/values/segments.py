"""Typed values of a run: what a variable holds and how each type is inferred (dify-nodes 3.2, 3.3).

How each type reads as text, log and markdown is here too; how a value travels is in `encoding.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from schema.errors import InvalidNodeInput, ValueBehindReference
from schema.values.artifact_ref import ArtifactRef
from schema.values.files import File
from schema.values.json_text import JsonWriter
from schema.values.python_text import python_text
from schema.values.sealed import Sealed
from schema.values.secret_ref import SecretRef, mask
from schema.values.trees import replace_items

Value: TypeAlias = Any
"""A plain value: JSON, and at any depth `File`, `Segment`, `ArtifactRef`, `SecretRef`, `Sealed`.

Never changed in place."""


class SegmentType(StrEnum):
    """Types of variables, in the spelling of documents and the API.

    Example:
        >>> SegmentType("array[number]").is_array
        True
    """

    NONE = "none"
    STRING = "string"
    INTEGER = "integer"
    FLOAT = "float"
    NUMBER = "number"
    """Declared only: a value is an integer or a float."""
    BOOLEAN = "boolean"
    SECRET = "secret"
    OBJECT = "object"
    FILE = "file"
    ARRAY_STRING = "array[string]"
    ARRAY_NUMBER = "array[number]"
    ARRAY_BOOLEAN = "array[boolean]"
    ARRAY_OBJECT = "array[object]"
    ARRAY_ANY = "array[any]"
    ARRAY_FILE = "array[file]"

    @property
    def is_array(self) -> bool:
        """Whether values of the type are lists."""
        return self.value.startswith("array[")


_ARRAY_OF = {
    SegmentType.STRING: SegmentType.ARRAY_STRING,
    SegmentType.INTEGER: SegmentType.ARRAY_NUMBER,
    SegmentType.FLOAT: SegmentType.ARRAY_NUMBER,
    SegmentType.NUMBER: SegmentType.ARRAY_NUMBER,
    SegmentType.BOOLEAN: SegmentType.ARRAY_BOOLEAN,
    SegmentType.OBJECT: SegmentType.ARRAY_OBJECT,
    SegmentType.FILE: SegmentType.ARRAY_FILE,
}
"""Type of a list by the type of its items; every other list is `array[any]`."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One typed value.

    Example:
        >>> Segment.infer([1, 2.5])
        Segment(type=<SegmentType.ARRAY_NUMBER: 'array[number]'>, value=[1, 2.5])
        >>> Segment.infer({"a": None}).text
        '{"a": null}'
    """

    type: SegmentType
    value: Value
    """The value, or an `ArtifactRef`, `SecretRef` or `Sealed` in its place."""

    @classmethod
    def infer(cls, value: Value) -> "Segment":
        """Give a plain value its type; a segment stays what it is.

        Raises:
            InvalidNodeInput: If the value is none that a variable can hold.
        """
        if isinstance(value, Segment):
            return value
        return cls(infer_type(value), value)

    @classmethod
    def expect(cls, expected: SegmentType, value: Value) -> "Segment":
        """Give a value the type that is expected of it (dify-nodes 3.3).

        Raises:
            InvalidNodeInput: With Dify's message, if the value has another type.
        """
        if value is None and expected is not SegmentType.NONE:
            raise InvalidNodeInput(f"Type mismatch: expected {expected}, but got None")
        if isinstance(value, list) and not value:
            if not expected.is_array:
                raise InvalidNodeInput(f"Type mismatch: expected {expected}, but got empty list")
            return cls(expected, value)
        segment = cls.infer(_booleans_as_numbers(expected, value))
        is_number = segment.type in (SegmentType.INTEGER, SegmentType.FLOAT)
        if segment.type is expected or (expected is SegmentType.NUMBER and is_number):
            return segment
        shown = python_text(value)
        raise InvalidNodeInput(
            f"Type mismatch: expected {expected}, but got {segment.type}, value={shown}"
        )

    @property
    def is_reference(self) -> bool:
        """Whether the value itself is elsewhere."""
        return isinstance(self.value, ArtifactRef | SecretRef | Sealed)

    @property
    def text(self) -> str:
        """The value in prompts, requests and expected values; secrets in plain text.

        Raises:
            ValueBehindReference: If the value, or one inside it, is a reference.
        """
        return render_text(self)

    @property
    def log(self) -> str:
        """The value in logs; secrets masked.

        Raises:
            ValueBehindReference: If the value, or one inside it, is in the artifact store.
        """
        return render_log(self)

    @property
    def markdown(self) -> str:
        """The value in answers; secrets in plain text, files as links.

        Raises:
            ValueBehindReference: If the value, or one inside it, is a reference.
        """
        return render_markdown(self)

    @property
    def raw(self) -> Value:
        """The plain value for end nodes, code and templates.

        Files and references stay what they are, segments inside become their values.
        """
        return plain(self.value)


def zero(segment_type: SegmentType) -> Segment:
    """Return the empty value of a type, as clearing a variable gives it.

    Raises:
        InvalidNodeInput: If the type has none: files, secrets and none.

    Example:
        >>> zero(SegmentType.FLOAT).value
        0.0
    """
    if segment_type.is_array and segment_type is not SegmentType.ARRAY_FILE:
        return Segment(segment_type, [])
    match segment_type:
        case SegmentType.OBJECT:
            return Segment(segment_type, {})
        case SegmentType.STRING:
            return Segment(segment_type, "")
        case SegmentType.INTEGER | SegmentType.NUMBER:
            return Segment(SegmentType.INTEGER, 0)
        case SegmentType.FLOAT:
            return Segment(segment_type, 0.0)
        case SegmentType.BOOLEAN:
            return Segment(segment_type, False)
        case _:
            raise InvalidNodeInput(f"unsupported variable type: {segment_type}")


_SCALAR_TYPES: Mapping[type, SegmentType] = {
    str: SegmentType.STRING,
    bool: SegmentType.BOOLEAN,
    int: SegmentType.INTEGER,
    float: SegmentType.FLOAT,
    dict: SegmentType.OBJECT,
    type(None): SegmentType.NONE,
    File: SegmentType.FILE,
    SecretRef: SegmentType.SECRET,
}


def infer_type(value: Value) -> SegmentType:
    """Tell the type of a plain value (dify-nodes 3.3); a reference has the type of what it names.

    Raises:
        InvalidNodeInput: If the value is none that a variable can hold.

    Example:
        >>> infer_type([1, True]).value
        'array[any]'
    """
    known = _SCALAR_TYPES.get(type(value))
    if known is not None:
        return known
    match value:
        case list():
            return _infer_array_type(value)
        case Segment():
            return value.type
        case ArtifactRef() | Sealed():
            return SegmentType(value.kind)
        case str():
            return SegmentType.STRING
        case _:
            raise InvalidNodeInput(f"not supported value {value}")


def plain(value: Value, depth: int = 0) -> Value:
    """Replace segments at any depth by their values; a value without any is returned itself.

    Raises:
        InvalidNodeInput: If the value is nested too deeply.

    Example:
        >>> plain({"output": Segment.infer("x")})
        {'output': 'x'}
    """
    if isinstance(value, Segment):
        return plain(value.value, depth)
    if isinstance(value, dict | list):
        return replace_items(value, plain, depth)
    return value


def render_text(segment: Segment) -> str:
    """Write a segment as prompts and requests show it (dify-nodes 3.2, column text)."""
    value = segment.value
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _OBJECT_TEXT.write(value)
    require_values(value)
    match segment.type:
        case SegmentType.NONE | SegmentType.FILE | SegmentType.ARRAY_FILE:
            return ""
        case SegmentType.ARRAY_STRING:
            return _OBJECT_TEXT.write(value) if value else ""
        case _ if value == []:
            return ""
        case _:
            return python_text(value)


def render_log(segment: Segment) -> str:
    """Write a segment as logs show it (dify-nodes 3.2, column log)."""
    value = segment.value
    if isinstance(value, SecretRef):
        return value.masked
    if isinstance(value, str):
        return mask(value) if segment.type is SegmentType.SECRET else value
    if isinstance(value, dict):
        return _OBJECT_LINES.write(value)
    require_values(value)
    match segment.type:
        case SegmentType.NONE | SegmentType.FILE | SegmentType.ARRAY_FILE:
            return ""
        case _:
            return python_text(value)


def render_markdown(segment: Segment) -> str:
    """Write a segment as answers show it (dify-nodes 3.2, column markdown)."""
    value = segment.value
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _OBJECT_LINES.write(value)
    require_values(value)
    match segment.type:
        case SegmentType.FILE:
            return str(value.markdown)
        case SegmentType.ARRAY_FILE:
            return "\n".join(file.markdown for file in value)
        case array if array.is_array:
            return "\n".join(f"- {python_text(item)}" for item in value)
        case _:
            return render_text(segment)


def require_values(value: Value) -> None:
    """Make sure that neither the value nor anything inside it is a reference.

    Raises:
        ValueBehindReference: If one is.
    """
    pending = [value]
    while pending:
        item = pending.pop()
        match item:
            case dict():
                pending.extend(item.values())
            case list():
                pending.extend(item)
            case Segment():
                pending.append(item.value)
            case ArtifactRef() | SecretRef() | Sealed():
                raise ValueBehindReference(f"The value is behind {type(item).__name__}.")


def _infer_array_type(items: list[Value]) -> SegmentType:
    """Type a list by its items; nested lists are looked through for values that cannot be held."""
    found: SegmentType | None = None
    pending: list[Value] = []
    for item in items:
        if isinstance(item, list):
            pending.append(item)
            of_item = SegmentType.ARRAY_ANY
        else:
            of_item = _ARRAY_OF.get(infer_type(item), SegmentType.ARRAY_ANY)
        found = of_item if found in (None, of_item) else SegmentType.ARRAY_ANY
    while pending:
        for item in pending.pop():
            if isinstance(item, list):
                pending.append(item)
            else:
                infer_type(item)
    return found or SegmentType.ARRAY_ANY


def _booleans_as_numbers(expected: SegmentType, value: Value) -> Value:
    """Turn booleans into integers where numbers are expected: once there were no booleans."""
    if isinstance(value, bool) and expected in (SegmentType.INTEGER, SegmentType.NUMBER):
        return int(value)
    if expected is not SegmentType.ARRAY_NUMBER or not isinstance(value, list):
        return value
    return [int(item) for item in value] if all(isinstance(i, bool) for i in value) else value


def _object_fields(item: Value) -> Value:
    """Show what JSON has no spelling for inside an object: files and segments by their fields.

    Dify's own inner segments also have a random id and the names of their producer: no values.
    """
    match item:
        case File():
            return item.to_dict()
        case Segment():
            return {"value_type": item.type.value, "value": item.value}
        case ArtifactRef() | SecretRef() | Sealed():
            raise ValueBehindReference(f"The value is behind {type(item).__name__}.")
        case _:
            raise InvalidNodeInput(f"not supported value {item}")


_OBJECT_TEXT = JsonWriter(ascii_only=False, separators=(", ", ": "), default=_object_fields)
_OBJECT_LINES = JsonWriter(
    ascii_only=False, separators=(",", ": "), indent=2, default=_object_fields
)
