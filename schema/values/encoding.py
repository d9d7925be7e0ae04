"""The one encoder of values, for Temporal payloads and text columns (invariants 15 and 16).

Two steps each way. `to_wire` turns a value into plain JSON: files, segments and references become
objects tagged by the key `$holdfast`, everything else stays as it is. `encode` writes JSON as ASCII
text, so that lone surrogates and NUL survive both databases, `1` is not `1.0`, and non-finite
numbers keep Python's spelling. `to_api_json` is the one-way form that clients see.

The digit limit of Python's integers is never changed: see `integers.py`.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from schema.errors import InvalidNodeInput, ValueBehindReference
from schema.values import integers
from schema.values.artifact_ref import ArtifactRef
from schema.values.files import File, FileType, TransferMethod
from schema.values.json_text import JsonWriter, parse_json
from schema.values.sealed import Sealed
from schema.values.secret_ref import SecretRef, mask
from schema.values.segments import Segment, SegmentType, Value
from schema.values.trees import MAX_DEPTH, nested_too_deeply, replace_items

Json: TypeAlias = Any
"""Null, booleans, numbers, strings, and lists and string-keyed objects of them."""

TAG = "$holdfast"
"""Key that marks an object of ours; an author's object that has it is wrapped."""

_ATOMS = frozenset({str, float, bool, type(None)})
_SHORT = integers.SHORT


def to_wire(value: Value) -> Json:
    """Turn a value into plain JSON; plain JSON is returned itself, unchanged.

    Raises:
        InvalidNodeInput: If something inside is no value, or is nested too deeply.
        PayloadTooLarge: If an integer has too many digits.

    Example:
        >>> to_wire({"a": Segment.infer("x")})
        {'a': {'$holdfast': 'segment', 'type': 'string', 'value': 'x'}}
        >>> to_wire({"$holdfast": 1})
        {'$holdfast': 'object', 'value': {'$holdfast': 1}}
    """
    return _to_wire(value, 0)


def from_wire(wire: Json) -> Value:
    """Turn what `to_wire` made back into the value.

    Raises:
        InvalidNodeInput: If the JSON was not made by `to_wire`, or is nested too deeply.

    Example:
        >>> from_wire({"$holdfast": "segment", "type": "string", "value": "x"}).text
        'x'
    """
    return _from_wire(wire, 0)


def encode(json: Json) -> str:
    r"""Write JSON as compact ASCII text; equal values give equal text.

    Raises:
        InvalidNodeInput: If the value is nested too deeply.
        PayloadTooLarge: If an integer has too many digits.

    Example:
        >>> encode({"text": "é", "numbers": [1, 1.0, float("inf")]})
        '{"text":"\\u00e9","numbers":[1,1.0,Infinity]}'
    """
    return _WIRE_TEXT.write(json)


def decode(text: str | bytes) -> Json:
    """Read JSON text.

    Raises:
        json.JSONDecodeError: If the text is not JSON.
        InvalidNodeInput: If it is nested too deeply for Python.
        PayloadTooLarge: If an integer has too many digits.

    Example:
        >>> decode("[1, 1.0, -Infinity]")
        [1, 1.0, -inf]
    """
    return parse_json(text)


def size_of(text: str) -> int:
    """Return the size of encoded text in bytes: it is ASCII.

    Example:
        >>> size_of(encode("é"))
        8
    """
    return len(text)


def masked(value: Sealed) -> Value:
    """Give a sealed value as people see it, with masks in the place of secrets.

    Example:
        >>> masked(Sealed("0" * 32, '["a"]', "array[string]"))
        ['a']
    """
    return from_wire(decode(value.masked_text))


def masked_wire(wire: Json) -> Json:
    """Put masks in the place of secrets in wire form, and leave the rest as it is.

    Example:
        >>> masked_wire({"a": [{"$holdfast": "secret", "name": "K", "masked": "****"}]})
        {'a': ['****']}
    """
    return _masked_wire(wire, 0)


def to_api_json(value: Value, show_reference: Callable[[ArtifactRef], Json] | None = None) -> Json:
    """Turn a value into what clients see (dify-nodes 3.10).

    Segments become their values, files their serialised form, secrets their mask, and numbers that
    JSON does not have become null.

    Args:
        value: Any value.
        show_reference: What stands for a value in the artifact store that was not fetched.

    Raises:
        ValueBehindReference: If there is such a value and `show_reference` is not given.

    Example:
        >>> to_api_json({"a": float("nan"), "b": Segment(SegmentType.SECRET, "sk-0123456789")})
        {'a': None, 'b': 'sk-012************89'}
    """
    return _to_api_json(value, show_reference, 0)


_WIRE_TEXT = JsonWriter(ascii_only=True, separators=(",", ":"))


def _to_wire(value: Value, depth: int) -> Json:
    kind = type(value)
    if kind in _ATOMS:
        return value
    if kind is int:
        return value if -_SHORT < value < _SHORT else integers.check_length(value)
    if kind is list:
        return replace_items(value, _to_wire, depth)
    if kind is not dict:
        return _tagged(value, depth)
    for key in value:
        if type(key) is not str:
            raise InvalidNodeInput(f"The key {key!r} of an object is not text.")
    fields = replace_items(value, _to_wire, depth)
    return {TAG: "object", "value": fields} if TAG in value else fields


