"""Values in wire form as the fold needs them: with what is behind references, without secrets."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import Json, from_wire, masked, to_api_json
from schema.values.files import File
from schema.values.sealed import Sealed
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, Value

StoredValues: TypeAlias = Mapping[ArtifactRef, Segment]
"""Values of the artifact store that the caller has fetched."""


def references_in(wire: Json) -> Iterator[ArtifactRef]:
    """Find every reference to the artifact store in a value.

    Example:
        >>> list(references_in({"small": [1, "x"]}))
        []
    """
    pending = [from_wire(wire)]
    while pending:
        match pending.pop():
            case ArtifactRef() as reference:
                yield reference
            case dict() as fields:
                pending.extend(reversed(fields.values()))
            case list() as items:
                pending.extend(reversed(items))
            case Segment(value=value):
                pending.append(value)
            case Sealed() as sealed:
                pending.append(masked(sealed))


def segment_of(wire: Json, stored: StoredValues) -> Segment:
    """Read a value with everything that is behind references; secrets become their mask.

    Raises:
        KeyError: If a reference was not fetched.
    """
    return Segment.infer(_filled(from_wire(wire), stored))


def shown(wire: Json, stored: StoredValues | None) -> tuple[Any, bool]:
    """Write a value as clients see it.

    Args:
        wire: The value.
        stored: Fetched values; None shows the preview of each that is in the store.

    Returns:
        JSON, and whether something in it is only a preview.

    Raises:
        KeyError: If `stored` is given and lacks a reference.
    """
    value = from_wire(wire)
    if stored is not None:
        return to_api_json(_filled(value, stored)), False
    previews: list[str] = []

    def preview(reference: ArtifactRef) -> str:
        previews.append(reference.sha256)
        return reference.preview

    return to_api_json(value, preview), bool(previews)


def files_of(outputs: Mapping[str, Json] | None) -> list[dict[str, Any]]:
    """Give the files at the top level of outputs, also those in lists, as clients see them."""
    found: list[File] = []
    for wire in (outputs or {}).values():
        value = from_wire(wire)
        value = value.value if isinstance(value, Segment) else value
        items = value if isinstance(value, list) else [value]
        found.extend(item for item in items if isinstance(item, File))
    return [to_api_json(file) for file in found]


def _filled(value: Value, stored: StoredValues) -> Value:
    match value:
        case ArtifactRef():
            return _filled(stored[value].value, stored)
        case SecretRef():
            return value.masked
        case Sealed():
            return _filled(masked(value), stored)
        case Segment():
            return Segment(value.type, _filled(value.value, stored))
        case dict():
            return {key: _filled(item, stored) for key, item in value.items()}
        case list():
            return [_filled(item, stored) for item in value]
        case _:
            return value
