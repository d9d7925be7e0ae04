"""Facts of workflow code on their way to the log; pure.

A fact keeps its number until a digest that covers it has come back (invariant 3). A carrier takes
the open facts, and either acknowledges them or puts them back, under the same numbers, for the
next one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from schema.envelope import Acknowledged
from schema.facts import (
    WORKFLOW_SRC,
    CommandApplied,
    CommandRefused,
    Fact,
    OpenFact,
    command_src,
    digest,
)
from schema.limits import MAX_FACTS_PER_ACTIVATION, MAX_NEW_VALUE_BYTES_PER_ACTIVATION
from schema.values.encoding import encode


class DigestMismatch(Exception):
    """A carrier's digest differs from this code's: the interpreter's semantics changed.

    Deliberately no HoldfastError: the workflow task fails and is retried until the build is fixed.
    """


@dataclass(frozen=True)
class Carried:
    """Facts that one carrier has taken."""

    facts: tuple[OpenFact, ...]
    digest: str


NOTHING_CARRIED = Carried((), digest(()))


class FactLedger:
    """Numbers facts, hands them to carriers and keeps them until they are acknowledged."""

    def __init__(self, told: int = 0) -> None:
        self._next = told + 1
        self._open: dict[tuple[str, int], OpenFact] = {}
        self._in_flight = 0
        self._through = told
        self._beyond: dict[int, None] = {}
        self._new_facts = 0
        self._new_bytes = 0

    def emit(self, fact: Fact) -> None:
        """Add a fact of workflow code."""
        if isinstance(fact, CommandApplied | CommandRefused):
            entry = OpenFact(src=command_src(fact.command_id), src_seq=1, fact=fact)
        else:
            entry = OpenFact(src=WORKFLOW_SRC, src_seq=self._next, fact=fact)
            self._next += 1
        self._open[entry.src, entry.src_seq] = entry
        self._new_facts += 1
        outputs = fact.__dict__.get("outputs")
        if outputs:
            self._new_bytes += len(encode(outputs))

    @property
    def told(self) -> int:
        """How many facts have a number."""
        return self._next - 1

    @property
    def has_open(self) -> bool:
        """Whether some facts ride in no carrier."""
        return bool(self._open)

    @property
    def all_acknowledged(self) -> bool:
        """Whether every fact is in the log."""
        return not self._open and not self._in_flight

    @property
    def is_full(self) -> bool:
        """Whether this activation has made as much as one may (invariant 1)."""
        return (
            self._new_facts >= MAX_FACTS_PER_ACTIVATION
            or self._new_bytes >= MAX_NEW_VALUE_BYTES_PER_ACTIVATION
        )

    def begin_activation(self) -> None:
        """Start a new count: the workflow has waited."""
        self._new_facts = 0
        self._new_bytes = 0

    @property
    def acknowledged(self) -> Acknowledged:
        """Which numbers are in the log."""
        return Acknowledged(through=self._through, beyond=tuple(sorted(self._beyond)))

    def take(self) -> Carried:
        """Give all open facts to a carrier."""
        facts = tuple(self._open.values())
        self._open.clear()
        self._in_flight += len(facts)
        return Carried(facts, digest(facts))

    def acknowledge(self, carried: Carried, returned_digest: str) -> None:
        """Close facts that are in the log.

        Raises:
            DigestMismatch: If the carrier wrote other facts than this code would.
        """
        if returned_digest != carried.digest:
            raise DigestMismatch(
                f"{len(carried.facts)} facts were written with digest {returned_digest}, "
                f"this build makes {carried.digest}"
            )
        self._in_flight -= len(carried.facts)
        self._beyond.update(
            dict.fromkeys(e.src_seq for e in carried.facts if e.src == WORKFLOW_SRC)
        )
        while self._through + 1 in self._beyond:
            self._through += 1
            del self._beyond[self._through]

    def put_back(self, carried: Carried) -> None:
        """Open facts again whose carrier ended without a digest; they go first."""
        self._in_flight -= len(carried.facts)
        self._open = {**_by_number(carried.facts), **self._open}


def _by_number(facts: Iterable[OpenFact]) -> dict[tuple[str, int], OpenFact]:
    return {(entry.src, entry.src_seq): entry for entry in facts}
