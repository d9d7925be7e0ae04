"""Walking nested values: how deep they may be, and rewriting without copying what stays."""

from collections.abc import Callable, Iterable
from typing import Any

from schema.errors import InvalidNodeInput

MAX_DEPTH = 200
"""Levels of lists and objects that a value may have. Fixed, unlike Python's recursion limit, which
depends on the caller's stack and so differs between a run and its replay."""

_LEAVES = frozenset({str, float, bool, type(None)})


def nested_too_deeply() -> InvalidNodeInput:
    """Build the error for a value with more levels than `MAX_DEPTH`."""
    return InvalidNodeInput(f"A value is nested deeper than {MAX_DEPTH} levels.")


def replace_items(container: Any, replace: Callable[[Any, int], Any], depth: int) -> Any:
    """Apply a function to the items of a dict or list that are not text, float, boolean or null.

    Args:
        container: A dict or a list. It is returned itself if no item changes, else a copy of it.
        replace: Given the item and its depth.
        depth: Levels around the container.

    Raises:
        InvalidNodeInput: If the container is nested too deeply.

    Example:
        >>> replace_items({"a": 1, "b": "x"}, lambda item, depth: item + depth, 0)
        {'a': 2, 'b': 'x'}
    """
    if depth >= MAX_DEPTH:
        raise nested_too_deeply()
    is_object = type(container) is dict
    entries: Iterable[tuple[Any, Any]] = container.items() if is_object else enumerate(container)
    changed = {}
    for key, item in entries:
        if type(item) not in _LEAVES:
            new = replace(item, depth + 1)
            if new is not item:
                changed[key] = new
    if not changed:
        return container
    result = container.copy()
    for key, new in changed.items():
        result[key] = new
    return result
