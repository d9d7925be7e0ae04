"""Replacing known texts, in a value or in a stream whose pieces may be cut anywhere.

The leftmost match counts, of two at one place the longer one, and the result does not depend on how
the text was cut. No pattern matcher is built: nothing that holds a secret outlives the object.
"""

import heapq
import re
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar

Text = TypeVar("Text", str, bytes)


class Replacer(Generic[Text]):
    """Replaces some texts by others.

    Example:
        >>> stream = Replacer({"secret": "***"}, "").stream()
        >>> stream.feed("a sec"), stream.feed("ret se"), stream.finish()
        ('a ', '*** ', 'se')
    """

    def __init__(self, replacements: Mapping[Text, Text], empty: Text) -> None:
        self._empty: Text = empty
        self.replacements: Mapping[Text, Text] = dict(replacements)
        # The longest first: where two begin at one place it is the one that counts.
        self.patterns: tuple[Text, ...] = tuple(sorted(self.replacements, key=len, reverse=True))

    def is_found_in(self, text: Text) -> bool:
        """Whether there may be anything to replace."""
        return any(pattern in text for pattern in self.patterns)

    def replace(self, text: Text) -> Text:
        """Replace in a whole text."""
        if not self.is_found_in(text):
            return text
        stream = self.stream()
        return stream.feed(text) + stream.finish()

    def stream(self) -> "ReplacingStream[Text]":
        """Begin a text that comes in pieces."""
        return ReplacingStream(self, self._empty)


class ReplacingStream(Generic[Text]):
    """One text that comes in pieces; holds back what may be the beginning of a match."""

    def __init__(self, replacer: Replacer[Text], empty: Text) -> None:
        self._replacer: Replacer[Text] = replacer
        self._held: Text = empty
        """What came last: given text that is still needed to judge matches, then text held back."""
        self._given = 0
        """How much of it is given already."""
        self.replaced = False
        """Whether anything was replaced so far."""

    def feed(self, piece: Text) -> Text:
        """Take a piece and give what is certain by now."""
        return self._take(self._held + piece, is_last=False)

    def finish(self) -> Text:
        """Give the rest, after the last piece."""
        return self._take(self._held, is_last=True)

    def _accepts(self, buffer: Text, start: int, pattern: Text) -> bool:
        """Whether a match is one; for streams whose text has a grammar."""
        return True

    def _context(self, given: Text) -> Text:
        """Give the part of what left the buffer that `_accepts` needs later."""
        return given[:0]

    def _take(self, buffer: Text, *, is_last: bool) -> Text:
        replacements = self._replacer.replacements
        taken: list[Text] = []
        position = self._given
        limit = len(buffer) if is_last else self._certain_until(buffer, position)
        for start, pattern in self._matches(buffer, position):
            if start >= limit:
                break
            taken += (buffer[position:start], replacements[pattern])
            position = start + len(pattern)
            self.replaced = True
            if position > limit:
                limit = self._certain_until(buffer, position)
        taken.append(buffer[position:limit])
        context = self._context(buffer[:limit])
        self._held = context + buffer[limit:]
        self._given = len(context)
        return buffer[:0].join(taken)

    def _matches(self, buffer: Text, start: int) -> Iterator[tuple[int, Text]]:
        """Give the matches that count, from the left, none overlapping the one before."""
        # Patterns are in order of length, so that of two at one place the longer one comes first.
        coming: list[tuple[int, int]] = []
        for order, pattern in enumerate(self._replacer.patterns):
            self._expect(coming, buffer, start, order, pattern)
        while coming:
            found, order = coming[0]
            pattern = self._replacer.patterns[order]
            yield found, pattern
            end = found + len(pattern)
            while coming and coming[0][0] < end:
                order = heapq.heappop(coming)[1]
                self._expect(coming, buffer, end, order, self._replacer.patterns[order])

    def _expect(
        self, coming: list[tuple[int, int]], buffer: Text, start: int, order: int, pattern: Text
    ) -> None:
        """Put the next match of a pattern, if there is one, where it will have its turn."""
        found = buffer.find(pattern, start)
        while found >= 0 and not self._accepts(buffer, found, pattern):
            found = buffer.find(pattern, found + 1)
        if found >= 0:
            heapq.heappush(coming, (found, order))

    def _certain_until(self, buffer: Text, start: int) -> int:
        """Find where the longest end of the buffer begins that a pattern may begin with."""
        until = len(buffer)
        for pattern in self._replacer.patterns:
            place = buffer.find(pattern[:1], max(start, len(buffer) - len(pattern) + 1), until)
            while place >= 0 and not pattern.startswith(buffer[place:]):
                place = buffer.find(pattern[:1], place + 1, until)
            if place >= 0:
                until = place
        return until


