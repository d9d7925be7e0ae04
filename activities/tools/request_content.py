"""The content of a body: pieces in memory and in files, sent without being whole in memory."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from activities.tools.http_client import RequestContent
from activities.tools.request_draft import BodyPiece, LargeText
from activities.tools.scratch import Scratch
from activities.tools.template_text import encoded
from schema.errors import ValueBehindReference
from schema.values.encoded_pieces import StringReader
from schema.values.encoded_text import ObjectText
from schema.values.files import File
from schema.values.segments import SegmentType

_PIECE_BYTES = 256 * 1024


class ContentSource(Protocol):
    """Where the contents of values and files come from, for one tenant."""

    def stream_text(self, text: LargeText) -> AsyncIterator[bytes]:
        """Give the encoded text of a value in the artifact store."""
        ...

    async def whole_text(self, text: LargeText) -> str:
        """Give such a value as a template shows it, whole."""
        ...

    def stream_file(self, file: File) -> AsyncIterator[bytes]:
        """Give the content of a file.

        Raises:
            RequestFailed: If it cannot be fetched.
        """
        ...


_Open: TypeAlias = Callable[[], AsyncIterator[bytes]]


@dataclass(frozen=True)
class _Part:
    size: int
    open: _Open


class PreparedContent(RequestContent):
    """A body whose length is known; each reading begins anew."""

    def __init__(self, parts: Sequence[_Part], file_sizes: Sequence[int]) -> None:
        self._parts = parts
        self.size = sum(part.size for part in parts)
        self.file_sizes = file_sizes
        """Length of each file in it."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            async for piece in part.open():
                yield piece


async def prepare(
    pieces: Sequence[BodyPiece], source: ContentSource, scratch: Scratch
) -> PreparedContent:
    """Get the pieces of a body ready to be sent.

    Args:
        pieces: What the body is made of.
        source: Where their contents are.
        scratch: For contents whose length is known only when they are here.

    Raises:
        RequestFailed: If a file cannot be fetched, or a text is none that can be sent.
    """
    parts: list[_Part] = []
    file_sizes: list[int] = []
    for index, piece in enumerate(pieces):
        if isinstance(piece, bytes):
            parts.append(_Part(len(piece), lambda content=piece: _in_memory(content)))  # type: ignore[misc]  # bound here, not when it is called
            continue
        path = scratch.file(f"part{index}")
        if isinstance(piece, LargeText):
            await _write_text(path, piece, source)
        else:
            await _write(path, source.stream_file(piece))
            file_sizes.append(path.stat().st_size)
        parts.append(_Part(path.stat().st_size, lambda path=path: _in_file(path)))  # type: ignore[misc]  # as above
    return PreparedContent(parts, file_sizes)


async def _in_memory(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), _PIECE_BYTES):
        yield content[start : start + _PIECE_BYTES]


async def _in_file(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece
    finally:
        file.close()


async def _write(path: Path, pieces: AsyncIterator[bytes]) -> None:
    file = await asyncio.to_thread(path.open, "wb")
    try:
        async for piece in pieces:
            await asyncio.to_thread(file.write, piece)
    finally:
        await asyncio.to_thread(file.close)


async def _write_text(path: Path, text: LargeText, source: ContentSource) -> None:
    try:
        await _write(path, _utf8(text, source))
    except ValueBehindReference:
        # A file or a segment inside an object is written by its fields: that needs the whole value.
        whole = await source.whole_text(text)
        await _write(path, _in_memory(encoded(whole)))


async def _utf8(text: LargeText, source: ContentSource) -> AsyncIterator[bytes]:
    """Turn a value's encoded text into what is sent.

    Raises:
        RequestFailed: If UTF-8 cannot carry the text.
    """
    reader = _reader(text)
    async for piece in source.stream_text(text):
        yield encoded(await asyncio.to_thread(reader.feed, piece))
    yield encoded(reader.close())


def _reader(text: LargeText) -> StringReader | ObjectText:
    if text.type is SegmentType.STRING:
        return StringReader()
    return ObjectText(",", ":") if text.is_compact else ObjectText()
