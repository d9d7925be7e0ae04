"""A waiting command lends itself as the worker where the data directory has no other."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from workers.worker_lock import WorkerLock

if TYPE_CHECKING:
    from workers.dependencies import Dependencies

LOG = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0


class LentWorker:
    """This process as the worker of the data directory, if and when nobody else is."""

    def __init__(self, dependencies: "Dependencies") -> None:
        self._dependencies = dependencies
        self._lock = WorkerLock(dependencies.settings.home)
        self.works = False
        """Whether this process takes tasks now."""
        self.task = asyncio.create_task(self._serve(), name="lent worker")

    @property
    def is_only_worker(self) -> bool:
        """Whether no other process works for the data directory."""
        return self._lock.is_held

    async def _serve(self) -> None:
        """Wait for the lock, which is freed when its owner dies, then work until cancelled."""
        await self._lock.acquire()
        try:
            # Loaded only now: while another process works, nobody needs it here.
            from workers.local_worker import work
            from workers.peers import open_peers

            needed = self._dependencies
            async with open_peers(needed.settings, needed.artifacts) as peers:
                while True:
                    try:
                        await work(needed, peers, self._begin)
                    except RuntimeError as error:  # what the SDK raises when polling is hopeless
                        LOG.warning("The worker ended: %s", error, extra={"action": "worker_ended"})
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            self.works = False
            self._lock.release()

    def _begin(self) -> None:
        self.works = True


@contextlib.asynccontextmanager
async def lending(dependencies: "Dependencies") -> AsyncIterator[LentWorker]:
    """Lend this process for as long as the block."""
    worker = LentWorker(dependencies)
    try:
        yield worker
    finally:
        worker.task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker.task
