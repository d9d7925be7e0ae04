"""Locks between processes that the kernel gives back when their owner dies, however it dies.

Each is a `flock` on a file of its own: it belongs to the open descriptor, so a child that inherits
the descriptor holds the lock as long as it lives. The files stay; only their locks mean something.
"""

import asyncio
import fcntl
import os
import time
from pathlib import Path

from schema.errors import SetupError

POLL_SECONDS = 0.05
"""How often a waiting process looks again; `flock` cannot wait with a time limit."""


class FileLock:
    """One process's hold on a lock file, shared or exclusive."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def try_exclusive(self) -> bool:
        """Take the lock if nobody else has it, and say whether that worked.

        Raises:
            SetupError: If the file cannot be opened.
        """
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take the lock unless somebody has it exclusively, and say whether that worked.

        Raises:
            SetupError: If the file cannot be opened.
        """
        return self._try(fcntl.LOCK_SH)

    async def shared(self, seconds: float) -> None:
        """Wait for a shared hold.

        Raises:
            SetupError: If another process kept the lock for that long.
        """
        await self._wait(fcntl.LOCK_SH, seconds)

    async def exclusive(self, seconds: float) -> None:
        """Wait for the exclusive hold.

        Raises:
            SetupError: If another process kept the lock for that long.
        """
        await self._wait(fcntl.LOCK_EX, seconds)

    def release(self) -> None:
        """Give the lock back; without a hold nothing happens."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    @property
    def descriptor(self) -> int:
        """The locked descriptor, to be inherited by a child that shall own the lock.

        Raises:
            SetupError: If this object does not hold the lock.
        """
        if self._descriptor is None:
            raise SetupError(f"The lock {str(self.path)!r} is not held.")
        return self._descriptor

    @classmethod
    def inherited(cls, path: Path, descriptor: int) -> "FileLock":
        """Take over a lock whose locked descriptor this process was started with."""
        os.set_inheritable(descriptor, False)
        lock = cls(path)
        lock._descriptor = descriptor
        return lock

    def _try(self, kind: int) -> bool:
        if self._descriptor is None:
            self._descriptor = self._open()
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            # A failed change of kind has already given the old hold back (flock(2)).
            self.release()
            return False
        return True

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SetupError(
                f"The lock {str(self.path)!r} cannot be opened ({error.strerror}); its directory "
                "was removed or is not yours."
            ) from error

    async def _wait(self, kind: int, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._try(kind):
            if time.monotonic() > deadline:
                raise SetupError(
                    f"Another process holds {str(self.path)!r} since more than {seconds:g} s; "
                    "end it and try again."
                )
            await asyncio.sleep(POLL_SECONDS)


def is_locked(path: Path) -> bool:
    """Whether any process holds the lock exclusively.

    It looks by taking a shared hold for a moment, so an exclusive attempt at the same moment fails:
    whoever takes a lock with `try_exclusive` tries again.
    """
    if not path.exists():
        return False
    probe = FileLock(path)
    free = probe.try_shared()
    probe.release()
    return not free
