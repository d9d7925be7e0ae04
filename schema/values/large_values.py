"""Large values move out of the way: to a reference when they are made, back when they are read.

A value whose encoded text is longer than `INLINE_VALUE_BYTES` lives in the artifact store
(invariant 15). Used by whoever starts a run, by activities and by whoever shows a run. Writing a
value needs no second copy of it, reading one at most one more; both leave the event loop to
others.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from schema.limits import INLINE_VALUE_BYTES
from schema.values.artifact_ref import ArtifactRef, ArtifactStore
from schema.values.encoded_pieces import (
    StringReader,
    decode_in_turns,
    encode_in_pieces,
    is_small,
)
from schema.values.encoding import decode, encode, from_wire, to_wire
from schema.values.references import (
    Reference,
    contents_of,
    find_references,
    replace_references,
)
from schema.values.segments import Segment, SegmentType, Value

_PREVIEW_CHARACTERS = 256
_MIME = "application/json"
_AT_ONCE_BYTES = 1024 * 1024
"""A stored value of at most this length is read and decoded in one go."""


async def reference_large(segment: Segment, store: ArtifactStore, tenant_id: str) -> Segment:
    """Put a value into the store if it is large; the segment keeps its type.

    The stored bytes are the encoded wire form, so that bytes in equal bytes out.

    Raises:
        InvalidNodeInput: If it is no value, or is nested too deeply.
        PayloadTooLarge: If an integer has too many digits.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    value = segment.value
    if isinstance(value, ArtifactRef):
        return segment
    if is_small(value, INLINE_VALUE_BYTES) and len(encode(to_wire(value))) <= INLINE_VALUE_BYTES:
        return segment
    with _temporary_file() as path:
        spooled = await asyncio.to_thread(_spool, value, path)
        if spooled is None:
            return segment
        stored = await store.put_file(tenant_id, path, _MIME, str(segment.type), spooled.preview)
    return Segment(segment.type, stored.holding(spooled.contents))


async def resolve(segment: Segment, store: ArtifactStore, tenant_id: str) -> Segment:
    """Read a value whole: also what is behind references inside it, and inside those.

    Raises:
        NotFound: If something is not in the store any more, or damaged.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    resolved: Segment = await _resolve(segment, store, tenant_id)
    return resolved


async def _resolve(value: Value, store: ArtifactStore, tenant_id: str) -> Value:
    found = [ref for ref in find_references(value) if isinstance(ref, ArtifactRef)]
    read: dict[Reference, Value] = {}
    for ref in found:
        inner = await read_value(ref, store, tenant_id)
        read[ref] = await _resolve(inner, store, tenant_id) if ref.contents else inner
    return replace_references(value, read) if read else value


async def read_value(ref: ArtifactRef, store: ArtifactStore, tenant_id: str) -> Value:
    """Read the value that a reference stands for; it may contain references itself.

    Raises:
        NotFound: If it is not in the store any more, or damaged.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    if ref.bytes <= _AT_ONCE_BYTES:
        return from_wire(decode(await store.get(tenant_id, ref)))
    if ref.kind == SegmentType.STRING:
        return "".join([piece async for piece in text_pieces(ref, store, tenant_id)])
    pieces = [piece.decode("ascii") async for piece in store.stream(tenant_id, ref)]
    text = "".join(pieces)
    # Of the text there may be one copy while the value is made.
    pieces.clear()
    return await asyncio.to_thread(lambda: from_wire(decode_in_turns(text)))


async def text_pieces(ref: ArtifactRef, store: ArtifactStore, tenant_id: str) -> AsyncIterator[str]:
    """Give the text of a stored string in pieces.

    Raises:
        NotFound: If it is not in the store any more, or damaged.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    reader = StringReader()
    async for piece in store.stream(tenant_id, ref):
        yield await asyncio.to_thread(reader.feed, piece)
    yield reader.close()


async def reference_all(
    segments: Mapping[str, Segment], store: ArtifactStore, tenant_id: str
) -> dict[str, Segment]:
    """Put every large value of a mapping into the store."""
    return {
        name: await reference_large(segment, store, tenant_id) for name, segment in segments.items()
    }


@dataclass(frozen=True)
class _Spooled:
    """What is known of a value whose encoded text was written into a file."""

    preview: str
    contents: tuple[str, ...]


def _spool(value: Value, path: Path) -> _Spooled | None:
    """Write the encoded text of a value into a file; None if it is not large after all."""
    pieces = encode_in_pieces(to_wire(value))
    head = _head(pieces)
    if len(head) <= INLINE_VALUE_BYTES:
        return None
    with path.open("w", encoding="ascii") as file:
        for piece in chain([head], pieces):
            file.write(piece)
    return _Spooled(head[:_PREVIEW_CHARACTERS], contents_of(value))


def _head(pieces: Iterator[str]) -> str:
    """Take pieces until they are longer than what stays inline, or there are no more."""
    head = ""
    while len(head) <= INLINE_VALUE_BYTES:
        piece = next(pieces, "")
        if not piece:
            break
        head += piece
    return head


@contextmanager
def _temporary_file() -> Iterator[Path]:
    with tempfile.NamedTemporaryFile(prefix="holdfast-", suffix=".json") as file:
        yield Path(file.name)
