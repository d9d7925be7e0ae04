"""Facts in the order of their sources, without those that a Temporal reset undid.

Two carriers may be written in the other order, so a fact waits until its predecessor of the same
source has come. Order between sources is that of the log.
"""

from collections.abc import Iterable

from schema.facts import LoggedFact, RunReset


class SourceOrder:
    """Releases the facts of each source in the order of their numbers."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self._waiting: dict[str, dict[int, LoggedFact]] = {}
        self._last: dict[str, int] = {}
        """Of a source that was reset, the last number that counts."""

    def release(self, logged: LoggedFact) -> list[LoggedFact]:
        """Take the next entry of the log and give what may be folded now."""
        if isinstance(logged.fact, RunReset):
            return [logged, *self._reset(logged.fact, logged.src)]
        src = logged.src
        if src in self._last and logged.src_seq > self._last[src]:
            return []
        self._waiting.setdefault(src, {})[logged.src_seq] = logged
        return self._released(src)

    def _reset(self, reset: RunReset, own_src: str) -> list[LoggedFact]:
        self._last[reset.old_src] = reset.after
        waiting = self._waiting.get(reset.old_src, {})
        for number in [number for number in waiting if number > reset.after]:
            del waiting[number]
        new_src = reset.new_src or own_src
        self._next[new_src] = reset.after + 1
        return self._released(new_src)

    def _released(self, src: str) -> list[LoggedFact]:
        waiting = self._waiting.get(src, {})
        number = self._next.get(src, 1)
        released = []
        while (entry := waiting.pop(number, None)) is not None:
            number += 1
            released.append(entry)
        self._next[src] = number
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
