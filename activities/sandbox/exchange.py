"""One job's way through its socket: parts in with back-pressure, the result out within its bounds.

What the child writes is untrusted: everything is counted before it is kept, and nothing in a part
is parsed.
"""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO, Any

from activities.sandbox.frames import (
    BrokenMessage,
    Frame,
    FrameDecoder,
    Kind,
    encode_end,
    encode_header,
    encode_part,
    encode_pieces,
)
from activities.sandbox.job import Job, ResultPart

SPOOLED_BYTES = 64 * 1024
"""A larger part of a result goes into a file."""
_READ_BYTES = 256 * 1024
_SMALL_BYTES = 64 * 1024
"""Up to this a job is sent in one piece, which a socket takes at once."""


class OutputTooLarge(Exception):
    """The parts of a result are larger than the job's limit."""


class JobClock:
    """Counts the time of a job from its fork on, but not the time in which we keep it waiting.

    Args:
        timeout: Raises where the job is awaited.
        seconds: The limit.
    """

    def __init__(self, timeout: asyncio.Timeout, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._left = seconds
        self._begun = False
        self._stopped = False
        self._ended = False

    def begin(self) -> None:
        """Start to count."""
        self._begun = True
        if not self._stopped:
            self._count()

    def end(self) -> None:
        """Count no more, whatever still begins."""
        self._ended = True

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Do not count in this block."""
        if self._begun and not self._ended:
            self._left = (self._timeout.when() or 0.0) - self._loop.time()
            self._timeout.reschedule(None)
        self._stopped = True
        try:
            yield
        finally:
            self._stopped = False
            if self._begun:
                self._count()

    def _count(self) -> None:
        if not self._ended:
            self._timeout.reschedule(self._loop.time() + self._left)


class ResultReceiver:
    """Takes a result as its bytes come.

    Args:
        output_bytes: The most that all parts together may have.
        folder: Where large parts go; made when it is needed.
    """

    def __init__(self, output_bytes: int, folder: "SpoolFolder") -> None:
        self._decoder = FrameDecoder()
        self._left = output_bytes
        self._folder = folder
        self._open: _OpenPart | None = None
        self.header: dict[str, Any] | None = None
        self.parts: list[ResultPart] = []
        self.printed = ""
        self.is_whole = False

    def feed(self, content: bytes) -> None:
        """Take more bytes.

        Raises:
            BrokenMessage: If they are no result.
            OutputTooLarge: If there are too many.
        """
        for frame in self._decoder.feed(content):
            if self.is_whole:
                raise BrokenMessage("something follows its end")
            self._take(frame)

    def close(self) -> None:
        """Close the file of a part that is not whole."""
        if self._open is not None:
            self._open.finish()

    def _take(self, frame: Frame) -> None:
        if frame.kind is Kind.PRINTED:
            self._finish_part()
            self.printed = frame.payload.decode("utf-8", "replace")
            return
        self._left -= len(frame.payload)
        if self._left < 0:
            raise OutputTooLarge
        if frame.kind is Kind.HEADER:
            if self.header is not None:
                raise BrokenMessage("it has two headers")
            self.header = frame.json()
        elif self.header is None:
            raise BrokenMessage("it has no header")
        elif frame.kind is Kind.PART:
            self._finish_part()
            self._open = _OpenPart(frame, self._folder)
        elif frame.kind is Kind.PIECE:
            if self._open is None:
                raise BrokenMessage("a piece belongs to no part")
            self._open.add(frame.payload)
        else:
            self._finish_part()
            self.is_whole = True

    def _finish_part(self) -> None:
        if self._open is not None:
            self.parts.append(self._open.finish())
            self._open = None


class SpoolFolder:
    """A folder for the large parts of one result; there is none before the first."""

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._count = 0

    def new_path(self) -> Path:
        """Name a new file."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="holdfast-result-")
        self._count += 1
        return Path(self._folder.name) / str(self._count)

    def remove(self) -> None:
        """Remove all files."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None


class _OpenPart:
    """A part whose pieces are coming."""

    def __init__(self, frame: Frame, folder: SpoolFolder) -> None:
        described = frame.json()
        name, meta = described.get("name"), described.get("meta")
        if not isinstance(name, str) or not isinstance(meta, dict):
            raise BrokenMessage("a part has no name or no meta")
        self._name, self._meta = name, meta
        self._folder = folder
        self._content = bytearray()
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self._size = 0

    def add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._file is None and self._size > SPOOLED_BYTES:
            self._path = self._folder.new_path()
            self._file = self._path.open("wb")
            self._file.write(self._content)
            self._content.clear()
        if self._file is not None:
            self._file.write(piece)
        else:
            self._content += piece

    def finish(self) -> ResultPart:
        if self._file is not None:
            self._file.close()
        content = bytes(self._content) if self._path is None else self._path
        return ResultPart(self._name, self._meta, self._size, content)


async def exchange(
    connection: socket.socket, job: Job, receiver: ResultReceiver, clock: JobClock
) -> None:
    """Send a job and receive until the result is whole or the child's end is closed.

    Raises:
        BrokenMessage: If what comes back is no result.
        OutputTooLarge: If it is too large.
        Exception: What the source of a part raises.
    """
    small = _encode_small(job)
    if small is not None:
        await _send(connection, small)
        await _receive(connection, receiver)
        return
    sending = asyncio.create_task(_send_parts(connection, job, clock))
    receiving = asyncio.create_task(_receive(connection, receiver))
    try:
        await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
        await receiving
    finally:
        for task in (sending, receiving):
            task.cancel()
        await asyncio.gather(sending, receiving, return_exceptions=True)


def _header_of(job: Job) -> bytes:
    return encode_header({**job.header, "program": job.program})


def _encode_small(job: Job) -> bytes | None:
    """Give the whole message of a job without large parts, else None."""
    message = bytearray(_header_of(job))
    for part in job.parts:
        if not isinstance(part.content, bytes) or len(part.content) > _SMALL_BYTES - len(message):
            return None
        message += encode_part(part.name, {})
        for frame in encode_pieces(part.content):
            message += frame
    return bytes(message + encode_end()) if len(message) <= _SMALL_BYTES else None


async def _send_parts(connection: socket.socket, job: Job, clock: JobClock) -> None:
    await _send(connection, _header_of(job))
    for part in job.parts:
        await _send(connection, encode_part(part.name, {}))
        async for piece in _pieces(part.content, clock):
            for frame in encode_pieces(piece):
                await _send(connection, frame)
    await _send(connection, encode_end())


async def _pieces(content: bytes | AsyncIterator[bytes], clock: JobClock) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    while True:
        with clock.stopped():
            piece = await anext(content, None)
        if piece is None:
            return
        yield piece


async def _send(connection: socket.socket, content: bytes) -> None:
    # A child that is gone, or that answers without reading everything, says so as it is read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        await asyncio.get_running_loop().sock_sendall(connection, content)


async def _receive(connection: socket.socket, receiver: ResultReceiver) -> None:
    loop = asyncio.get_running_loop()
    while not receiver.is_whole:
        try:
            content = await loop.sock_recv(connection, _READ_BYTES)
        except ConnectionResetError:
            return
        if not content:
            return
        receiver.feed(content)
