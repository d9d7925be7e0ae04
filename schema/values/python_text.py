"""Python's own text of values, which Dify shows for lists, also beyond Python's digit limit."""

from collections.abc import Iterable, Iterator
from typing import Any

from schema.values import integers


def python_text(value: Any) -> str:
    """Write a value as `str` does.

    Raises:
        PayloadTooLarge: If an integer has too many digits.

    Example:
        >>> python_text([1.0, {"a": None}]), len(python_text([10**5000]))
        ("[1.0, {'a': None}]", 5003)
    """
    try:
        return str(value)
    except ValueError:
        return "".join(_python_pieces(value))


def _python_pieces(value: Any) -> Iterator[str]:
    match value:
        case int() if not isinstance(value, bool):
            yield integers.to_text(value)
        case list():
            yield from _python_container("[", (("", item) for item in value), "]")
        case dict():
            entries = ((f"{key!r}: ", item) for key, item in value.items())
            yield from _python_container("{", entries, "}")
        case _:
            yield repr(value)


def _python_container(
    opening: str, entries: Iterable[tuple[str, Any]], closing: str
) -> Iterator[str]:
    yield opening
    for index, (label, item) in enumerate(entries):
        yield f", {label}" if index else label
        yield from _python_pieces(item)
    yield closing
