"""Large values move out of the way: to a reference when they are made, back when they are read.

A value whose encoded text is longer than `INLINE_VALUE_BYTES` lives in the artifact store
(invariant 15). Used by whoever starts a run, by activities and by whoever shows a run. Writing a
value needs no second copy of it, reading one at most one more; both leave the event loop to
others.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from schema.values.sealed import Sealed, mask_tokens
from schema.values.segments import Segment, SegmentType, Value

_PREVIEW_CHARACTERS = 256
LONGEST_PREVIEW = 4_096
"""Characters that are looked at for a preview: tokens are longer than what is shown for them."""
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
    if is_small(value, INLINE_VALUE_BYTES) and _encoded_size(value) <= INLINE_VALUE_BYTES:
        return segment
    with _temporary_file() as path:
        spooled = await asyncio.to_thread(_spool, value, path)
        if spooled is None:
            return segment
        stored = await store.put_file(tenant_id, path, _MIME, str(segment.type), spooled.preview)
    reference = replace(stored, sealed=value.nonce if isinstance(value, Sealed) else "")
    return Segment(segment.type, reference.holding(spooled.contents))


def preview_of(text: str, nonce: str) -> str:
    """Give the beginning of encoded text for people, with masks in the place of secrets."""
    if not nonce:
        return text[:_PREVIEW_CHARACTERS]
    return mask_tokens(text[:LONGEST_PREVIEW], nonce)[:_PREVIEW_CHARACTERS]


async def resolve(segment: Segment, store: ArtifactStore, tenant_id: str) -> Segment:
    """Read a value whole: also what is behind references inside it, and inside those.

    What has secrets in it stays sealed.

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
        has_more = bool(ref.contents) and not ref.sealed
        read[ref] = await _resolve(inner, store, tenant_id) if has_more else inner
    return replace_references(value, read) if read else value


async def read_value(ref: ArtifactRef, store: ArtifactStore, tenant_id: str) -> Value:
    """Read the value that a reference stands for; it may contain references, or be sealed, itself.

    Raises:
        NotFound: If it is not in the store any more, or damaged.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    if ref.bytes <= _AT_ONCE_BYTES:
        return stored_value(ref, (await store.get(tenant_id, ref)).decode("ascii"))
    if ref.kind == SegmentType.STRING and not ref.sealed:
        return "".join([piece async for piece in text_pieces(ref, store, tenant_id)])
    pieces = [piece.decode("ascii") async for piece in store.stream(tenant_id, ref)]
    text = "".join(pieces)
    # Of the text there may be one copy while the value is made.
    pieces.clear()
    return await asyncio.to_thread(stored_value, ref, text)


def stored_value(ref: ArtifactRef, text: str) -> Value:
    """Give the value that a stored text is; what has secrets in it stays sealed."""
    if ref.sealed:
        return Sealed(ref.sealed, text, ref.kind)
    return from_wire(decode(text) if len(text) <= _AT_ONCE_BYTES else decode_in_turns(text))


def text_pieces(ref: ArtifactRef, store: ArtifactStore, tenant_id: str) -> AsyncIterator[str]:
    """Give the text of a stored string that is not sealed in pieces.

    Raises:
        NotFound: If it is not in the store any more, or damaged.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    return read_string(store.stream(tenant_id, ref))


async def read_string(pieces: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Read a string whose encoded text comes in pieces."""
    reader = StringReader()
    async for piece in pieces:
        yield await asyncio.to_thread(reader.feed, piece)
    yield reader.close()


@dataclass(frozen=True)
class _Spooled:
    """What is known of a value whose encoded text was written into a file."""

    preview: str
    contents: tuple[str, ...]


def _encoded_size(value: Value) -> int:
    return len(value.text if isinstance(value, Sealed) else encode(to_wire(value)))


def _spool(value: Value, path: Path) -> _Spooled | None:
    """Write the encoded text of a value into a file; None if it is not large after all."""
    nonce = value.nonce if isinstance(value, Sealed) else ""
    pieces = _encoded_pieces(value)
    head = _head(pieces)
    if len(head) <= INLINE_VALUE_BYTES:
        return None
    with path.open("w", encoding="ascii") as file:
        for piece in chain([head], pieces):
            file.write(piece)
    return _Spooled(preview_of(head, nonce), contents_of(value))


def _encoded_pieces(value: Value) -> Iterator[str]:
    """Give the encoded text of a value; that of a sealed one is what is stored."""
    if not isinstance(value, Sealed):
        yield from encode_in_pieces(to_wire(value))
        return
    for start in range(0, len(value.text), _AT_ONCE_BYTES):
        yield value.text[start : start + _AT_ONCE_BYTES]


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
