"""References to values that live in the artifact store, and what that store can do.

A value over 64 KB and the content of every file travel as an `ArtifactRef` (invariant 15). The
store itself is `schema/db/artifacts.py`; pure code knows only this protocol.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """A stored value by its content, small enough for a history.

    Example:
        >>> ArtifactRef("9f86d0", 70_000, "text/plain", "string", "Once upon a ti").kind
        'string'
    """

    sha256: str
    """Hexadecimal digest of the stored bytes; their key within the tenant."""
    bytes: int
    """Length of the stored content in bytes."""
    mime: str
    kind: str
    """Segment type of the value (`string`, `object`...), or `file` for the content of one."""
    preview: str = ""
    """The value's beginning, for people; never used in place of the value."""
    sealed: str = ""
    """The nonce whose tokens in the content stand for secrets (`sealed.py`); empty without any."""
    contents: tuple[str, ...] = ()
    """Digests of what is named only inside the stored value: files and other values. Whoever keeps
    the reference keeps them too."""

    def holding(self, contents: tuple[str, ...]) -> "ArtifactRef":
        """Give the same reference with what its value names."""
        return replace(self, contents=contents) if contents else self


class ArtifactStore(Protocol):
    """Content-addressed storage, one name space a tenant."""

    async def put(
        self, tenant_id: str, data: bytes, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        """Store the content unless it is there already.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        ...

    async def put_file(
        self, tenant_id: str, path: Path, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        """Store the content of a file unless it is there already; it is never whole in memory.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        ...

    async def size_of(self, tenant_id: str, sha256: str) -> int | None:
        """Give the length of a content in bytes, None if this tenant has none of that digest.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        ...

    async def get(self, tenant_id: str, ref: ArtifactRef) -> bytes:
        """Return the content, checked against its digest.

        Raises:
            NotFound: If this tenant has no such content.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        ...

    def stream(self, tenant_id: str, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """Give the content in pieces; a wrong digest is an error after the last one.

        Raises:
            NotFound: If this tenant has no such content, or it is damaged.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        ...
