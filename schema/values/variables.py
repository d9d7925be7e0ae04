"""Reading variables by selector: the rules of dify-nodes 3.5.

`Variables` is a view of any mapping: the pool's scope in the workflow, the selected variables in an
activity. Writing is the pool's business (`workflows/variable_pool.py`).
"""

from collections.abc import Iterator, Mapping, Sequence

from schema.errors import ValueBehindReference
from schema.selectors import Selector
from schema.values.artifact_ref import ArtifactRef
from schema.values.files import FILE_ATTRIBUTES, File
from schema.values.sealed import Sealed
from schema.values.segments import Segment, SegmentType

VariableKey = tuple[str, str]
"""Node id and name."""


class Variables(Mapping[VariableKey, Segment]):
    """Variables by node id and name, readable by selector.

    Example:
        >>> variables = Variables({("n", "o"): Segment.infer({"a": [1]})})
        >>> variables.find(Selector("n", "o", ("a",))).value
        [1]
        >>> variables.find_parts(["n", "o", "a", "0"]) is None
        True
    """

    __slots__ = ("_segments",)

    def __init__(self, segments: Mapping[VariableKey, Segment]) -> None:
        self._segments = segments

    def __getitem__(self, key: VariableKey) -> Segment:
        return self._segments[key]

    def __iter__(self) -> Iterator[VariableKey]:
        return iter(self._segments)

    def __len__(self) -> int:
        return len(self._segments)

    def find(self, selector: Selector) -> Segment | None:
        """Return the value that a selector names, None if there is none.

        A value that exists and is null is a segment of type none.

        Raises:
            ValueBehindReference: If the path leads into a value that is elsewhere.
            InvalidNodeInput: If the URL of a file is asked for and none is known.
        """
        segment = self._segments.get((selector[0], selector[1]))
        if segment is None or not selector[2]:
            return segment
        return _find_inside(segment, selector[2])

    def find_parts(self, parts: Sequence[str]) -> Segment | None:
        """Return the value that the parts of a selector name; fewer than two name none."""
        if len(parts) < 2:
            return None
        segment = self._segments.get((parts[0], parts[1]))
        if segment is None or len(parts) == 2:
            return segment
        return _find_inside(segment, parts[2:])


_WITHOUT_INSIDE = frozenset(SegmentType) - {SegmentType.OBJECT, SegmentType.FILE}
"""Types whose values have no parts that a selector could name: there is no list indexing."""


def _find_inside(segment: Segment, path: Sequence[str]) -> Segment | None:
    if isinstance(segment.value, File):
        # Only the third part of the selector counts.
        name = path[0]
        return Segment.infer(segment.value.attribute(name)) if name in FILE_ATTRIBUTES else None
    value = segment.value
    for key in path:
        while isinstance(value, Segment):
            value = value.value
        if isinstance(value, ArtifactRef | Sealed) and value.kind not in _WITHOUT_INSIDE:
            raise ValueBehindReference(f"{key!r} is asked of a value that is elsewhere.")
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    return Segment.infer(value)
