"""Writes one output of a run to stdout, whole, without holding a large text or file."""

import sys
from typing import TYPE_CHECKING

from schema.errors import NotFound
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoded_pieces import encode_in_pieces
from schema.values.encoding import from_wire, to_api_json
from schema.values.files import File
from schema.values.large_values import resolve, text_pieces
from schema.values.references import content_digest
from schema.values.segments import Segment, SegmentType

if TYPE_CHECKING:
    from schema.db.event_log import RunRecord
    from workers.dependencies import Records


async def write_output(records: "Records", record: "RunRecord", name: str) -> None:
    """Write an output: a text as text, a stored file as its content, anything else as JSON.

    Raises:
        NotFound: If the run has no such output, or its value is gone.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    outputs = record.result().outputs or {}
    if name not in outputs:
        known = ", ".join(map(repr, outputs)) or "none"
        raise NotFound(f"Run {record.run_id} has no output {name!r} (it has: {known}).")
    value = from_wire(outputs[name])
    segment = value if isinstance(value, Segment) else Segment.infer(value)
    inner = segment.value
    if isinstance(inner, ArtifactRef) and segment.type is SegmentType.STRING:
        async for piece in text_pieces(inner, records.artifacts, record.tenant_id):
            _write(piece)
        return
    if isinstance(inner, File) and (digest := content_digest(inner)) is not None:
        await _write_file(records, record.tenant_id, inner, digest)
        return
    resolved = await resolve(segment, records.artifacts, record.tenant_id)
    if isinstance(resolved.value, str):
        _write(resolved.value)
        return
    for piece in encode_in_pieces(to_api_json(resolved.value)):
        _write(piece)
    _write("\n")


async def _write_file(records: "Records", tenant_id: str, file: File, digest: str) -> None:
    size = await records.artifacts.size_of(tenant_id, digest)
    if size is None:
        raise NotFound(f"The content of the file {file.filename!r} is not stored any more.")
    stored = ArtifactRef(digest, size, file.mime_type or "", "file")
    async for piece in records.artifacts.stream(tenant_id, stored):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _write(text: str) -> None:
    # What is no Unicode text, a lone half of a pair, is written as its own bytes.
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()
