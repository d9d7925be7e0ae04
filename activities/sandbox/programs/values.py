"""How programs read the values of a job and write those of a result.

A part is the encoded text of a value (`schema/values/encoding.py`). Texts are read and written in
pieces, because the child may hold a large one once and not much more than twice on the way.
"""

import io
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from activities.sandbox.frames import JobReader, JobWriter
from activities.sandbox.part_names import INPUT
from schema.selectors import Selector
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
_ESCAPES = re.compile(
    rb"(?:[^\\]+"  # what stands for itself
    rb"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # one character in two halves
    rb"|\\u[0-9a-fA-F]{4}|\\[^u])*"
)
_HIGH_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}\Z")


def read_inputs(job: JobReader) -> dict[str, Json]:
    """Read what an author's code or template is given, as plain JSON by name.

    `job.header["inputs"]` has an entry an input: its name, the part with its value (null where
    there is none), and a path inside that value.
    """
    values = {name: read_value(content) for name, content in job.parts()}
    inputs: dict[str, Json] = {}
    for name, part, path in job.header["inputs"]:
        value = None if part is None else values[part]
        inputs[name] = _inside(value, path) if path else value
    return inputs


def read_value(content: bytes) -> Json:
    """Read encoded text as plain JSON: files by their fields, segments as their values."""
    if len(content) > _LONG and content.startswith(b'"'):
        return _read_long_text(content)
    return with_file_fields(plain(from_wire(decode(content))))


def echo_inputs(job: JobReader, inputs: Mapping[str, Json], writer: JobWriter) -> None:
    """Write the inputs that the worker wants to see; they are inside values that it never reads."""
    for name in job.header.get("echo", ()):
        write_value(writer, INPUT + name, inputs[name])


def write_value(writer: JobWriter, name: str, value: Json) -> None:
    """Write plain JSON as a part, with its type."""
    writer.part(name, {"type": str(infer_type(value))}, value_pieces(value))


def value_pieces(value: Json) -> Iterator[bytes]:
    """Encode plain JSON in pieces; of a text no second copy is made."""
    if isinstance(value, str):
        yield from text_pieces([value])
        return
    text = encode(value)
    for start in range(0, len(text), _PIECE):
        yield text[start : start + _PIECE].encode("ascii")


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


def _read_long_text(content: bytes) -> str:
    text = io.StringIO()
    position, end = 1, len(content) - 1
    while position < end:
        cut = _cut(content, position, end)
        text.write(decode(b'"' + content[position:cut] + b'"'))
        position = cut
    return text.getvalue()


def _cut(content: bytes, start: int, end: int) -> int:
    """Find a place at which no character is torn apart."""
    if end - start <= _PIECE:
        return end
    found = _ESCAPES.match(content, start, start + _PIECE)
    cut = found.end() if found is not None else start
    if _HIGH_HALF.search(content, max(start, cut - 6), cut):
        cut -= 6
    return cut if cut > start else end


def _inside(value: Json, path: list[str]) -> Json:
    """Select inside a value as the worker does where it holds the value."""
    found = Variables({("", ""): Segment.infer(value)}).find(Selector("", "", tuple(path)))
    return None if found is None else found.value
