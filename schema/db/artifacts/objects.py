"""Named objects in a directory or a cloud's bucket, over obstore, with a bounded number of tries.

What the names and contents mean is the business of `artifact_files.py`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from schema.db.artifacts.durable_files import remove_left_behind, write_durably
from schema.errors import ArtifactStoreUnavailable, NotFound, SetupError

T = TypeVar("T")

PAUSES = (0.1, 0.5)
"""Seconds before the second and the third try."""
PIECE_BYTES = 4 * 1024 * 1024
"""Size of the ranges in which an object is streamed; each is tried again by itself."""
_CLOUD_RETRY_TIMEOUT = timedelta(seconds=15)
_PART_BYTES = 8 * 1024 * 1024
"""Size of the parts of an upload: 10,000 of them are what S3 takes."""
_PARALLEL_PARTS = 4
_ERROR_CHARACTERS = 300


class Objects:
    """Objects by path below one directory or URL.

    Args:
        location: A directory, or a URL (`s3://bucket/prefix`, `gs://`, `az://`).

    Raises:
        SetupError: If the URL is of an unknown kind, or lacks something.
    """

    def __init__(self, location: str) -> None:
        self._root: Path | None = None
        if len(urlsplit(location).scheme) < 2:
            self._root = Path(location).expanduser().absolute()
        self._store = _open(location, self._root)

    async def describe(self, path: str) -> "obstore.ObjectMeta | None":
        """Give the size and age of an object, None if there is none.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        return await _find(lambda: obstore.head_async(self._store, path))

    async def read(self, path: str) -> bytes:
        """Give the whole content.

        Raises:
            NotFound: If there is none.
            ArtifactStoreUnavailable: If the store cannot be reached.
        """

        async def read() -> bytes:
            found = await obstore.get_async(self._store, path)
            return bytes(await found.bytes_async())

        return _existing(path, await _find(read))

    async def stream(self, path: str) -> AsyncIterator[memoryview]:
        """Give the content in pieces; a read that breaks goes on where it was.

        Raises:
            NotFound: If there is none.
            ArtifactStoreUnavailable: If the store cannot be reached, or the content changed size.
        """
        size = _existing(path, await self.describe(path))["size"]
        for start in range(0, size, PIECE_BYTES):
            length = min(PIECE_BYTES, size - start)
            yield await self._read_range(path, start, length)

    async def _read_range(self, path: str, start: int, length: int) -> memoryview:
        async def read() -> memoryview:
            found = await obstore.get_range_async(self._store, path, start=start, length=length)
            piece = memoryview(found)
            if len(piece) != length:
                raise OSError(f"{len(piece)} bytes came in place of {length}")
            return piece

        return _existing(path, await _find(read))

    async def write(self, path: str, source: bytes | Path) -> None:
        """Write an object, or replace it; it appears as a whole.

        Args:
            path: Where.
            source: The content, or a file with it.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        root = self._root
        if root is not None:
            await _persist(lambda: asyncio.to_thread(write_durably, root, path, source))
            return
        await _persist(
            lambda: obstore.put_async(
                self._store,
                path,
                source,
                mode="overwrite",
                chunk_size=_PART_BYTES,
                max_concurrency=_PARALLEL_PARTS,
            )
        )

    async def delete(self, path: str) -> None:
        """Delete an object; one that is not there is no error.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        await _find(lambda: obstore.delete_async(self._store, path))

    async def list(self, prefix: str) -> list[str]:
        """Name what is directly or deeper below a path, without the path, sorted.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """

        async def read() -> list[str]:
            names: list[str] = []
            async for chunk in obstore.list(self._store, f"{prefix}/"):
                names.extend(entry["path"].removeprefix(f"{prefix}/") for entry in chunk)
            return sorted(names)

        return await _find(read) or []

    async def clean(self) -> None:
        """Remove what writers have left that were killed while they wrote into a directory."""
        if self._root is not None:
            await asyncio.to_thread(remove_left_behind, self._root)


def age_of(found: "obstore.ObjectMeta") -> timedelta:
    """Tell how long ago an object was written."""
    return datetime.now(UTC) - found["last_modified"]


async def _find(call: Callable[[], Awaitable[T]]) -> T | None:
    """Try to read a few times; None if there is no such object."""

    async def attempt() -> T | None:
        try:
            return await call()
        except FileNotFoundError:
            return None

    return await _persist(attempt)


async def _persist(call: Callable[[], Awaitable[T]]) -> T:
    """Try a few times.

    Raises:
        ArtifactStoreUnavailable: If the last try failed, too.
    """
    for pause in PAUSES:
        try:
            return await call()
        except (BaseError, OSError):
            await asyncio.sleep(pause)
    try:
        return await call()
    except (BaseError, OSError) as error:
        # The library's messages go on with pages of its own state.
        raise ArtifactStoreUnavailable(str(error)[:_ERROR_CHARACTERS]) from error


def _existing(path: str, found: T | None) -> T:
    if found is None:
        raise NotFound(f"There is nothing at {path} in the artifact store.")
    return found


def _open(location: str, root: Path | None) -> ObjectStore:
    if root is not None:
        return LocalStore(root, mkdir=True)
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
