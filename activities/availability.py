"""Waiting for what is ours and away: the database, the artifact store, the sandbox (invariant 9).

Before an effect a wait is bounded and ends in a retryable error: Temporal may try elsewhere.
After it the result is in memory, and the wait is as long as somebody may still want it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol, TypeVar

from schema.errors import InfrastructureError, NotFound
from schema.values.artifact_ref import ArtifactRef, ArtifactStore

WAIT_SECONDS = 15 * 60.0
"""Longest wait for one part before an effect (architecture 3.3)."""
KEEP_SECONDS = 24 * 3600.0
"""Longest that a finished result is kept while it cannot be recorded."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0

T = TypeVar("T")


class Resource(Protocol):
    """Something of ours without which an effect cannot begin."""

    @property
    def is_suspect(self) -> bool:
        """Whether it may be away, so that waiting for it may take a while."""
        ...

    async def wait_until_available(self) -> object:
        """Return when it answers, or raise when a try was in vain; the bound is the caller's.

        Raises:
            InfrastructureError: If it is away; the caller asks again.
        """
        ...


async def when_available(do: Callable[[], Awaitable[T]], seconds: float = WAIT_SECONDS) -> T:
    """Repeat something while a part of ours is away.

    Args:
        do: May be done again after it failed.
        seconds: Longest wait.

    Raises:
        InfrastructureError: If the part did not come back.
    """
    deadline = time.monotonic() + seconds
    pause = _FIRST_PAUSE
    while True:
        try:
            return await do()
        except InfrastructureError:
            if time.monotonic() + pause > deadline:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


async def wait_for(resource: Resource, seconds: float = WAIT_SECONDS) -> None:
    """Wait for a resource.

    Raises:
        InfrastructureError: If it did not come back.
    """

    async def ask() -> None:
        async with asyncio.timeout_at(deadline):
            await resource.wait_until_available()

    deadline = asyncio.get_running_loop().time() + seconds
    try:
        await when_available(ask, seconds)
    except TimeoutError:
        raise InfrastructureError(f"{type(resource).__name__} was away for too long.") from None


class PatientStore:
    """The artifact store as the work of an activity sees it: it waits while the store is away.

    Also a `Resource`: asked before an effect, it costs a request only after trouble, and once in a
    new process.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self.is_suspect = True
        """Whether the last request was in vain, or there was none yet."""

    async def wait_until_available(self) -> None:
        """Ask for something that cannot be there, unless the last request was answered.

        Raises:
            ArtifactStoreUnavailable: If the store cannot be reached.
        """
        if not self.is_suspect:
            return
        try:
            await self._store.get("local", _NEVER_THERE)
        except NotFound:
            self.is_suspect = False

    async def put(
        self, tenant_id: str, data: bytes, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        """Store content, however long the store is away.

        Raises:
            ArtifactStoreUnavailable: If it stays away for a day.
        """
        return await self._patiently(
            lambda: self._store.put(tenant_id, data, mime, kind, preview), KEEP_SECONDS
        )

    async def put_file(
        self, tenant_id: str, path: Path, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        """Store the content of a file, however long the store is away.

        Raises:
            ArtifactStoreUnavailable: If it stays away for a day.
        """
        return await self._patiently(
            lambda: self._store.put_file(tenant_id, path, mime, kind, preview), KEEP_SECONDS
        )

    async def size_of(self, tenant_id: str, sha256: str) -> int | None:
        """Give the length of a content in bytes, None if this tenant has none of that digest.

        Raises:
            ArtifactStoreUnavailable: If the store stays away.
        """
        return await self._patiently(lambda: self._store.size_of(tenant_id, sha256), WAIT_SECONDS)

    async def get(self, tenant_id: str, ref: ArtifactRef) -> bytes:
        """Return the content, checked against its digest.

        Raises:
            NotFound: If this tenant has no such content.
            ArtifactStoreUnavailable: If the store stays away.
        """
        return await self._patiently(lambda: self._store.get(tenant_id, ref), WAIT_SECONDS)

    async def stream(self, tenant_id: str, ref: ArtifactRef) -> AsyncIterator[bytes]:
        """Give the content in pieces; only the beginning is waited for.

        Raises:
            NotFound: If this tenant has no such content, or it is damaged.
            ArtifactStoreUnavailable: If the store stays away, or goes away on the way.
        """
        await wait_for(self)
        try:
            async for piece in self._store.stream(tenant_id, ref):
                yield piece
        except InfrastructureError:
            self.is_suspect = True
            raise

    async def _patiently(self, do: Callable[[], Awaitable[T]], seconds: float) -> T:
        async def attempt() -> T:
            try:
                return await do()
            except InfrastructureError:
                self.is_suspect = True
                raise

        return await when_available(attempt, seconds)


_NEVER_THERE = ArtifactRef("0" * 64, 0, "", "")
