"""From the encoded text of a large object or list to the text that a template shows, in pieces.

The encoded text is what `encoding.encode` writes: ASCII, compact. Neither side is ever whole in
memory. What comes out is what `Segment.text` gives for the same value. Strings are read by
`encoded_pieces.StringReader`.
"""

import json
import re
from collections.abc import Iterator
from functools import lru_cache

from schema.errors import InvalidNodeInput, ValueBehindReference
from schema.values.encoding import TAG

_REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+"')
_HIGH_SURROGATE = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")
_TAG_KEY = TAG.encode()
_KEY_BYTES = 64


class ObjectText:
    r"""The text of an object or a list, as JSON with its non-ASCII characters as they are.

    Args:
        item_separator: What stands between items.
        key_separator: What stands between a key and its value.

    Example:
        >>> text = ObjectText()
        >>> text.feed(b'{"\\u00e9":[1,"x,y"]}') + text.close()
        '{"é": [1, "x,y"]}'
    """

    def __init__(self, item_separator: str = ", ", key_separator: str = ": ") -> None:
        self._items = item_separator
        self._keys = key_separator
        self._held = b""
        self._in_string = False

    def feed(self, piece: bytes) -> str:
        """Take a piece and give what is certain.

        Raises:
            ValueBehindReference: If something inside is no JSON: a file, or a reference.
        """
        text = self._held + piece
        if b'\\"' in text or b"\\\\" in text:
            return "".join(self._pieces(text))
        return "".join(self._split(text))

    def close(self) -> str:
        """Give the rest: there is none."""
        if self._in_string or self._held:
            raise InvalidNodeInput("The stored value is cut off.")
        return ""

    def _split(self, text: bytes) -> Iterator[str]:
        """Take a text in which every quotation mark begins or ends a string: four times as fast."""
        parts = text.split(b'"')
        first, last = int(self._in_string), len(parts) - 1
        self._held, self._in_string = b"", (last + first) % 2 == 1
        for index, part in enumerate(parts):
            if (index + first) % 2 == 0:
                yield self._structure(part)
                if index < last:
                    yield '"'
            elif index == last:
                cut = _cut_of_open(part)
                self._held = part[cut:]
                yield _rewritten(part[:cut])
            elif part == _TAG_KEY:
                raise _no_json()
            else:
                yield _rewritten(part) + '"'

    def _pieces(self, text: bytes) -> Iterator[str]:
        position = 0
        while position < len(text):
            if not self._in_string:
                quote = text.find(b'"', position)
                stop = len(text) if quote < 0 else quote
                yield self._structure(text[position:stop])
                if quote < 0:
                    break
                yield '"'
                self._in_string, position = True, quote + 1
                continue
            rest = _REST_OF_STRING.match(text, position)
            if rest is None:
                cut = position + _cut_of_open(text[position:])
                yield _rewritten(text[position:cut])
                self._held = text[cut:]
                return
            content = text[position : rest.end() - 1]
            if content == _TAG_KEY:
                raise _no_json()
            yield _rewritten(content) + '"'
            self._in_string, position = False, rest.end()
        self._held = b""

    def _structure(self, text: bytes) -> str:
        """Write brackets, separators, numbers and literals."""
        if text == b":":
            return self._keys
        return text.decode("ascii").replace(",", self._items).replace(":", self._keys)


def _no_json() -> ValueBehindReference:
    return ValueBehindReference("Something inside the value is no JSON.")


def _unescaped(inside: bytes) -> str:
    text: str = json.loads(b'"' + inside + b'"') if inside else ""
    return text


def _rewritten(inside: bytes) -> str:
    """Write what is inside a string as JSON that keeps its characters."""
    if b"\\u" not in inside:
        return inside.decode("ascii")
    return _rewritten_key(inside) if len(inside) <= _KEY_BYTES else _with_characters(inside)


@lru_cache(maxsize=4096)
def _rewritten_key(inside: bytes) -> str:
    """Write a short string: keys of objects come again and again."""
    return _with_characters(inside)


def _with_characters(inside: bytes) -> str:
    return json.dumps(_unescaped(inside), ensure_ascii=False)[1:-1]


def _cut_of_open(inside: bytes) -> int:
    """Find where a string that goes on may be cut; what may be the tag of ours waits whole."""
    return 0 if _TAG_KEY.startswith(inside) else _safe_cut(inside)


def _safe_cut(text: bytes) -> int:
    """Find where the inside of a string may be cut: before its last character.

    A character is an escape, or two that are a surrogate pair; `text` begins with a whole one.
    """
    last = text.rfind(b"\\")
    if last < 0:
        return max(0, len(text) - 1)
    # A run of backslashes begins with one that begins an escape: nothing before it reaches into it.
    position = start = _start_of_run(text, last)
    while position < len(text):
        start = position
        position += _length(text, position)
    return start - 6 if _ends_with_high_surrogate(text[:start]) else start


def _length(text: bytes, position: int) -> int:
    if text[position : position + 1] != b"\\":
        return 1
    return 6 if text[position + 1 : position + 2] == b"u" else 2


def _start_of_run(text: bytes, last: int) -> int:
    """Give where the backslashes begin that end at `last`."""
    return len(text[: last + 1].rstrip(b"\\"))


def _ends_with_high_surrogate(text: bytes) -> bool:
    if _HIGH_SURROGATE.search(text[-6:]) is None:
        return False
    slash = len(text) - 6
    return (slash - _start_of_run(text, slash)) % 2 == 0
