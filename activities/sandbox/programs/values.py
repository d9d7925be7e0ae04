"""How programs read the values of a job and write those of a result.

A part is the encoded text of a value (`schema/values/encoding.py`). Texts are read and written in
pieces, because the child may hold a large one once and not much more than twice on the way.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeAlias

from activities.sandbox.frames import JobReader, JobWriter
from activities.sandbox.part_names import INPUT
from schema.selectors import Selector
from schema.values.encoded_pieces import encode_in_pieces
from schema.values.encoding import decode, encode, from_wire
from schema.values.segments import Segment, infer_type, plain
from schema.values.templates import with_file_fields
from schema.values.variables import Variables

Json: TypeAlias = Any

MAX_ERROR_CHARACTERS = 1_900
"""Longest text of an error: below the bound of every error, with room for a hint."""

_PIECE = 256 * 1024
_LONG = 1024 * 1024
"""Bytes of text from which on it is not read at once."""
_ESCAPE_BYTES = 6
"""Of `\\uXXXX`, the longest escape."""
_HIGH_HALF = re.compile(rb"\\u[dD][89abAB]")
_LOW_HALF = re.compile(rb"\\u[dD][c-fC-F]")
"""Two escapes that make one character begin so."""


def read_inputs(job: JobReader) -> dict[str, Json]:
    """Read what an author's code or template is given, as plain JSON by name.

    `job.header["inputs"]` has an entry an input: its name, the part with its value (null where
    there is none), and a path inside that value.
    """
    values = {name: read_value(pieces) for name, pieces in job.streamed_parts()}
    inputs: dict[str, Json] = {}
    for name, part, path in job.header["inputs"]:
        value = None if part is None else values[part]
        inputs[name] = _inside(value, path) if path else value
    return inputs


def read_value(pieces: Iterable[bytes]) -> Json:
    """Read encoded text as plain JSON: files by their fields, segments as their values."""
    parts = iter(pieces)
    beginning = b"".join(_until(parts, _LONG))
    if len(beginning) >= _LONG and beginning.startswith(b'"'):
        return "".join(_read_text(beginning[1:], parts))
    text = "".join(piece.decode("ascii") for piece in chain([beginning], parts))
    del beginning
    return with_file_fields(plain(from_wire(decode(text))))


def echo_inputs(job: JobReader, inputs: Mapping[str, Json], writer: JobWriter) -> None:
    """Write the inputs that the worker wants to see; they are inside values that it never reads."""
    for name in job.header.get("echo", ()):
        write_value(writer, INPUT + name, inputs[name])


def write_value(writer: JobWriter, name: str, value: Json) -> None:
    """Write plain JSON as a part, with its type."""
    writer.part(name, {"type": str(infer_type(value))}, value_pieces(value))


def value_pieces(value: Json) -> Iterator[bytes]:
    """Encode plain JSON in pieces; no second copy is made of it."""
    if isinstance(value, str):
        yield from text_pieces([value])
        return
    for text in encode_in_pieces(value):
        yield text.encode("ascii")


def text_pieces(parts: Iterable[str]) -> Iterator[bytes]:
    """Encode the text that the parts make up, in pieces."""
    yield b'"'
    for part in parts:
        for start in range(0, len(part), _PIECE):
            yield encode(part[start : start + _PIECE])[1:-1].encode("ascii")
    yield b'"'


def write_failure(writer: JobWriter, message: str, error_type: str) -> None:
    """Write a result that says why there is none; the end of a long message is what counts."""
    if len(message) > MAX_ERROR_CHARACTERS:
        message = "…" + message[-MAX_ERROR_CHARACTERS:]
    writer.begin({"error": message, "error_type": error_type})


def _until(pieces: Iterator[bytes], length: int) -> Iterator[bytes]:
    """Give pieces until there are so many bytes, or no more."""
    while length > 0 and (piece := next(pieces, b"")):
        length -= len(piece)
        yield piece


def _read_text(beginning: bytes, pieces: Iterable[bytes]) -> Iterator[str]:
    """Decode the text behind an opening quote, piece by piece; the closing quote stays."""
    rest = beginning
    for piece in pieces:
        rest += piece
        cut = _cut(rest)
        yield decode(b'"' + rest[:cut] + b'"')
        rest = rest[cut:]
    yield decode(b'"' + rest)


def _cut(content: bytes) -> int:
    """Find a place near the end at which neither an escape nor a character of two is torn apart."""
    # The last byte may be the closing quote.
    end = len(content) - 2 * _ESCAPE_BYTES - 1
    last = content.rfind(b"\\", max(0, end - _ESCAPE_BYTES), max(0, end))
    if last < 0:
        return max(0, end)
    cut = last - _depth_in_run(content, last) % 2
    before = cut - _ESCAPE_BYTES
    if before < 0 or not _LOW_HALF.match(content, cut) or not _HIGH_HALF.match(content, before):
        return cut
    return cut if _depth_in_run(content, before) % 2 else before


def _depth_in_run(content: bytes, position: int) -> int:
    """Count the backslashes right before one; at an even depth it begins an escape."""
    return position - len(content[:position].rstrip(b"\\"))


def _inside(value: Json, path: list[str]) -> Json:
    """Select inside a value as the worker does where it holds the value."""
    found = Variables({("", ""): Segment.infer(value)}).find(Selector("", "", tuple(path)))
    return None if found is None else found.value
