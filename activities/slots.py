"""How much of each kind of work a process does at once (architecture 2).

A Worker has one number for all its activities, and one kind of work must not starve another: so the
Worker takes nearly everything, and work waits here, after its facts are written.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from schema.contracts import Role


class Slots:
    """A semaphore for each role; the role `run` has no bound, it queues behind nobody."""

    def __init__(self, io: int = 200, code: int = 16) -> None:
        self._semaphores: Mapping[Role, asyncio.Semaphore] = {
            Role.IO: asyncio.Semaphore(io),
            Role.CODE: asyncio.Semaphore(code),
        }

    def is_free(self, role: Role) -> bool:
        """Whether work of a role need not wait."""
        semaphore = self._semaphores.get(role)
        return semaphore is None or not semaphore.locked()

    @contextlib.asynccontextmanager
    async def taken(self, role: Role, seconds: float) -> AsyncIterator[bool]:
        """Hold a slot for the block; false if none became free within so many seconds."""
        semaphore = self._semaphores.get(role)
        if semaphore is None:
            yield True
            return
        try:
            async with asyncio.timeout(seconds):
                await semaphore.acquire()
        except TimeoutError:
            yield False
            return
        try:
            yield True
        finally:
            semaphore.release()
