"""Facts in the order of their sources, without those that a Temporal reset undid.

Two carriers may be written in the other order, so a fact waits until its predecessor of the same
source has come. Order between sources is that of the log.

A workflow's numbers go on when it continues as new and when it was reset, while its source gets the
name of the new Temporal run: all its sources share one numbering.
"""

from collections.abc import Iterable

from schema.facts import LoggedFact, RunReset, command_src

_COMMANDS = command_src("")


class SourceOrder:
    """Releases facts in the order of their numbers."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        """By numbering, as is the next one."""
        self._waiting: dict[str, dict[int, LoggedFact]] = {}
        self._last: dict[str, int] = {}
        """Of a source that was reset, the last number that counts."""

    def release(self, logged: LoggedFact) -> list[LoggedFact]:
        """Take the next entry of the log and give what may be folded now."""
        if isinstance(logged.fact, RunReset):
            return [logged, *self._reset(logged.fact)]
        number, numbering = logged.src_seq, _numbering_of(logged.src)
        is_void = number > self._last.get(logged.src, number)
        if is_void or number < self._next.get(numbering, 1):
            return []
        self._waiting.setdefault(numbering, {})[number] = logged
        return self._released(numbering)

    def _reset(self, reset: RunReset) -> list[LoggedFact]:
        src, numbering = reset.old_src, _numbering_of(reset.old_src)
        self._last[src] = min(reset.after, self._last.get(src, reset.after))
        waiting = self._waiting.get(numbering, {})
        for number in [n for n, entry in waiting.items() if is_undone(entry, reset)]:
            del waiting[number]
        self._next[numbering] = min(reset.after + 1, self._next.get(numbering, 1))
        return self._released(numbering)

    def _released(self, numbering: str) -> list[LoggedFact]:
        waiting = self._waiting.get(numbering, {})
        number = self._next.get(numbering, 1)
        released = []
        while (entry := waiting.pop(number, None)) is not None:
            number += 1
            released.append(entry)
        self._next[numbering] = number
        return released


def is_undone(logged: LoggedFact, reset: RunReset) -> bool:
    """Whether a reset says that a fact never happened."""
    return logged.src == reset.old_src and logged.src_seq > reset.after


def surviving_facts(facts: Iterable[LoggedFact]) -> list[LoggedFact]:
    """Give the facts of a log that count, in the order in which they are folded."""
    order = SourceOrder()
    surviving: list[LoggedFact] = []
    for logged in facts:
        for entry in order.release(logged):
            if isinstance(entry.fact, RunReset):
                reset = entry.fact
                surviving = [other for other in surviving if not is_undone(other, reset)]
            else:
                surviving.append(entry)
    return surviving


def _numbering_of(src: str) -> str:
    """Name what counts the facts of a source.

    Sources are `{temporal run}/wf` for a workflow, `{temporal run}/{activity}@{start}` for an
    activity, and single names or `command/{id}` for writers of one fact.
    """
    if "@" in src or src.startswith(_COMMANDS):
        return src
    return src.partition("/")[2] or src
