"""The parts of a sandbox's result as outputs of a node; nothing in them is trusted.

A small value is read and goes through the node's own check once more. A large one stays a file that
nobody here reads as a value: a look at its text makes sure that it is text of the type it claims,
and that nothing in it passes for an object of ours.
"""

import asyncio
import io
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from activities.sandbox.job import JobResult, ResultPart
from activities.sandbox.part_names import INPUT, OUTPUT
from activities.values import SpooledValue
from schema.errors import CodeFailed
from schema.limits import INLINE_VALUE_BYTES
from schema.values.encoding import TAG, decode, to_wire
from schema.values.segments import Segment, SegmentType

_SCANNED_BYTES = 1024 * 1024
_OVERLAP_BYTES = 64
_ESCAPE_BYTES = 6
_PRINTABLE = bytes(range(0x20, 0x7F))
_SHORT_ESCAPES = (rb"\"", rb"\/", rb"\b", rb"\f", rb"\n", rb"\r", rb"\t")
_LONG_ESCAPE = re.compile(rb"\\u[0-9a-f]{4}")
_OURS = re.compile(rb'"%b"\s*:|\\u00(?:[2-6][0-9a-fA-F]|7[0-9a-eA-E])' % re.escape(TAG.encode()))
"""Our tag as a key; or a letter escaped that our encoder never escapes, as the tag could be."""
_NUMBER = frozenset(b"-0123456789")
_BEGINNINGS: Mapping[SegmentType, frozenset[int]] = {
    SegmentType.STRING: frozenset(b'"'),
    SegmentType.OBJECT: frozenset(b"{"),
    SegmentType.INTEGER: _NUMBER,
    SegmentType.FLOAT: _NUMBER,
}
"""By which characters the text of a type may begin; lists by their bracket."""
_MAX_ERROR_TYPE_CHARACTERS = 100

Check = Callable[[dict[str, Any]], Mapping[str, Any]]


def failure_in(result: JobResult) -> CodeFailed | None:
    """Give the failure that a program reports, None if it reports none."""
    error = result.header.get("error")
    if error is None:
        return None
    error_type = result.header.get("error_type")
    return CodeFailed(str(error), str(error_type or "")[:_MAX_ERROR_TYPE_CHARACTERS])


async def read_outputs(
    result: JobResult, types: Mapping[str, Collection[SegmentType]], check: Check
) -> dict[str, Any]:
    """Give the outputs of a result: typed values in wire form, large ones as `SpooledValue`.

    The files of large ones are moved out of the result: whoever gets them removes them.

    Args:
        result: Without failure.
        types: Which types each output may have, by name.
        check: Given the small outputs as plain JSON; gives them as they are to be.

    Raises:
        CodeFailed: If an output is missing, or is not what it claims to be.
    """
    parts = {part.name: part for part in result.parts}
    small: dict[str, Any] = {}
    large: dict[str, tuple[SegmentType, ResultPart]] = {}
    for name, allowed in types.items():
        part = parts.get(OUTPUT + name)
        if part is None:
            raise _damaged(f"the output {name!r} is missing")
        if part.size <= INLINE_VALUE_BYTES:
            small[name] = _decoded(part)
        else:
            # Seconds for hundreds of megabytes, and nothing else may wait for that.
            large[name] = (await asyncio.to_thread(_large_type, part, allowed), part)
    checked = check(small)
    return {
        name: _spooled(*large[name]) if name in large else to_wire(Segment.infer(checked[name]))
        for name in types
    }


def read_echoes(result: JobResult, names: Collection[str]) -> dict[str, Any]:
    """Give inputs that the child found, in wire form; large ones are left out.

    Raises:
        CodeFailed: If one of them is not what it claims to be.
    """
    echoes = [part for part in result.parts if part.name.removeprefix(INPUT) in names]
    return {
        part.name.removeprefix(INPUT): to_wire(_decoded(part))
        for part in echoes
        if part.name.startswith(INPUT) and part.size <= INLINE_VALUE_BYTES
    }


def _decoded(part: ResultPart) -> Any:
    content = part.content
    text = content.read_bytes() if isinstance(content, Path) else content
    try:
        return decode(text)
    except json.JSONDecodeError as error:
        raise _damaged(str(error)) from None


def _large_type(part: ResultPart, allowed: Collection[SegmentType]) -> SegmentType:
    """Give the type that a large value claims, if its text does not contradict it."""
    claimed = part.meta.get("type")
    segment_type = next((each for each in allowed if each == claimed), None)
    if segment_type is None:
        raise _damaged(f"{part.name!r} cannot be of the type {claimed!r}")
    with _open(part) as file:
        first = file.read(1)
        if first[0] not in _BEGINNINGS.get(segment_type, frozenset(b"[")):
            raise _damaged(f"{part.name!r} is no {segment_type}")
        is_sound = _is_text(file) if first == b'"' else not _holds_ours(file)
    if not is_sound:
        raise _damaged(f"{part.name!r} is not encoded as it should be, or has a key {TAG!r}")
    return segment_type


def _open(part: ResultPart) -> BinaryIO:
    content = part.content
    return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)


def _without_pairs(file: BinaryIO) -> Iterator[bytes]:
    """Give JSON text with blanks for pairs of backslashes: those left over begin an escape."""
    held = b""
    while piece := file.read(_SCANNED_BYTES):
        piece = held + piece
        is_torn = (len(piece) - len(piece.rstrip(b"\\"))) % 2 == 1
        held = b"\\" if is_torn else b""
        yield (piece[:-1] if is_torn else piece).replace(rb"\\", b"  ")
    yield held


def _is_text(file: BinaryIO) -> bool:
    """Whether what follows an opening quote is the rest of one encoded text."""
    rest = b""
    for piece in _without_pairs(file):
        rest += piece
        # Not inside an escape, and not the last byte, which has to be the closing quote.
        last = rest.rfind(b"\\", max(0, len(rest) - _ESCAPE_BYTES))
        end = max(0, len(rest) - 1) if last < 0 else last
        if not _is_inner_text(rest[:end]):
            return False
        rest = rest[end:]
    return rest.endswith(b'"') and _is_inner_text(rest[:-1])


def _is_inner_text(piece: bytes) -> bool:
    """Whether this may stand between quotes; counted, as looking at each byte takes seconds."""
    escapes = piece.count(b"\\")
    quotes = piece.count(b'"')
    if escapes:
        escapes -= sum(map(piece.count, _SHORT_ESCAPES))
        quotes -= piece.count(rb"\"")
    if escapes:
        escapes -= len(_LONG_ESCAPE.findall(piece))
    return not (escapes or quotes or piece.translate(None, _PRINTABLE))


def _holds_ours(file: BinaryIO) -> bool:
    """Whether JSON text has a key that marks an object of ours, in any spelling."""
    before = b""
    for piece in _without_pairs(file):
        if _OURS.search(before + piece):
            return True
        before = (before + piece)[-_OVERLAP_BYTES:]
    return False


def _spooled(segment_type: SegmentType, part: ResultPart) -> SpooledValue:
    """Move a large value to a file of its own."""
    handle, name = tempfile.mkstemp(prefix="holdfast-", suffix=".json")
    with open(handle, "wb") as file:
        if isinstance(part.content, bytes):
            file.write(part.content)
    if isinstance(part.content, Path):
        shutil.move(part.content, name)
    return SpooledValue(segment_type, Path(name))


def _damaged(what: str) -> CodeFailed:
    return CodeFailed(f"Failed to parse result: {what}.")
