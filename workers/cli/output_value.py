"""Writes one output of a run to stdout, whole, without holding a large text or file."""

import re
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from schema.errors import NotFound
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoded_pieces import encode_in_pieces
from schema.values.encoding import from_wire, to_api_json
from schema.values.files import File
from schema.values.large_values import resolve, text_pieces
from schema.values.references import content_digest
from schema.values.segments import Segment, SegmentType
from workers.cli.console import json_line

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
    segment = _segment_of(outputs[name])
    if isinstance(segment.value, File) and (digest := content_digest(segment.value)) is not None:
        await _write_file(records, record.tenant_id, segment.value, digest)
        return
    async for piece in text_of(records, record.tenant_id, outputs[name]):
        # What is no Unicode text, a lone half of a pair, is written as its own bytes.
        sys.stdout.buffer.write(piece.encode("utf-8", "surrogatepass"))
    if segment.type is not SegmentType.STRING:
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


async def text_of(records: "Records", tenant_id: str, wire: Any) -> AsyncIterator[str]:
    """Give a value in pieces: a string as it is, anything else as the JSON that clients see.

    Raises:
        NotFound: If it is not in the store any more.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    segment = _segment_of(wire)
    reference = segment.value if isinstance(segment.value, ArtifactRef) else None
    if reference is not None and not reference.sealed:
        if segment.type is SegmentType.STRING:
            async for piece in text_pieces(reference, records.artifacts, tenant_id):
                yield piece
            return
        if await _is_plain(records, tenant_id, reference):
            async for stored in records.artifacts.stream(tenant_id, reference):
                yield stored.decode("ascii")
            return
    shown = to_api_json((await resolve(segment, records.artifacts, tenant_id)).value)
    if isinstance(shown, str):
        yield shown
    elif reference is None:
        yield json_line(shown)
    else:
        for piece in encode_in_pieces(shown):
            yield piece


_NOT_FOR_CLIENTS = re.compile(rb"\$holdfast|NaN|Infinity")
_LONGEST_MARK = len(b"$holdfast")


async def _is_plain(records: "Records", tenant_id: str, ref: ArtifactRef) -> bool:
    """Whether the stored text is that which clients see: without files, types and odd numbers."""
    end = b""
    async for piece in records.artifacts.stream(tenant_id, ref):
        if _NOT_FOR_CLIENTS.search(end + piece) is not None:
            return False
        end = piece[-_LONGEST_MARK:]
    return True


def _segment_of(wire: Any) -> Segment:
    value = from_wire(wire)
    return value if isinstance(value, Segment) else Segment.infer(value)


async def _write_file(records: "Records", tenant_id: str, file: File, digest: str) -> None:
    size = await records.artifacts.size_of(tenant_id, digest)
    if size is None:
        raise NotFound(f"The content of the file {file.filename!r} is not stored any more.")
    stored = ArtifactRef(digest, size, file.mime_type or "", "file")
    async for piece in records.artifacts.stream(tenant_id, stored):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
