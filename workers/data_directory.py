"""The data directory: its layout, who uses it, and which version of Holdfast it belongs to.

Users hold the shared lock `users`; the keeper takes it exclusively to find out that nobody is left.
`keeper`, `server` and `worker` have one owner each. What runs inside lives in other modules.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from schema.errors import DataDirectoryInUse, SetupError
from workers.file_lock import FileLock

LockName: TypeAlias = Literal["entrance", "users", "keeper", "server", "worker"]

ENTRANCE_SECONDS = 60.0
"""Longest wait to be let in; a keeper that is stopping needs about a second of it."""


@dataclass(frozen=True)
class DataDirectory:
    """Where everything of one `HOLDFAST_HOME` lies."""

    home: Path

    @property
    def temporal_file(self) -> Path:
        """The embedded Temporal server's SQLite file."""
        return self.home / "temporal.db"

    @property
    def server_file(self) -> Path:
        """Ports of the embedded server and, while it answers, its pid (`ServerRecord`)."""
        return self.home / "server.json"

    @property
    def failure_file(self) -> Path:
        """Why the last keeper gave up; absent while one serves or tries."""
        return self.home / "failure"

    @property
    def version_file(self) -> Path:
        """The version of Holdfast that used this directory last."""
        return self.home / "version"

    @property
    def keeper_log(self) -> Path:
        """What the keeper has to say."""
        return self.home / "logs" / "keeper.log"

    @property
    def server_log(self) -> Path:
        """What the embedded Temporal server prints."""
        return self.home / "logs" / "temporal.log"

    def lock_file(self, name: LockName) -> Path:
        """The file behind a lock."""
        return self.home / "locks" / name

    def lock(self, name: LockName) -> FileLock:
        """Build a lock of this directory; it is not taken yet."""
        return FileLock(self.lock_file(name))

    def create(self) -> None:
        """Make the directory, for this user only, where it does not exist.

        Raises:
            SetupError: If it cannot be made or written.
        """
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in ("locks", "logs", "artifacts"):
                (self.home / name).mkdir(mode=0o700, exist_ok=True)
            self.lock_file("entrance").touch(mode=0o600)
        except OSError as error:
            raise SetupError(
                f"The data directory {str(self.home)!r} cannot be written ({error.strerror}); "
                "make it writable or set HOLDFAST_HOME to another one."
            ) from error

    def version(self) -> str | None:
        """The version that the directory belongs to; None if nobody has used it."""
        try:
            return self.version_file.read_text().strip() or None
        except FileNotFoundError:
            return None


async def join(directory: DataDirectory, version: str) -> FileLock:
    """Become a user of the directory; the keeper serves it until the returned lock is released.

    Two versions never use one directory at the same time; with nobody else in it, a directory
    changes to the version of whoever comes, before that one migrates anything.

    Raises:
        DataDirectoryInUse: If processes of another version use the directory now.
        SetupError: If it cannot be written, or a keeper hangs while it stops.
    """
    directory.create()
    entrance = directory.lock("entrance")
    await entrance.exclusive(ENTRANCE_SECONDS)
    try:
        users = directory.lock("users")
        await users.shared(ENTRANCE_SECONDS)
        if directory.version() != version:
            await _claim(directory, version, users)
        return users
    finally:
        entrance.release()


async def _claim(directory: DataDirectory, version: str, users: FileLock) -> None:
    owner = directory.version()
    if owner is not None:
        # Asked while sharing: only another user can be in the way. The keeper may slip in while
        # the kernel changes the kind of the lock, hence more than one attempt.
        for _ in range(3):
            if users.try_exclusive():
                break
            await users.shared(ENTRANCE_SECONDS)
        else:
            users.release()
            raise DataDirectoryInUse(
                f"{str(directory.home)!r} is in use by Holdfast {owner}, this is {version}; end "
                f"the other processes, or set HOLDFAST_HOME to another directory."
            )
    directory.version_file.write_text(f"{version}\n")
    await users.shared(ENTRANCE_SECONDS)
