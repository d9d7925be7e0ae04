"""Decompresses answers in small pieces, so that a bomb is counted while it unfolds.

What the client asks for, gzip and deflate; other encodings stay as they came.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import httpx

PIECE_BYTES = 256 * 1024
_MOST_ENCODINGS = 5
_GZIP_WINDOW = zlib.MAX_WBITS | 16


class _Decoder(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]: ...


async def decoded_pieces(response: httpx.Response) -> AsyncIterator[bytes]:
    """Give the content of an answer, none of its pieces larger than `PIECE_BYTES`.

    Raises:
        httpx.DecodingError: If the content is not in the encoding that it is said to be.
        httpx.TransportError: If the answer breaks off.
    """
    decoders = _decoders(response)
    async for raw in response.aiter_raw():
        try:
            for piece in _through(decoders, raw):
                yield piece
        except zlib.error as error:
            raise httpx.DecodingError(str(error), request=response.request) from error


def _decoders(response: httpx.Response) -> list[_Decoder]:
    """Give the decoders in the order in which they undo what the peer did."""
    names = response.headers.get("content-encoding", "").lower().split(",")
    known: list[_Decoder] = [
        _DECODERS[name.strip()]() for name in names if name.strip() in _DECODERS
    ]
    if len(known) > _MOST_ENCODINGS:
        raise httpx.DecodingError(
            f"the content is encoded {len(known)} times", request=response.request
        )
    return known[::-1]


def _through(decoders: list[_Decoder], data: bytes) -> Iterator[bytes]:
    if not decoders:
        for start in range(0, len(data), PIECE_BYTES):
            yield data[start : start + PIECE_BYTES]
        return
    for piece in decoders[0].feed(data):
        yield from _through(decoders[1:], piece)


class _Inflate:
    """Undoes one compression of zlib's kinds."""

    def __init__(self, window: int) -> None:
        self._stream = zlib.decompressobj(window)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while True:
            piece = self._stream.decompress(data, PIECE_BYTES)
            if piece:
                yield piece
            data = self._stream.unconsumed_tail
            if len(piece) < PIECE_BYTES and not data:
                return


class _Gzip(_Inflate):
    def __init__(self) -> None:
        super().__init__(_GZIP_WINDOW)


class _Deflate:
    """`deflate` with its header, or without, as some servers send it."""

    def __init__(self) -> None:
        self._inflate: _Inflate | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if not data:
            return
        if self._inflate is None:
            self._inflate = _Inflate(_window_of(data[0]))
        yield from self._inflate.feed(data)


def _window_of(first: int) -> int:
    """Tell zlib's header, whose method is always 8, from the beginning of a raw stream."""
    return zlib.MAX_WBITS if first & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS


_DECODERS: dict[str, type[_Gzip] | type[_Deflate]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
}
