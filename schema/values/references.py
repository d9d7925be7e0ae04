"""Finding the references inside values, and putting what they stand for in their place.

Activities resolve references before the work (architecture 3.3); where to is their business.
"""

import re
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import decode, from_wire
from schema.values.files import File
from schema.values.sealed import Sealed
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, Value
from schema.values.trees import replace_items

Reference: TypeAlias = ArtifactRef | SecretRef | Sealed
"""What stands for a value that is elsewhere."""


_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


def content_digest(file: File) -> str | None:
    """Give the digest by which the artifact store has a file's content, None if it has none.

    Example:
        >>> from schema.values.files import FileType, TransferMethod
        >>> content_digest(File(FileType.CUSTOM, TransferMethod.LOCAL_FILE, reference="upload-1"))
    """
    reference = file.reference or ""
    return reference if _DIGEST.match(reference) else None


def contents_of(value: Value) -> tuple[str, ...]:
    """List the digests of everything in the store that a value names, at any depth, sorted.

    Example:
        >>> contents_of([ArtifactRef("9f86d0", 70_000, "text/plain", "string")])
        ('9f86d0',)
    """
    return tuple(sorted(set(_contents(value))))


def _contents(value: Value) -> Iterator[str]:
    pending = [value]
    while pending:
        match pending.pop():
            case dict() as fields:
                pending.extend(fields.values())
            case list() as items:
                pending.extend(items)
            case Segment(value=inner):
                pending.append(inner)
            case File() as file:
                digest = content_digest(file)
                if digest is not None:
                    yield digest
            case ArtifactRef() as reference:
                yield reference.sha256
                yield from reference.contents
            case Sealed(text=text):
                pending.append(from_wire(decode(text)))


def find_references(value: Value) -> tuple[Reference, ...]:
    """List the references in a value, at any depth, each once.

    Example:
        >>> find_references({"a": [SecretRef("KEY"), "text"], "b": SecretRef("KEY")})
        (SecretRef(name='KEY', masked=''),)
    """
    found: dict[Reference, None] = {}
    pending = [value]
    while pending:
        match pending.pop():
            case dict() as fields:
                pending.extend(reversed(fields.values()))
            case list() as items:
                pending.extend(reversed(items))
            case Segment(value=inner):
                pending.append(inner)
            case ArtifactRef() | SecretRef() | Sealed() as reference:
                found[reference] = None
    return tuple(found)


def replace_references(value: Value, values: Mapping[Reference, Value]) -> Value:
    """Put values in the place of references; a segment keeps its type, a missing one its reference.

    Example:
        >>> replace_references([SecretRef("KEY")], {SecretRef("KEY"): "sk-1"})
        ['sk-1']
    """

    def replace(item: Value, depth: int) -> Value:
        match item:
            case ArtifactRef() | SecretRef() | Sealed():
                return values.get(item, item)
            case Segment():
                inner = replace(item.value, depth)
                return item if inner is item.value else Segment(item.type, inner)
            case dict() | list():
                return replace_items(item, replace, depth)
            case _:
                return item

    return replace(value, 0)
