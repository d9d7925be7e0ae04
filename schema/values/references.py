"""Finding the references inside values, and putting what they stand for in their place.

Activities resolve references before the work (architecture 3.3); where to is their business.
"""

from collections.abc import Mapping
from typing import TypeAlias

from schema.values.artifact_ref import ArtifactRef
from schema.values.sealed import Sealed
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, Value
from schema.values.trees import replace_items

Reference: TypeAlias = ArtifactRef | SecretRef | Sealed
"""What stands for a value that is elsewhere."""


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
