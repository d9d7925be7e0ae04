"""Large values move out of the way: to a reference when they are made, back when they are read.

A value whose encoded text is longer than `INLINE_VALUE_BYTES` lives in the artifact store
(invariant 15). Used by whoever starts a run and by the activity wrapper.
"""

from collections.abc import Mapping

from schema.limits import INLINE_VALUE_BYTES
from schema.values.artifact_ref import ArtifactRef, ArtifactStore
from schema.values.encoding import decode, encode, from_wire, to_wire
from schema.values.segments import Segment

_PREVIEW_CHARACTERS = 256
_MIME = "application/json"


async def reference_large(segment: Segment, store: ArtifactStore, tenant_id: str) -> Segment:
    """Put a value into the store if it is large; the segment keeps its type.

    The stored bytes are the encoded wire form, so that bytes in equal bytes out.
    """
    if isinstance(segment.value, ArtifactRef):
        return segment
    text = encode(to_wire(segment.value))
    if len(text) <= INLINE_VALUE_BYTES:
        return segment
    reference = await store.put(
        tenant_id, text.encode(), _MIME, str(segment.type), text[:_PREVIEW_CHARACTERS]
    )
    return Segment(segment.type, reference)


async def resolve(segment: Segment, store: ArtifactStore, tenant_id: str) -> Segment:
    """Read a referenced value back."""
    if not isinstance(segment.value, ArtifactRef):
        return segment
    data = await store.get(tenant_id, segment.value)
    return Segment(segment.type, from_wire(decode(data.decode())))


async def reference_all(
    segments: Mapping[str, Segment], store: ArtifactStore, tenant_id: str
) -> dict[str, Segment]:
    """Put every large value of a mapping into the store."""
    return {
        name: await reference_large(segment, store, tenant_id) for name, segment in segments.items()
    }
