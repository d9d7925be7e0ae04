"""The outputs of a run, merged from its response nodes (dify-nodes 2.5); pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from schema.values.encoding import from_wire, to_wire
from schema.values.segments import Segment, SegmentType

ANSWER = "answer"


class RunOutputs:
    """Merges outputs in order of completion: `answer` is appended as text, any other key replaced.

    Pieces of an answer are kept apart while the run lives, because one may be a reference.
    """

    def __init__(self) -> None:
        self._values: dict[str, Segment] = {}
        self._answers: list[Segment] = []

    @classmethod
    def restore(cls, snapshot: Mapping[str, Any]) -> "RunOutputs":
        """Rebuild the outputs from a snapshot."""
        outputs = cls()
        outputs._values = {name: _typed(wire) for name, wire in snapshot["values"].items()}
        outputs._answers = [_typed(wire) for wire in snapshot["answers"]]
        return outputs

    def snapshot(self) -> dict[str, Any]:
        """Give the state in wire form."""
        return {
            "values": {name: to_wire(segment) for name, segment in self._values.items()},
            "answers": [to_wire(segment) for segment in self._answers],
        }

    def merge(self, outputs: Mapping[str, Segment]) -> None:
        """Take the outputs of a response node that finished."""
        for name, segment in outputs.items():
            if name == ANSWER and self._has_answer():
                self._answers.append(segment)
                continue
            if name == ANSWER:
                self._answers = [segment]
            self._values[name] = segment

    @property
    def answer_pieces(self) -> tuple[Segment, ...]:
        """The pieces of the answer; more than one with a reference needs an activity to join."""
        return tuple(self._answers)

    def needs_joining(self) -> bool:
        """Whether the answer cannot be put together here."""
        return len(self._answers) > 1 and any(piece.is_reference for piece in self._answers)

    def set_answer(self, answer: Segment) -> None:
        """Put the joined answer in place of its pieces."""
        self._answers = [answer]

    def to_wire(self) -> dict[str, Any]:
        """Give the outputs as the run's record has them."""
        merged = dict(self._values)
        if self._answers:
            merged[ANSWER] = _join(self._answers)
        return {name: to_wire(segment.raw) for name, segment in merged.items()}

    def _has_answer(self) -> bool:
        return any(piece.is_reference or piece.value for piece in self._answers)


def _join(pieces: Iterable[Segment]) -> Segment:
    """Concatenate without a separator; a single piece keeps its type."""
    parts = list(pieces)
    if len(parts) == 1:
        return parts[0]
    return Segment(SegmentType.STRING, "".join(part.text for part in parts))


def _typed(wire: Any) -> Segment:
    value = from_wire(wire)
    return value if isinstance(value, Segment) else Segment.infer(value)