def _tagged(value: Value, depth: int) -> Json:
    match value:
        case Segment():
            wire = _to_wire(value.value, depth)
            return {TAG: "segment", "type": value.type.value, "value": wire}
        case File():
            return _file_to_wire(value)
        case ArtifactRef():
            return _artifact_to_wire(value)
        case SecretRef():
            return {TAG: "secret", "name": value.name, "masked": value.masked}
        case Sealed():
            return {TAG: "sealed", "nonce": value.nonce, "text": value.text, "kind": value.kind}
        case str():
            return str(value)
        case _:
            raise InvalidNodeInput(f"not supported value {value!r}")


_ARTIFACT_FIELDS = ("sha256", "bytes", "mime", "kind", "preview")


def _artifact_to_wire(ref: ArtifactRef) -> Json:
    wire: dict[str, Json] = {TAG: "artifact"}
    wire |= {name: getattr(ref, name) for name in _ARTIFACT_FIELDS}
    if ref.sealed:
        wire["sealed"] = ref.sealed
    if ref.contents:
        wire["contents"] = list(ref.contents)
    return wire


_FILE_FIELDS = (
    "id",
    "remote_url",
    "reference",
    "filename",
    "extension",
    "mime_type",
    "url",
)


def _file_to_wire(file: File) -> Json:
    wire: dict[str, Json] = {
        TAG: "file",
        "type": file.type.value,
        "transfer_method": file.transfer_method.value,
        "size": file.size,
    }
    for name in _FILE_FIELDS:
        field = getattr(file, name)
        if field is not None:
            wire[name] = field
    if file.sealed:
        wire["sealed"] = file.sealed
    return wire


def _from_wire(wire: Json, depth: int) -> Value:
    kind = type(wire)
    if kind is dict and TAG in wire:
        return _untagged(wire, depth)
    if kind is dict or kind is list:
        return replace_items(wire, _from_wire, depth)
    return wire


def _masked_wire(wire: Json, depth: int) -> Json:
    tag = wire.get(TAG) if type(wire) is dict else None
    if tag == "secret":
        return wire["masked"]
    if tag == "sealed":
        shown = decode(Sealed(wire["nonce"], wire["text"], wire["kind"]).masked_text)
        return _masked_wire(shown, depth)
    if tag == "object":
        return {**wire, "value": replace_items(wire["value"], _masked_wire, depth)}
    if type(wire) is dict or type(wire) is list:
        return replace_items(wire, _masked_wire, depth)
    return wire


def _untagged(wire: Mapping[str, Any], depth: int) -> Value:
    try:
        match wire[TAG]:
            case "object":
                # Its own tag is the author's text.
                return replace_items(wire["value"], _from_wire, depth)
            case "segment":
                return Segment(SegmentType(wire["type"]), _from_wire(wire["value"], depth))
            case "file":
                return _file_from_wire(wire)
            case "artifact":
                return _artifact_from_wire(wire)
            case "secret":
                return SecretRef(wire["name"], wire["masked"])
            case "sealed":
                return Sealed(wire["nonce"], wire["text"], wire["kind"])
            case unknown:
                raise InvalidNodeInput(f"Unknown tag {unknown!r} in an encoded value.")
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise InvalidNodeInput(f"Damaged encoded value: {error!r}.") from error


def _artifact_from_wire(wire: Mapping[str, Any]) -> ArtifactRef:
    fields = {name: wire[name] for name in _ARTIFACT_FIELDS}
    sealed, contents = wire.get("sealed", ""), tuple(wire.get("contents", ()))
    return ArtifactRef(**fields, sealed=sealed, contents=contents)


def _file_from_wire(wire: Mapping[str, Any]) -> File:
    return File(
        type=FileType(wire["type"]),
        transfer_method=TransferMethod(wire["transfer_method"]),
        size=wire["size"],
        sealed=wire.get("sealed", ""),
        **{name: wire.get(name) for name in _FILE_FIELDS},
    )


def _to_api_json(
    value: Value, show_reference: Callable[[ArtifactRef], Json] | None, depth: int
) -> Json:
    if depth > MAX_DEPTH:
        raise nested_too_deeply()
    match value:
        case dict():
            return {
                key: _to_api_json(item, show_reference, depth + 1) for key, item in value.items()
            }
        case list():
            return [_to_api_json(item, show_reference, depth + 1) for item in value]
        case float():
            return value if math.isfinite(value) else None
        case Segment(type=SegmentType.SECRET, value=str()):
            return mask(value.value)
        case Segment():
            return _to_api_json(value.value, show_reference, depth + 1)
        case File():
            return value.to_dict()
        case ArtifactRef() | SecretRef() | Sealed():
            return _shown_reference(value, show_reference, depth)
        case _:
            return value


def _shown_reference(
    ref: ArtifactRef | SecretRef | Sealed,
    show: Callable[[ArtifactRef], Json] | None,
    depth: int,
) -> Json:
    match ref:
        case SecretRef():
            return ref.masked
        case Sealed():
            return _to_api_json(masked(ref), show, depth)
        case _ if show is None:
            raise ValueBehindReference("The value is in the artifact store.")
        case _:
            return show(ref)
