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
from schema.values.artifact_ref import ArtifactRef, ArtifactStore
from schema.values.encoding import encode, from_wire, to_wire
from schema.values.files import File
from schema.values.large_values import resolve
from schema.values.segments import Segment, SegmentType
from schema.values.variables import Variables


@dataclass(frozen=True)
class SpooledValue:
    """An output whose encoded text is in a temporary file, instead of in `NodeOutput.outputs`."""

    type: SegmentType
    path: Path
    """The wrapper reads it after the activity has returned, and removes it."""


class ValueReader:
    """Reads the values of one call for the tenant of its run."""

    def __init__(
        self, artifacts: ArtifactStore, tenant_id: str, secrets: CallSecrets | None = None
    ) -> None:
        self._artifacts = artifacts
        self._tenant_id = tenant_id
        self._secrets = secrets or CallSecrets()

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
        value = from_wire(wire)
        segment = value if isinstance(value, Segment) else Segment.infer(value)
        resolved = await resolve(segment, self._artifacts, self._tenant_id)
        if isinstance(segment.value, ArtifactRef) and not segment.value.sealed:
            return resolved  # nothing in the store refers to a secret unless it is sealed
        return Segment(resolved.type, self._secrets.reveal(resolved.value))

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

    def content(self, file: File, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Give the pieces of a file's content as it was, secrets in plain text.

        Args:
            file: Whose.
            pieces: As the store has them.
        """
        return self._secrets.reveal_content(pieces, file.sealed)

    def _is_foreign(self, reference: ArtifactRef) -> bool:
        """Whether the tokens in it are another run's: they are masked, not resolved."""
        return reference.sealed != "" and not self._secrets.is_own(reference.sealed)
