"""Which process works for a data directory: one at a time, and the next one takes over.

`holdfast run` and `attach` start a worker only when nobody else has one, and watch this lock while
they wait. The kernel frees it when its owner dies. Version guard: `data_directory.join`.
"""

import asyncio
import os
from pathlib import Path

from schema.version import VERSION
from workers.data_directory import DataDirectory

WATCH_SECONDS = 0.2
"""How often a waiting process looks whether the worker is gone."""


class WorkerLock:
    """The right to be the worker of a data directory."""

    def __init__(self, home: Path) -> None:
        directory = DataDirectory(home)
        self._lock = directory.lock("worker")

    def try_acquire(self, version: str = VERSION) -> bool:
        """Become the worker if there is none, and say whether that worked."""
        if not self._lock.try_exclusive():
            return False
        os.ftruncate(self._lock.descriptor, 0)
        os.pwrite(self._lock.descriptor, f"{os.getpid()} {version}\n".encode(), 0)
        return True

    async def acquire(self, version: str = VERSION) -> None:
        """Wait until there is no worker, then become it; cancel it to give up."""
        # The kernel tells nobody that a lock became free, so there is no event to wait for.
        while not self.try_acquire(version):  # noqa: ASYNC110
            await asyncio.sleep(WATCH_SECONDS)

    def release(self) -> None:
        """Let another process become the worker; without a hold nothing happens."""
        self._lock.release()

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock.is_held
