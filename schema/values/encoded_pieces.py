"""Encoded text of large values in pieces: written and read without a second whole copy.

`encoding.py` says what the text is; joined, the pieces are the same. Between pieces other threads
run, so a large value in a thread of its own holds nobody up.
"""

import json
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeAlias

from schema.values.encoding import Json, decode, encode
from schema.values.sealed import Sealed
from schema.values.segments import Segment, Value

PIECE_CHARACTERS = 1024 * 1024
"""About how long a piece is."""
_BATCH = 256
"""Items of a container that are written at once if they are small together."""
_SMALL_ITEMS = 4096

_Entry: TypeAlias = tuple[str, Any]
"""Text that stands before a value, and the value that is still to be written."""


def encode_in_pieces(wire: Json) -> Iterator[str]:
    """Write JSON as `encode` does, in pieces of about a megabyte.

    Raises:
        InvalidNodeInput: If the value is nested too deeply.
        PayloadTooLarge: If an integer has too many digits.

    Example:
        >>> "".join(encode_in_pieces({"a": ["é", 1.0]})) == encode({"a": ["é", 1.0]})
        True
    """
    held: list[str] = []
    length = 0
    for text in _texts(wire):
        held.append(text)
        length += len(text)
        if length >= PIECE_CHARACTERS:
            yield "".join(held)
            held.clear()
            length = 0
    if held:
        yield "".join(held)


def is_small(value: Value, characters: int = PIECE_CHARACTERS) -> bool:
    """Whether a value, or its wire form, is quickly encoded: it has few items and little text.

    Looks at a bounded number of items, whatever the value.

    Example:
        >>> is_small([1, "x"]), is_small("x" * 100, 10), is_small([0] * 10_000)
        (True, False, False)
    """
    pending = [value]
    items = 0
    while pending:
        match pending.pop():
            case str() as text:
                characters -= len(text)
            case list() as entries:
                items += len(entries)
                pending.extend(entries if items <= _SMALL_ITEMS else ())
            case dict() as fields:
                items += len(fields)
                if items <= _SMALL_ITEMS:
                    characters -= sum(map(len, fields))
                    pending.extend(fields.values())
            case Segment(value=inner):
                pending.append(inner)
            case Sealed(text=text):
                characters -= len(text)
        if items > _SMALL_ITEMS:
            return False
        if characters < 0:
            return False
    return True


def _texts(wire: Json) -> Iterator[str]:
    """Give the text in parts: small values whole, large ones by their items."""
    # An iterator of entries for each container around the place, with what closes it.
    open_containers: list[tuple[Iterator[_Entry | str], str]] = [(iter([("", wire)]), "")]
    while open_containers:
        entries, closing = open_containers[-1]
        entry = next(entries, None)
        if entry is None:
            open_containers.pop()
            yield closing
        elif isinstance(entry, str):
            yield entry
        else:
            label, value = entry
            yield label
            if isinstance(value, str) and len(value) > PIECE_CHARACTERS:
                yield from _string_texts(value)
            elif not isinstance(value, dict | list) or is_small(value):
                yield encode(value)
            else:
                is_object = isinstance(value, dict)
                yield "{" if is_object else "["
                open_containers.append(
                    (_entries(value), "}" if is_object else "]"),
                )


def _entries(container: dict[str, Any] | list[Any]) -> Iterator[_Entry | str]:
    """Give the items of a container, small ones already written, many at a time."""
    separator = ""
    if isinstance(container, list):
        for start in range(0, len(container), _BATCH):
            batch = container[start : start + _BATCH]
            if is_small(batch):
                yield separator + encode(batch)[1:-1]
            else:
                for item in batch:
                    yield separator, item
                    separator = ","
            separator = ","
        return
    items = iter(container.items())
    while fields := dict(islice(items, _BATCH)):
        if is_small(fields):
            yield separator + encode(fields)[1:-1]
        else:
            for key, item in fields.items():
                yield f"{separator}{encode(key)}:", item
                separator = ","
        separator = ","


def _string_texts(value: str) -> Iterator[str]:
    yield '"'
    for start in range(0, len(value), PIECE_CHARACTERS):
        yield encode(value[start : start + PIECE_CHARACTERS])[1:-1]
    yield '"'


class StringReader:
    r"""Reads the encoded text of one string that comes in pieces.

    Example:
        >>> reader = StringReader()
        >>> [reader.feed(b'"a\\u00'), reader.feed(b'e9b"'), reader.close()]
        ['a', 'éb', '']
    """

    def __init__(self) -> None:
        self._held = ""
        self._is_begun = False

    def feed(self, piece: bytes) -> str:
        """Give what a piece completes.

        Raises:
            ValueError: If it is not the text of a string.
        """
        text = self._held + piece.decode("ascii")
        if not self._is_begun and text:
            if not text.startswith('"'):
                raise ValueError("The text is not that of a string.")
            self._is_begun = True
            text = text[1:]
        # The closing quote may be the last character: it stays until the end is known.
        cut = _complete_length(text)
        if cut == len(text) and text.endswith('"') and _is_unescaped(text, cut - 1):
            cut -= 1
        self._held = text[cut:]
        return _unescaped(text[:cut])

    def close(self) -> str:
        """Give the rest.

        Raises:
            ValueError: If the text ends within the string.
        """
        if not self._is_begun or not self._held.endswith('"'):
            raise ValueError("The text of a string ends too early.")
        rest, self._held = self._held[:-1], ""
        return _unescaped(rest)


