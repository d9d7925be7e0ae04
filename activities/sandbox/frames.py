"""How a job goes into the child and its result comes out: frames on one socket, both ways alike.

A message is a header frame, then for each part a part frame and the pieces of its content, then an
end frame; a result has the end of what the code printed just before its end frame. A frame is one
byte of kind, four bytes of length and the payload. `JobReader` and `JobWriter` are the child's
side and block; the worker's side (`exchange.py`) builds frames with the functions here and takes
them apart with `FrameDecoder`, which trusts nothing. Only the standard library is imported: the
fork server loads this module.
"""

import io
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any, BinaryIO, NamedTuple

PIECE_BYTES = 256 * 1024
"""Longest piece of a part's content."""
HEADER_BYTES = 16 * 1024 * 1024
"""Longest header of a job; it holds the author's source text."""
RESULT_HEADER_BYTES = 64 * 1024
"""Longest header of a result and of one of its parts: the worker parses them, outside the child."""
PRINTED_BYTES = 64 * 1024
"""How much of the end of what the code printed is kept."""

_PREFIX = struct.Struct("!BI")


class Kind(IntEnum):
    """What the payload of a frame is."""

    HEADER = 1
    """A JSON object."""
    PART = 2
    """A JSON object: name and meta of the part whose pieces follow."""
    PIECE = 3
    """Bytes of the content of that part."""
    PRINTED = 4
    """UTF-8 text."""
    END = 5
    """Nothing; a message without it is not whole."""


class Frame(NamedTuple):
    """One frame, taken apart."""

    kind: Kind
    payload: bytes

    def json(self) -> dict[str, Any]:
        """Give the object of a header or part frame.

        Raises:
            BrokenMessage: If it is none.
        """
        try:
            value = json.loads(self.payload)
        # RecursionError: thousands of brackets; the sender may be hostile.
        except (ValueError, RecursionError) as error:
            raise BrokenMessage(f"a {self.kind.name.lower()} frame holds no JSON") from error
        if not isinstance(value, dict):
            raise BrokenMessage(f"a {self.kind.name.lower()} frame holds no object")
        return value


class BrokenMessage(Exception):
    """What came over the socket is no message, or not a whole one."""


def encode_header(header: Mapping[str, Any], at_most: int = HEADER_BYTES) -> bytes:
    """Give the frame that begins a message.

    Raises:
        ValueError: If the header is longer than it may be.
    """
    return _encode_json(Kind.HEADER, header, at_most)


def encode_part(name: str, meta: Mapping[str, Any], at_most: int = RESULT_HEADER_BYTES) -> bytes:
    """Give the frame that begins a part.

    Raises:
        ValueError: If name and meta are longer than they may be.
    """
    return _encode_json(Kind.PART, {"name": name, "meta": meta}, at_most)


def encode_pieces(content: bytes) -> Iterator[bytes]:
    """Give content as frames of a length that both sides accept.

    Example:
        >>> [len(frame) for frame in encode_pieces(b"x" * (PIECE_BYTES + 1))]
        [262149, 6]
    """
    for start in range(0, len(content), PIECE_BYTES):
        yield _encode(Kind.PIECE, content[start : start + PIECE_BYTES])


def encode_printed(text: str) -> bytes:
    """Give the frame of what was printed, no more than its last `PRINTED_BYTES`."""
    return _encode(Kind.PRINTED, text.encode("utf-8", "replace")[-PRINTED_BYTES:])


def encode_end() -> bytes:
    """Give the frame that ends a message."""
    return _encode(Kind.END, b"")


class FrameDecoder:
    """Takes frames out of bytes as they arrive.

    Args:
        header_bytes: The longest header, part or printed frame that is accepted.

    Example:
        >>> decoder = FrameDecoder()
        >>> decoder.feed(encode_end())
        [Frame(kind=<Kind.END: 5>, payload=b'')]
    """

    def __init__(self, header_bytes: int = RESULT_HEADER_BYTES) -> None:
        self._header_bytes = header_bytes
        self._buffer = bytearray()

    def feed(self, content: bytes) -> list[Frame]:
        """Add bytes and give the frames that are whole now.

        Raises:
            BrokenMessage: If a frame is of no kind, or longer than its kind may be.
        """
        self._buffer += content
        frames: list[Frame] = []
        start = 0
        while len(self._buffer) - start >= _PREFIX.size:
            kind, length = check_prefix(
                self._buffer[start : start + _PREFIX.size], self._header_bytes
            )
            end = start + _PREFIX.size + length
            if end > len(self._buffer):
                break
            frames.append(Frame(kind, bytes(self._buffer[start + _PREFIX.size : end])))
            start = end
        del self._buffer[:start]
        return frames


