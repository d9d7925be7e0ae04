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
            self._reset(logged.fact, logged.src)
            return [logged]
        src = logged.src
        if src in self._last and logged.src_seq > self._last[src]:
            return []
        waiting = self._waiting.setdefault(src, {})
        waiting[logged.src_seq] = logged
        released = []
        while (entry := waiting.pop(self._next.setdefault(src, 1), None)) is not None:
            self._next[src] += 1
            released.append(entry)
        return released

    def _reset(self, reset: RunReset, own_src: str) -> None:
        self._last[reset.old_src] = reset.after
        waiting = self._waiting.get(reset.old_src, {})
        for number in [number for number in waiting if number > reset.after]:
            del waiting[number]
        self._next[reset.new_src or own_src] = reset.after + 1


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
