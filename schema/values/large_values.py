"""Large values move out of the way: to a reference when they are made, back when they are read.

A value whose encoded text is longer than `INLINE_VALUE_BYTES` lives in the artifact store
(invariant 15). Used by whoever starts a run and by the activity wrapper.
"""

from collections.abc import Mapping
from dataclasses import replace

from schema.limits import INLINE_VALUE_BYTES
from schema.values.artifact_ref import ArtifactRef, ArtifactStore
from schema.values.encoding import decode, encode, from_wire, to_wire
from schema.values.sealed import Sealed, mask_tokens
from schema.values.segments import Segment, Value

_PREVIEW_CHARACTERS = 256
LONGEST_PREVIEW = 4_096
"""Characters that are looked at for a preview: tokens are longer than what is shown for them."""
_MIME = "application/json"


async def reference_large(segment: Segment, store: ArtifactStore, tenant_id: str) -> Segment:
    """Put a value into the store if it is large; the segment keeps its type.

    The stored bytes are the encoded wire form, so that bytes in equal bytes out.
    """
    if isinstance(segment.value, ArtifactRef):
        return segment
    value = segment.value
    sealed = value.nonce if isinstance(value, Sealed) else ""
    text = value.text if isinstance(value, Sealed) else encode(to_wire(value))
    if len(text) <= INLINE_VALUE_BYTES:
        return segment
    kind = str(segment.type)
    reference = await store.put(tenant_id, text.encode(), _MIME, kind, preview_of(text, sealed))
    return Segment(segment.type, replace(reference, sealed=sealed))


def preview_of(text: str, nonce: str) -> str:
    """Give the beginning of encoded text for people, with masks in the place of secrets."""
    if not nonce:
        return text[:_PREVIEW_CHARACTERS]
    return mask_tokens(text[:LONGEST_PREVIEW], nonce)[:_PREVIEW_CHARACTERS]


async def resolve(segment: Segment, store: ArtifactStore, tenant_id: str) -> Segment:
    """Read a referenced value back; what has secrets in it stays sealed."""
    if not isinstance(segment.value, ArtifactRef):
        return segment
    data = await store.get(tenant_id, segment.value)
    return Segment(segment.type, stored_value(segment.value, data.decode()))


def stored_value(reference: ArtifactRef, text: str) -> Value:
    """Give the value that a stored text is."""
    if reference.sealed:
        return Sealed(reference.sealed, text, reference.kind)
    return from_wire(decode(text))


async def reference_all(
    segments: Mapping[str, Segment], store: ArtifactStore, tenant_id: str
) -> dict[str, Segment]:
    """Put every large value of a mapping into the store."""
    return {
        name: await reference_large(segment, store, tenant_id) for name, segment in segments.items()
    }
