"""Receives the content of an answer: a small one in memory, a large one in a file.

A text becomes the encoded text of its value on the way, so that a large one is never whole in
memory (invariant 15).
"""

import asyncio
import codecs
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from activities.tools.response_kind import CHARSET_SAMPLE_BYTES, SAMPLE_BYTES, detect_charset
from activities.tools.scratch import Scratch
from schema.errors import RequestFailed

MEMORY_BYTES = 1024 * 1024
"""Longer contents go to a file."""
_PIECE_BYTES = 1024 * 1024
_COUNTED_BYTES = 64 * 1024 * 1024
"""How far beyond its limit an answer is counted before the client hangs up."""


@dataclass(frozen=True)
class Received:
    """The content of an answer."""

    size: int
    """Bytes of it, once decompressed."""
    sample: bytes
    """Its first `SAMPLE_BYTES`."""
    content: bytes | Path
    """All of it, or the file that it is in."""


class SizeLimits:
    """How large an answer may be, by what it is.

    Args:
        text: Bytes of a text.
        file: Bytes of a file.
    """

    def __init__(self, text: int, file: int) -> None:
        self._text = text
        self._file = file

    def of(self, is_file: bool) -> int:
        """Give the limit."""
        return self._file if is_file else self._text

    def check(self, is_file: bool, size: int) -> None:
        """Make sure that an answer is not too large.

        Raises:
            RequestFailed: With Dify's message, if it is.
        """
        limit = self.of(is_file)
        if size > limit:
            raise RequestFailed(
                f"{'File' if is_file else 'Text'} size is too large, max size is "
                f"{limit / 1024**2:.2f} MB, but current size is {readable_size(size)}.",
                "ResponseSizeError",
            )


async def receive(
    pieces: AsyncIterator[bytes],
    scratch: Scratch,
    is_file: Callable[[bytes], bool],
    limits: SizeLimits,
    declared: int | None = None,
) -> Received:
    """Receive an answer.

    What is too large is not kept, but counted for a while, so that its size can be told.

    Args:
        pieces: The content.
        scratch: Where a large one goes.
        is_file: Tells by its sample what it is.
        limits: How large it may be.
        declared: Its size, if that was said before; then nothing needs to be counted.

    Raises:
        RequestFailed: If it is too large.
    """
    size, sample, kept = 0, b"", _Kept(scratch)
    limit: int | None = None
    try:
        async for piece in pieces:
            size += len(piece)
            if len(sample) < SAMPLE_BYTES:
                sample = (sample + piece)[:SAMPLE_BYTES]
            if limit is None and len(sample) == SAMPLE_BYTES:
                limit = limits.of(is_file(sample))
                limits.check(is_file(sample), declared or 0)
            if limit is None or size <= limit:
                await kept.write(piece)
            elif size > limit + _COUNTED_BYTES:
                break
        limits.check(is_file(sample), size)
        return Received(size, sample, await kept.content())
    finally:
        kept.close()


class _Kept:
    """Pieces in memory until they are many, then in a file; written in a thread, many at a time."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch
        self._pieces: list[bytes] = []
        self._bytes = 0
        self._file: BinaryIO | None = None

    async def write(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._bytes += len(piece)
        if self._bytes > MEMORY_BYTES:
            await self._flush()

    async def content(self) -> bytes | Path:
        if self._file is None:
            return b"".join(self._pieces)
        await self._flush()
        return self._path()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _path(self) -> Path:
        return self._scratch.file("answer")

    async def _flush(self) -> None:
        if self._file is None:
            self._file = self._path().open("wb", buffering=0)
        file, pieces = self._file, self._pieces
        self._pieces, self._bytes = [], 0
        await asyncio.to_thread(lambda: file.write(b"".join(pieces)))


def decode(content: bytes, charset: str | None) -> str | None:
    """Read a text as its answer says, or as UTF-8; None if it is neither.

    Example:
        >>> decode("é".encode("latin-1"), "latin-1"), decode("é".encode(), None)
        ('é', 'é')
    """
    for name in (charset, "utf-8"):
        if name is not None:
            try:
                return content.decode(name)
            except UnicodeDecodeError:
                continue
    return None


def decode_guessed(content: bytes) -> str:
    """Read a text as it looks; blocks."""
    return content.decode(detect_charset(content), errors="replace")


def encode_text(source: Path, target: Path, charset: str | None) -> None:
    """Write the encoded text of a string value whose content is in a file; blocks.

    Args:
        source: The content as it was received.
        target: Where the encoded text goes.
        charset: The encoding that the answer names, if any.
    """
    for name in (charset, "utf-8"):
        if name is not None:
            try:
                _encode(source, target, name, "strict")
                return
            except UnicodeDecodeError:
                continue
    with source.open("rb") as file:
        name = detect_charset(file.read(CHARSET_SAMPLE_BYTES))
    _encode(source, target, name, "replace")


def readable_size(size: int) -> str:
    """Write a size as Dify does.

    Example:
        >>> readable_size(10), readable_size(1536), readable_size(3 * 1024**2)
        ('10 bytes', '1.50 KB', '3.00 MB')
    """
    if size < 1024:
        return f"{size} bytes"
    if size < 1024**2:
        return f"{size / 1024:.2f} KB"
    return f"{size / 1024**2:.2f} MB"


def _encode(source: Path, target: Path, charset: str, errors: str) -> None:
    decoder = codecs.getincrementaldecoder(charset)(errors)
    with source.open("rb") as file, target.open("wb") as out:
        out.write(b'"')
        for piece in _read(file):
            text = decoder.decode(piece, final=not piece)
            out.write(json.dumps(text)[1:-1].encode("ascii"))
        out.write(b'"')


def _read(file: BinaryIO) -> Iterator[bytes]:
    """Give the pieces of a file, an empty one last."""
    while True:
        piece = file.read(_PIECE_BYTES)
        yield piece
        if not piece:
            return
