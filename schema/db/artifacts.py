"""The artifact store over obstore: a directory, S3, GCS or Azure.

Artifacts are content-addressed within their tenant. Beside them lie the blobs of Temporal's
external storage, by the workflow they belong to. Names that are not ours (tenants, workflow ids)
never become path segments as they are (invariant 18).
"""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from schema.errors import ArtifactStoreUnavailable, NotFound, SetupError
from schema.values.artifact_ref import ArtifactRef

T = TypeVar("T")

GRACE = timedelta(hours=1)
"""An unreferenced artifact younger than this is kept: its reference may be about to be written."""
_REFRESH = GRACE / 2
"""Putting an older one writes it again: it is young while its new reference is on the way."""
PAUSES = (0.1, 0.5)
"""Seconds before the second and the third try."""
CHUNK_BYTES = 1024 * 1024
"""Least size of a piece of a streamed artifact, but for the last one."""
_CLOUD_RETRY_TIMEOUT = timedelta(seconds=15)

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class ArtifactFiles:
    """Artifacts and blobs below one directory or URL; an `ArtifactStore` and the blob store.

    Args:
        location: A directory, or a URL (`s3://bucket/prefix`, `gs://`, `az://`); credentials are
            found where the cloud's own tools find them.
    """

    def __init__(self, location: str) -> None:
        self._store = _open(location)

    async def put(
        self, tenant_id: str, data: bytes, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        """Store the content unless it is there already.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = _artifact_path(tenant_id, digest)
        if not await self._is_young(path, len(data)):
            await self._write(path, data)
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
            await _persist(lambda: obstore.put_async(self._store, target, path, mode="overwrite"))
        return ArtifactRef(digest, size, mime, kind, preview)

    async def get(self, tenant_id: str, ref: ArtifactRef) -> bytes:
        """Return the content, checked against its digest.

        Raises:
            NotFound: If this tenant has no such content, or it is damaged.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        data = await self._read(_artifact_path(tenant_id, ref.sha256))
        if hashlib.sha256(data).hexdigest() != ref.sha256:
            raise NotFound(f"The artifact {ref.sha256} is damaged: it has another digest.")
        return data

    async def stream(self, tenant_id: str, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """Give the content in pieces; a wrong digest is an error after the last one.

        Raises:
            NotFound: If this tenant has no such content, or it is damaged.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        path = _artifact_path(tenant_id, ref.sha256)
        found = await _persist(lambda: obstore.get_async(self._store, path))
        if found is None:
            raise NotFound(f"There is nothing at {path} in the artifact store.")
        digest = hashlib.sha256()
        try:
            async for chunk in found.stream(min_chunk_size=CHUNK_BYTES):
                piece = bytes(chunk)
                digest.update(piece)
                yield piece
        except (BaseError, OSError) as error:
            raise ArtifactStoreUnavailable(str(error)) from error
        if digest.hexdigest() != ref.sha256:
            raise NotFound(f"The artifact {ref.sha256} is damaged: it has another digest.")

    async def delete_artifacts(self, artifacts: Iterable[tuple[str, str]]) -> int:
        """Delete artifacts that no run names any more, but for young ones.

        Args:
            artifacts: (tenant id, SHA-256), as `PurgeCounts.artifacts` has them.

        Returns:
            How many were deleted.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        deleted = 0
        for tenant_id, digest in artifacts:
            path = _artifact_path(tenant_id, digest)
            found = await self._describe(path)
            if found is not None and _age(found) > GRACE:
                await self._delete(path)
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
        found = await self._describe(path)
        if found is None or found["size"] != len(data):
            await self._write(path, data)

    async def get_blob(self, owner: str, name: str) -> bytes:
        """Give the bytes of a payload back.

        Raises:
            NotFound: If there are none.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        return await self._read(_blob_path(owner, name))

    async def list_blobs(self, owner: str) -> list[str]:
        """Name the payloads of a workflow.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """

        async def read() -> list[str]:
            names: list[str] = []
            async for chunk in obstore.list(self._store, f"blobs/{_segment(owner)}/"):
                names.extend(entry["path"].rpartition("/")[2] for entry in chunk)
            return sorted(names)

        return await _persist(read) or []

    async def delete_blobs(self, owner: str) -> int:
        """Delete the payloads of a workflow; how many there were.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        names = await self.list_blobs(owner)
        for name in names:
            await self._delete(_blob_path(owner, name))
        return len(names)

    async def _is_young(self, path: str, size: int) -> bool:
        found = await self._describe(path)
        return found is not None and found["size"] == size and _age(found) < _REFRESH

    async def _describe(self, path: str) -> "obstore.ObjectMeta | None":
        return await _persist(lambda: obstore.head_async(self._store, path))

    async def _read(self, path: str) -> bytes:
        async def read() -> bytes:
            found = await obstore.get_async(self._store, path)
            return bytes(await found.bytes_async())

        data = await _persist(read)
        if data is None:
            raise NotFound(f"There is nothing at {path} in the artifact store.")
        return data

    async def _write(self, path: str, data: bytes) -> None:
        # The object appears as a whole: a directory renames, a cloud commits the upload.
        await _persist(lambda: obstore.put_async(self._store, path, data, mode="overwrite"))

    async def _delete(self, path: str) -> None:
        await _persist(lambda: obstore.delete_async(self._store, path))


async def _persist(call: Callable[[], Awaitable[T]]) -> T | None:
    """Try a few times; None if there is no such object.

    Raises:
        ArtifactStoreUnavailable: If the last try failed, too.
    """
    for pause in (*PAUSES, None):
        try:
            return await call()
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            if pause is None:
                raise ArtifactStoreUnavailable(str(error)) from error
            await asyncio.sleep(pause)
    raise AssertionError("the last try returns or raises")


def _open(location: str) -> ObjectStore:
    if len(urlsplit(location).scheme) < 2:
        return LocalStore(Path(location).expanduser().absolute(), mkdir=True)
    try:
        return from_url(
            location,
            retry_config={"max_retries": 3, "retry_timeout": _CLOUD_RETRY_TIMEOUT},
        )
    except (BaseError, ValueError) as error:
        raise SetupError(
            f"The artifact store cannot be opened: {error}. Set HOLDFAST_ARTIFACTS to a directory "
            "or to a URL that begins with s3://, gs:// or az://."
        ) from error


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


def _digest_of(path: Path) -> tuple[str, int]:
    """Give the SHA-256 and the length of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest(), file.tell()


def _age(found: "obstore.ObjectMeta") -> timedelta:
    return datetime.now(UTC) - found["last_modified"]
