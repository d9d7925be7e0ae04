"""The text that a client has, corrected where the log takes something back.

Text that went out cannot be unsent. A void, a replacement or a Temporal reset removes facts from
the journal; the text is then built again without them. If what the client has is only shorter, the
rest follows; else the whole text replaces it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from schema.facts import Fact, LoggedFact, RunReset, TextProduced, TextReplaced, TextVoided
from schema.plan import Plan
from schema.response_stream.run_info import RunInfo
from schema.response_stream.sessions import Piece
from schema.response_stream.source_order import is_undone
from schema.response_stream.stored_values import StoredValues
from schema.response_stream.visible_text import VisibleText


@dataclass(frozen=True)
class Replacement:
    """The whole text, in place of everything that went out before."""

    text: str


class TextFold:
    """Folds facts into text and corrections of it."""

    def __init__(self, plan: Plan, run: RunInfo, stored: StoredValues) -> None:
        self._new_text: Callable[[], VisibleText] = lambda: VisibleText(plan, run, stored)
        self._visible = self._new_text()
        self._journal: list[LoggedFact] = []
        """Facts that made the present text, and nothing else."""
        self._sent: list[str] = []
        self._first_start: dict[tuple[str, int], int] = {}
        """Lowest effect start whose chunks count, by node execution and attempt."""

    @property
    def text(self) -> str:
        """What a client has after it got everything."""
        return "".join(self._sent)

    def apply(self, logged: LoggedFact) -> list[Piece | Replacement]:
        """Take a released entry of the log."""
        match logged.fact:
            case RunReset() as reset:
                return self._without(lambda entry: is_undone(entry, reset))
            case TextVoided() as void:
                key = (void.node_exec_id, void.attempt)
                self._first_start[key] = max(void.before_start, self._first_start.get(key, 0))
                return self._without(lambda entry: self._is_void(entry.fact))
            case TextReplaced() as replaced if self._visible.matters(replaced):
                return self._without(lambda entry: _is_replaced(entry.fact, replaced), logged)
            case fact if self._visible.matters(fact) and not self._is_void(fact):
                return self._add(logged)
            case _:
                return []

    def reasoning_is_wanted(self, node_id: str) -> bool:
        """Whether a node's reasoning may be shown now."""
        return self._visible.reasoning_is_wanted(node_id)

    def _add(self, logged: LoggedFact) -> list[Piece | Replacement]:
        self._journal.append(logged)
        pieces = self._visible.apply(logged.fact)
        self._sent.extend(piece.text for piece in pieces)
        return [*pieces]

    def _without(
        self, is_removed: Callable[[LoggedFact], bool], added: LoggedFact | None = None
    ) -> list[Piece | Replacement]:
        """Build the text again without some facts, and perhaps with a new one at the end."""
        kept = [entry for entry in self._journal if not is_removed(entry)]
        if len(kept) == len(self._journal):
            return [] if added is None else self._add(added)
        self._journal = kept if added is None else [*kept, added]
        self._visible = self._new_text()
        pieces = [
            piece.text for entry in self._journal for piece in self._visible.apply(entry.fact)
        ]
        before, after = self.text, "".join(pieces)
        self._sent = [after]
        if after == before:
            return []
        if after.startswith(before):
            return [Piece(after[len(before) :], None)]
        return [Replacement(after)]

    def _is_void(self, fact: Fact) -> bool:
        if not isinstance(fact, TextProduced):
            return False
        return fact.start < self._first_start.get((fact.node_exec_id, fact.attempt), 0)


def _is_replaced(fact: Fact, replaced: TextReplaced) -> bool:
    """Whether a chunk is of the same try and output as a replacement."""
    if not isinstance(fact, TextProduced | TextReplaced):
        return False
    same_try = (fact.node_exec_id, fact.attempt) == (replaced.node_exec_id, replaced.attempt)
    return same_try and fact.name == replaced.name
