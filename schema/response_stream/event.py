"""Event: what a client gets from the stream of a run, and where it stands in it."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One frame of the stream; never stored, always folded again from the log."""

    id: str
    """`{seq}-{sub}`: number of the fact that brought it and its place among that fact's events."""
    name: str
    """Dify's name, which `data` has as its member `event`."""
    data: dict[str, Any]
    """The whole frame as Dify sends it: JSON."""


def is_after(event_id: str, last_event_id: str) -> bool:
    """Whether an event comes after the last one that a client has.

    Raises:
        ValueError: If one of the ids is not that of an event.

    Example:
        >>> is_after("10-0", "9-3"), is_after("10-0", "10-0")
        (True, False)
    """
    return _position(event_id) > _position(last_event_id)


def _position(event_id: str) -> tuple[int, int]:
    sequence, _, sub = event_id.partition("-")
    return int(sequence), int(sub)