_OUTSIDE_STRINGS = frozenset(b"[]{}:,0123456789+-.eE" + b"truefalsenullNaNInfinity")
_BACKSLASH = b"\\"
_ESCAPE_BYTES = 6
"""Length of the longest escape."""
_STRUCTURE = re.compile(rb'\\.|"', re.DOTALL)


class JsonReplacer(Replacer[bytes]):
    r"""Replaces texts inside the strings of encoded text (ASCII JSON), and nowhere else.

    A match begins where a character begins, so that no escape is torn, and never in a number or
    between values.

    Example:
        >>> replacer = JsonReplacer({b"123456": b"*", b"u0041bc": b"*"})
        >>> replacer.replace(rb'[123456, "123456", "\u0041bc"]')
        b'[123456, "*", "\\u0041bc"]'
    """

    def __init__(self, replacements: Mapping[bytes, bytes]) -> None:
        super().__init__(replacements, b"")
        self.ambiguous = frozenset(p for p in self.patterns if _OUTSIDE_STRINGS.issuperset(p))
        """Patterns that text outside of strings might have."""

    def stream(self) -> "JsonStream":
        """Begin a text that comes in pieces."""
        return JsonStream(self)


class JsonStream(ReplacingStream[bytes]):
    """Encoded text that comes in pieces."""

    def __init__(self, replacer: JsonReplacer) -> None:
        super().__init__(replacer, b"")
        self._ambiguous = replacer.ambiguous
        self._in_string = False
        """Whether what is not given yet begins in a string; kept if a pattern is ambiguous."""

    def _accepts(self, buffer: bytes, start: int, pattern: bytes) -> bool:
        if _is_inside_escape(buffer, start):
            return False
        return pattern not in self._ambiguous or self._is_in_string(buffer, start)

    def _context(self, given: bytes) -> bytes:
        if self._ambiguous:
            self._in_string = self._is_in_string(given, len(given))
        head, tail = given[:-_ESCAPE_BYTES], given[-_ESCAPE_BYTES:]
        # Of a long row of backslashes only the parity matters.
        return (_BACKSLASH if _row_of_backslashes(head, len(head)) % 2 else b"") + tail

    def _is_in_string(self, buffer: bytes, place: int) -> bool:
        begin = self._given + _is_inside_escape(buffer, self._given)
        quotes = _STRUCTURE.findall(buffer, begin, place).count(b'"')
        return self._in_string ^ (quotes % 2 == 1)


def _is_inside_escape(text: bytes, place: int) -> bool:
    """Whether an escape begins before a place and ends after it."""
    backslash = text.rfind(_BACKSLASH, max(0, place - _ESCAPE_BYTES + 1), place)
    if backslash < 0:
        return False
    length = _ESCAPE_BYTES if text[backslash + 1 : backslash + 2] == b"u" else 2
    if place >= backslash + length:
        return False
    return _row_of_backslashes(text, backslash + 1) % 2 == 1


def _row_of_backslashes(text: bytes, end: int) -> int:
    """Count the backslashes that stand before a place without a gap."""
    start = end
    while start > 0 and text[start - 1 : start] == _BACKSLASH:
        start -= 1
    return end - start