_ESCAPE_CHARACTERS = 6
"""Length of `\\u1234`."""
_HIGH_SURROGATE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")


def _complete_length(text: str) -> int:
    """Tell how much of a text can be read although something follows."""
    last = text.rfind("\\", max(0, len(text) - _ESCAPE_CHARACTERS))
    if last < 0 or not _is_unescaped(text, last):
        return len(text)
    escape = text[last:]
    if escape[1:2] not in ("", "u"):
        return len(text)
    if len(escape) == _ESCAPE_CHARACTERS:
        # The second half of a pair may follow.
        return last if _HIGH_SURROGATE.search(escape) else len(text)
    before = last - _ESCAPE_CHARACTERS
    is_second_half = (
        before >= 0
        and _HIGH_SURROGATE.search(text[before:last]) is not None
        and _is_unescaped(text, before)
    )
    return before if is_second_half else last


def _is_unescaped(text: str, place: int) -> bool:
    """Whether a character is not itself escaped by a backslash before it."""
    begin = place
    while begin > 0 and text[begin - 1] == "\\":
        begin -= 1
    return (place - begin) % 2 == 0


def _unescaped(text: str) -> str:
    value: str = json.loads(f'"{text}"')
    return value


_LEVELS = 8
"""Containers deeper than this are read in one go."""
_SCALARS = re.compile(r'(?:(?:"(?:[^"\\]|\\.)*+"|[^"\[\]{},]++),)*+')
"""Items of a list that are no containers, each with its comma."""


def decode_in_turns(text: str) -> Json:
    r"""Read what `encode` wrote as `decode` does, while other threads get their turns.

    Raises:
        json.JSONDecodeError: If the text is not JSON as `encode` writes it.
        InvalidNodeInput: If it is nested too deeply for Python.
        PayloadTooLarge: If an integer has too many digits.

    Example:
        >>> decode_in_turns('{"a":[1,1.0,"\\u00e9",{}]}')
        {'a': [1, 1.0, 'é', {}]}
    """
    try:
        value, end = _read(text, 0, 0)
    except json.JSONDecodeError:
        raise
    except (StopIteration, IndexError) as error:
        raise json.JSONDecodeError("Not encoded text", "", len(text)) from error
    except (ValueError, RecursionError):
        # An integer beyond the process's digit limit, or too deep: told apart there.
        return decode(text)
    if end != len(text):
        raise json.JSONDecodeError("Extra data", "", end)
    return value


# The standard library's scanners, which its type stubs leave out.
_scan: Callable[[str, int], tuple[Json, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_scan_string: Callable[[str, int, bool], tuple[str, int]] = json.decoder.scanstring  # type: ignore[attr-defined]


def _read(text: str, at: int, level: int) -> tuple[Json, int]:
    """Give the value that begins at a place, and where it ends."""
    if level < _LEVELS and text[at] == "[":
        return _read_list(text, at + 1, level + 1)
    if level < _LEVELS and text[at] == "{":
        return _read_object(text, at + 1, level + 1)
    return _scan(text, at)


def _read_list(text: str, at: int, level: int) -> tuple[list[Json], int]:
    items: list[Json] = []
    if text[at] == "]":
        return items, at + 1
    while True:
        at = _read_scalars(text, at, items)
        if text[at] == "]":
            return items, at + 1
        value, at = _read(text, at, level)
        items.append(value)
        at = _expect(text, at, ",", "]")
        if text[at - 1] == "]":
            return items, at


def _read_scalars(text: str, at: int, items: list[Json]) -> int:
    """Read what is no container, many items at once; where the next begins."""
    while len(text) - at > PIECE_CHARACTERS:
        found = _SCALARS.match(text, at, at + PIECE_CHARACTERS)
        if found is None or found.end() == at:
            break
        items.extend(json.loads(f"[{text[at : found.end() - 1]}]"))
        at = found.end()
    return at


def _read_object(text: str, at: int, level: int) -> tuple[dict[str, Json], int]:
    fields: dict[str, Json] = {}
    if text[at] == "}":
        return fields, at + 1
    while True:
        key, at = _scan_string(text, _expect(text, at, '"'), True)
        fields[key], at = _read(text, _expect(text, at, ":"), level)
        at = _expect(text, at, ",", "}")
        if text[at - 1] == "}":
            return fields, at


def _expect(text: str, at: int, *characters: str) -> int:
    if text[at] not in characters:
        raise json.JSONDecodeError(f"Expecting {' or '.join(characters)}", "", at)
    return at + 1
