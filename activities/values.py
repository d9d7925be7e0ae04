"""The values of one call as its activity reads and gives them (architecture 3.3, steps 5 and 6).

What an activity is given may be, or contain, references; `ValueReader` puts values in their place.
What it gives may be too large to be held: then it is spooled, and the wrapper moves it into the
artifact store.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activities.secrets import CallSecrets
from schema.activities import NodeInput
from schema.errors import InvalidNodeInput
from schema.values.artifact_ref import ArtifactRef, ArtifactStore
from schema.values.encoding import encode, from_wire, to_wire
from schema.values.files import File, TransferMethod
from schema.values.large_values import read_string, resolve
from schema.values.references import content_digest
from schema.values.remote_files import RemoteFiles
from schema.values.segments import Segment, SegmentType
from schema.values.variables import Variables


@dataclass(frozen=True)
class SpooledValue:
    """An output whose encoded text is in a temporary file, instead of in `NodeOutput.outputs`."""

    type: SegmentType
    path: Path
    """The wrapper reads it after the activity has returned, and removes it."""


class ValueReader:
    """Reads the values of one call for the tenant of its run.

    Args:
        artifacts: Where large values and files are.
        tenant_id: Whose.
        secrets: Those of the run; values come with them in plain text.
        remote_files: Reads files at URLs; without it such a file cannot be read.
    """

    def __init__(
        self,
        artifacts: ArtifactStore,
        tenant_id: str,
        secrets: CallSecrets | None = None,
        remote_files: RemoteFiles | None = None,
    ) -> None:
        self._artifacts = artifacts
        self._tenant_id = tenant_id
        self._secrets = secrets or CallSecrets()
        self._remote_files = remote_files

    async def variables(self, params: NodeInput) -> Variables:
        """Give everything that a node selects, whole."""
        return Variables(
            {(node_id, name): await self.read(wire) for node_id, name, wire in params.variables}
        )

    async def read(self, wire: Any) -> Segment:
        """Give a value whole, secrets in plain text.

        Raises:
            SecretMissing: If the run was not given a secret that it needs.
            NotFound: If what a reference names is gone.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        segment = _segment_of(wire)
        resolved = await resolve(segment, self._artifacts, self._tenant_id)
        if isinstance(segment.value, ArtifactRef) and not segment.value.sealed:
            return resolved  # nothing in the store refers to a secret unless it is sealed
        revealed = Segment(resolved.type, self._secrets.reveal(resolved.value))
        # What was sealed may refer to other values.
        return await resolve(revealed, self._artifacts, self._tenant_id)

    async def stream(self, wire: Any) -> AsyncIterator[bytes]:
        """Give the encoded text of a value in pieces, without ever holding a large one.

        Secrets are in plain text.

        Raises:
            NotFound: If what a reference names is gone.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        value = from_wire(wire)
        inner = value.value if isinstance(value, Segment) else value
        if not isinstance(inner, ArtifactRef) or self._is_foreign(inner):
            whole = await self.read(wire)
            yield encode(to_wire(whole.value)).encode("ascii")
            return
        pieces = self._artifacts.stream(self._tenant_id, inner)
        if inner.sealed:
            pieces = self._secrets.reveal_pieces(pieces)
        async for piece in pieces:
            yield piece

    async def text(self, wire: Any) -> AsyncIterator[str]:
        """Give a string as itself in pieces, any other value as its text (dify-nodes 3.2).

        Raises:
            NotFound: If what a reference names is gone.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        segment = _segment_of(wire)
        if isinstance(segment.value, ArtifactRef) and segment.type is SegmentType.STRING:
            async for piece in read_string(self.stream(wire)):
                yield piece
        else:
            yield (await self.read(wire)).text

    async def file(self, file: File) -> AsyncIterator[bytes]:
        """Give the content of a file in pieces: from the store, or from where it is.

        Secrets are in plain text.

        Raises:
            InvalidNodeInput: If the file has no content that can be read here.
            NotFound: If the content is gone.
            ArtifactStoreUnavailable: If the store cannot be reached.
            NodeError: If a remote file cannot be had.
        """
        if file.transfer_method is TransferMethod.REMOTE_URL:
            async for piece in self._remote(file).stream(file.remote_url or ""):
                yield piece
            return
        digest = _digest_of(file)
        size = await self._artifacts.size_of(self._tenant_id, digest)
        if size is None:
            raise InvalidNodeInput(f"The content of the file {file.filename!r} is not stored here.")
        stored = ArtifactRef(digest, size, file.mime_type or "", "file")
        async for piece in self.content(file, self._artifacts.stream(self._tenant_id, stored)):
            yield piece

    def content(self, file: File, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Give the pieces of a file's content as it was, secrets in plain text.

        Args:
            file: Whose.
            pieces: As the store has them.
        """
        return self._secrets.reveal_content(pieces, file.sealed)

    async def file_size(self, file: File) -> int | None:
        """Give the length of a file's content in bytes, None if only reading it can tell.

        Raises:
            InvalidNodeInput: If the file has no content that can be read here.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        if file.transfer_method is TransferMethod.REMOTE_URL or file.sealed:
            # What a server said at the start need not be what it sends now, and secrets are not as
            # long as what stands for them.
            return None
        return await self._artifacts.size_of(self._tenant_id, _digest_of(file))

    def _is_foreign(self, reference: ArtifactRef) -> bool:
        """Whether the tokens in it are another run's: they are masked, not resolved."""
        return reference.sealed != "" and not self._secrets.is_own(reference.sealed)

    def _remote(self, file: File) -> RemoteFiles:
        if self._remote_files is None:
            raise InvalidNodeInput(f"The file {file.filename!r} is remote and cannot be read here.")
        return self._remote_files


def _segment_of(wire: Any) -> Segment:
    value = from_wire(wire)
    return value if isinstance(value, Segment) else Segment.infer(value)


def _digest_of(file: File) -> str:
    digest = content_digest(file)
    if digest is None:
        raise InvalidNodeInput(f"The content of the file {file.filename!r} is not stored here.")
    return digest
