"""Sessions: whose turn it is to speak, and how far each response node has come.

The rules are those of dify-nodes 2.14.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from schema.nodes.base import RESPONSE_TYPES
from schema.plan import PlanGraph
from schema.response_stream.reachability import Reachability
from schema.response_stream.response_templates import (
    ResponsePart,
    blocking_assigners,
    response_parts,
)

LITERAL_NAME = "answer"
"""Name under which literal text is attributed to its node, also that of an end node."""


@dataclass(frozen=True)
class Piece:
    """Text that a client may see now."""

    text: str
    selector: tuple[str, ...] | None
    """Where it comes from; None when it stands for several pieces."""


class KnownValues(Protocol):
    """What sessions ask about the values they speak of."""

    def is_skipped(self, node_id: str) -> bool:
        """Whether a node of the root graph was passed over."""

    def chunks(self, selector: tuple[str, ...]) -> tuple[Sequence[str], bool]:
        """Give the chunks of an output so far, and whether there will be no more."""

    def markdown(self, selector: tuple[str, ...]) -> str | None:
        """Write a value as answers show it; None if there is none yet."""


@dataclass
class _Session:
    """The turn of one response node."""

    node_id: str
    parts: tuple[ResponsePart, ...]
    position: int = 0
    read: int = 0
    """Chunks of the current part that were said."""


class Sessions:
    """The response nodes of the root graph: pending, then waiting in line or active, then done."""

    def __init__(self, graph: PlanGraph) -> None:
        self._pending: dict[str, tuple[_Session, Reachability]] = {}
        self._searches: list[Reachability] = []
        by_assigners: dict[tuple[str, ...], Reachability] = {}
        for node in sorted(graph.nodes, key=lambda node: node.id):
            if node.type not in RESPONSE_TYPES:
                continue
            parts = response_parts(node)
            assigners = blocking_assigners(graph, parts)
            if assigners not in by_assigners:
                by_assigners[assigners] = Reachability(graph, assigners)
                self._searches.append(by_assigners[assigners])
            self._pending[node.id] = (_Session(node.id, parts), by_assigners[assigners])
        self._line: deque[_Session] = deque()
        """The first one is active; the others wait."""

    def begin(self) -> None:
        """Let those in line that nothing blocks."""
        self._admit([(search, search.start()) for search in self._searches])

    def take_edge(self, index: int) -> None:
        """Let those in line that became reachable because an edge was taken."""
        self._admit([(search, search.take(index)) for search in self._searches])

    def speak(self, known: KnownValues) -> list[Piece]:
        """Give what can be said now: by the active session, and by the next ones if it is done."""
        pieces: list[Piece] = []
        while self._line:
            session = self._line[0]
            pieces.extend(_say(session, known))
            if session.position < len(session.parts):
                break
            self._line.popleft()
        return pieces

    def refer_to_text_of(self, node_id: str) -> bool:
        """Whether a session in line speaks of a node's text or reasoning."""
        wanted = ((node_id, "text"), (node_id, "reasoning_content"))
        return any(part in wanted for session in self._line for part in session.parts)

    def _admit(self, reached: list[tuple[Reachability, list[str]]]) -> None:
        found = {
            node_id
            for search, node_ids in reached
            for node_id in node_ids
            if node_id in self._pending and self._pending[node_id][1] is search
        }
        for node_id in sorted(found):
            self._line.append(self._pending.pop(node_id)[0])


def _say(session: _Session, known: KnownValues) -> Iterator[Piece]:
    """Walk the parts from where the session stands to the first one that must be waited for."""
    while session.position < len(session.parts):
        part = session.parts[session.position]
        if isinstance(part, str):
            yield Piece(part, (session.node_id, LITERAL_NAME))
        elif not known.is_skipped(part[0]):
            chunks, is_closed = known.chunks(part)
            for text in chunks[session.read :]:
                yield Piece(text, part)
            session.read = len(chunks)
            if not is_closed:
                # Also after chunks: the default value of a node that failed while it streamed.
                value = known.markdown(part)
                if value is None:
                    return
                yield Piece(value, part)
        session.position += 1
        session.read = 0