def check_prefix(prefix: bytes | bytearray, header_bytes: int) -> tuple[Kind, int]:
    """Give kind and length of a frame.

    Raises:
        BrokenMessage: If there is no such kind, or it may not be so long.
    """
    number, length = _PREFIX.unpack(prefix)
    try:
        kind = Kind(number)
    except ValueError:
        raise BrokenMessage(f"there are no frames of kind {number}") from None
    if length > (PIECE_BYTES if kind is Kind.PIECE else header_bytes):
        raise BrokenMessage(f"a {kind.name.lower()} frame of {length} bytes is too long")
    return kind, length


class JobReader:
    """A job as its program reads it: the header at once, then one part after the other.

    Args:
        stream: Blocking; read until the end frame and not beyond it.

    Raises:
        BrokenMessage: If what comes is no job.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        first = self._frame = self._read_frame()
        if first.kind is not Kind.HEADER:
            raise BrokenMessage(f"a job begins with a {first.kind.name.lower()} frame")
        self.header: dict[str, Any] = first.json()
        """The header of the job; `program` in it is the name of the program."""

    def parts(self) -> Iterator[tuple[str, bytes]]:
        """Give name and content of each part, once; only one content is held at a time.

        Raises:
            BrokenMessage: If the job is not whole.
        """
        for name, pieces in self.streamed_parts():
            # getvalue() of this buffer hands its memory over instead of copying it.
            content = io.BytesIO()
            for piece in pieces:
                content.write(piece)
            whole = content.getvalue()
            del content
            yield name, whole
            del whole

    def streamed_parts(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Give name and pieces of each part, once; what is left of one is dropped.

        Raises:
            BrokenMessage: If the job is not whole.
        """
        self._frame = self._read_frame()
        while self._frame.kind is Kind.PART:
            pieces = self._pieces()
            yield self._frame.json()["name"], pieces
            for _ in pieces:
                pass
        if self._frame.kind is not Kind.END:
            kind = self._frame.kind.name.lower()
            raise BrokenMessage(f"a {kind} frame stands where none may")

    def _pieces(self) -> Iterator[bytes]:
        self._frame = self._read_frame()
        while self._frame.kind is Kind.PIECE:
            yield self._frame.payload
            self._frame = self._read_frame()

    def _read_frame(self) -> Frame:
        kind, length = check_prefix(self._read(_PREFIX.size), HEADER_BYTES)
        return Frame(kind, self._read(length))

    def _read(self, length: int) -> bytes:
        content = self._stream.read(length)
        if len(content) < length:
            raise BrokenMessage("it ends too early")
        return content


class JobWriter:
    """A result as its program writes it: `begin` once, then any number of parts.

    Args:
        stream: Blocking; small results leave in one piece if it is buffered.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def begin(self, header: Mapping[str, Any]) -> None:
        """Write the header.

        Raises:
            ValueError: If it is longer than `RESULT_HEADER_BYTES`; nothing is written then.
        """
        self._stream.write(encode_header(header, RESULT_HEADER_BYTES))

    def part(
        self, name: str, meta: Mapping[str, Any], pieces: Iterable[bytes], size: int | None = None
    ) -> None:
        """Write one part.

        Args:
            name: Of the part.
            meta: Small plain JSON.
            pieces: The content, in pieces of any length.
            size: Bytes of the content, if they are to be checked.

        Raises:
            ValueError: If name and meta are too long, or the content has another size.
        """
        self._stream.write(encode_part(name, meta))
        written = 0
        for piece in pieces:
            written += len(piece)
            for frame in encode_pieces(piece):
                self._stream.write(frame)
        if size is not None and written != size:
            raise ValueError(f"part {name!r} has {written} bytes, not {size}")

    def end(self, printed: str) -> None:
        """Write what was printed and that this is all; the fork does it after its program."""
        self._stream.write(encode_printed(printed) + encode_end())
        self._stream.flush()

    def fail(self, printed: str) -> None:
        """Write what was printed, in place of an end: the result is not whole."""
        self._stream.write(encode_printed(printed))
        self._stream.flush()


def _encode_json(kind: Kind, value: Mapping[str, Any], at_most: int) -> bytes:
    payload = json.dumps(value, separators=(",", ":")).encode("ascii")
    if len(payload) > at_most:
        raise ValueError(
            f"a {kind.name.lower()} frame of {len(payload)} bytes is longer than {at_most}"
        )
    return _encode(kind, payload)


def _encode(kind: Kind, payload: bytes) -> bytes:
    return _PREFIX.pack(kind, len(payload)) + payload
