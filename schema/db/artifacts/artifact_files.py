"""Artifacts, and the blobs of Temporal's external storage, as named objects.

Artifacts are content-addressed within their tenant, blobs lie by the workflow they belong to.
Names that are not ours (tenants, workflow ids) never become path segments as they are
(invariant 18).
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path

from schema.db.artifacts.objects import Objects, age_of
from schema.errors import ArtifactStoreUnavailable, NotFound
from schema.values.artifact_ref import ArtifactRef

GRACE = timedelta(hours=1)
"""An unreferenced artifact younger than this is kept: its reference may be about to be written."""
_REFRESH = GRACE / 2
"""Putting an older one writes it again: it is young while its new reference is on the way."""
_THREAD_BYTES = 1024 * 1024
"""Content from this length on is hashed beside the event loop."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class ArtifactFiles:
    """Artifacts and blobs below one directory or URL; an `ArtifactStore` and the blob store.

    Args:
        location: A directory, or a URL (`s3://bucket/prefix`, `gs://`, `az://`); endpoint and
            credentials of a cloud are settings of the cloud's own (docs/settings.md).

    Raises:
        SetupError: If the URL is of an unknown kind, or lacks something.
    """

    def __init__(self, location: str) -> None:
        self._objects = Objects(location)

    async def put(
        self, tenant_id: str, data: bytes, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        """Store the content unless it is there already.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        digest = await _sha256(data)
        path = _artifact_path(tenant_id, digest)
        if not await self._is_young(path, len(data)):
            await self._objects.write(path, data)
        return ArtifactRef(digest, len(data), mime, kind, preview)

    async def put_file(
        self, tenant_id: str, path: Path, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        """Store the content of a file unless it is there already; it is never whole in memory.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        digest, size = await asyncio.to_thread(_digest_of, path)
        target = _artifact_path(tenant_id, digest)
        if not await self._is_young(target, size):
            await self._objects.write(target, path)
        return ArtifactRef(digest, size, mime, kind, preview)

    async def size_of(self, tenant_id: str, sha256: str) -> int | None:
        """Give the length of a content in bytes, None if this tenant has none of that digest.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        if _DIGEST.match(sha256) is None:
            return None
        found = await self._objects.describe(_artifact_path(tenant_id, sha256))
        return None if found is None else found["size"]

    async def get(self, tenant_id: str, ref: ArtifactRef) -> bytes:
        """Return the content, checked against its digest.

        Raises:
            NotFound: If this tenant has no such content, or it is damaged.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        data = await self._objects.read(_artifact_path(tenant_id, ref.sha256))
        if await _sha256(data) != ref.sha256:
            raise _damaged(ref)
        return data

    async def stream(self, tenant_id: str, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """Give the content in pieces; a wrong digest is an error after the last one.

        Raises:
            NotFound: If this tenant has no such content, or it is damaged.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        digest = hashlib.sha256()
        async for piece in self._objects.stream(_artifact_path(tenant_id, ref.sha256)):
            digest.update(piece)
            yield bytes(piece)
        if digest.hexdigest() != ref.sha256:
            raise _damaged(ref)

    async def delete_artifacts(self, artifacts: Iterable[tuple[str, str]]) -> int:
        """Delete artifacts that no run names any more, but for young ones.

        Args:
            artifacts: (tenant id, SHA-256), as `PurgeCounts.artifacts` has them.

        Returns:
            How many were deleted.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        await self._objects.clean()
        deleted = 0
        for tenant_id, digest in artifacts:
            path = _artifact_path(tenant_id, digest)
            found = await self._objects.describe(path)
            if found is not None and age_of(found) > GRACE:
                await self._objects.delete(path)
                deleted += 1
        return deleted

    async def put_blob(self, owner: str, name: str, data: bytes) -> None:
        """Keep the bytes of a payload; putting the same name again changes nothing.

        Args:
            owner: The workflow id.
            name: SHA-256 of the data, hexadecimal.
            data: The payload.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        path = _blob_path(owner, name)
        found = await self._objects.describe(path)
        if found is None or found["size"] != len(data):
            await self._objects.write(path, data)

    async def get_blob(self, owner: str, name: str) -> bytes:
        """Give the bytes of a payload back.

        Raises:
            NotFound: If there are none.
            ArtifactStoreUnavailable: If the store cannot be reached, or has other bytes there; an
                operator can put the right ones back.
        """
        data = await self._objects.read(_blob_path(owner, name))
        if await _sha256(data) != name:
            raise ArtifactStoreUnavailable(f"The payload {name} of {owner!r} is damaged.")
        return data

    async def list_blobs(self, owner: str) -> list[str]:
        """Name the payloads of a workflow.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        return await self._objects.list(f"blobs/{_segment(owner)}")

    async def delete_blobs(self, owner: str) -> int:
        """Delete the payloads of a workflow; how many there were.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        names = await self.list_blobs(owner)
        for name in names:
            await self._objects.delete(_blob_path(owner, name))
        return len(names)

    async def _is_young(self, path: str, size: int) -> bool:
        found = await self._objects.describe(path)
        return found is not None and found["size"] == size and age_of(found) < _REFRESH


def _artifact_path(tenant_id: str, digest: str) -> str:
    _check(digest)
    return f"artifacts/{_segment(tenant_id)}/{digest[:2]}/{digest}"


def _blob_path(owner: str, name: str) -> str:
    _check(name)
    return f"blobs/{_segment(owner)}/{name}"


def _check(digest: str) -> None:
    if _DIGEST.match(digest) is None:
        raise NotFound(f"{digest[:80]!r} is no digest.")


def _segment(name: str) -> str:
    """Give the path segment of a name: itself if it is plain, else its hash."""
    if _PLAIN.match(name):
        return f"n-{name}"
    return f"h-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()}"


async def _sha256(data: bytes) -> str:
    if len(data) < _THREAD_BYTES:
        return hashlib.sha256(data).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()


def _digest_of(path: Path) -> tuple[str, int]:
    """Give the SHA-256 and the length of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def _damaged(ref: ArtifactRef) -> NotFound:
    return NotFound(f"The artifact {ref.sha256} is damaged: it has another digest.")
