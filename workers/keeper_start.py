"""A user's side of the keeper: start one when there is none, and wait until its server answers.

The starter locks the `keeper` file and leaves the locked descriptor to the new process, so twenty
starters at once make one keeper, and a starter that dies on the way leaves a free lock.
"""

import asyncio
import logging
import subprocess
import sys
import time
from pathlib import Path

from schema.errors import DevServerUnavailable, SetupError
from schema.settings import Settings
from schema.version import VERSION
from workers.data_directory import DataDirectory
from workers.file_lock import FileLock, is_locked
from workers.server_binary import DevServerBinary, Progress, default_sources, find_binary
from workers.server_record import ServerRecord, read_record

LOG = logging.getLogger(__name__)

WAIT_SECONDS = 60.0
"""How long a living keeper may take to bring its server up."""

POLL_SECONDS = 0.03

KEEPER_ATTEMPTS = 5
"""How many keepers one user starts when they end without giving a reason, as if killed."""

WATCH_SECONDS = 0.5
"""How often a user looks whether its keeper is still there."""

WATCH_LIMIT_SECONDS = 30.0
"""Longest pause between two attempts to replace a keeper."""

_IMPORT_ROOT = Path(__file__).resolve().parents[1]


class KeeperStarter:
    """One user's way to a living server in its data directory."""

    def __init__(self, directory: DataDirectory, settings: Settings, progress: Progress) -> None:
        self._directory = directory
        self._settings = settings
        self._progress = progress
        self._binary: DevServerBinary | None = None
        self._kill_point = settings.kill_point or ""

    async def ensure(self) -> ServerRecord:
        """Return the addresses of a server that answers, started or built if need be.

        Raises:
            DevServerUnavailable: If no server can be had; it lists what was tried.
        """
        started = 0
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            lock = self._directory.lock("keeper")
            if not lock.try_exclusive():
                if (record := self._living_server()) is not None:
                    return record
                await asyncio.sleep(POLL_SECONDS)
                continue
            if self._binary is None:
                # Not under the lock: it may take minutes, and others want to see progress too.
                lock.release()
                self._binary = await find_binary(default_sources(self._settings), self._progress)
            elif started == KEEPER_ATTEMPTS or (started and self._directory.failure_file.exists()):
                lock.release()
                break
            else:
                self._spawn(lock, self._binary)
                started += 1
            deadline = time.monotonic() + WAIT_SECONDS
        raise self._failure()

    async def watch(self) -> None:
        """Replace the keeper whenever it dies, until cancelled.

        Failures are logged and tried again: the work of this process may still end well.
        """
        pause = WATCH_SECONDS
        while True:
            await asyncio.sleep(pause)
            if is_locked(self._directory.lock_file("keeper")):
                continue
            try:
                await self.ensure()
                LOG.info("The keeper was gone; there is one again.")
                pause = WATCH_SECONDS
            except SetupError as error:
                LOG.warning("There is no keeper, and none can be started: %s", error)
                pause = min(pause * 2, WATCH_LIMIT_SECONDS)

    async def leave_keeper(self) -> None:
        """See to it that somebody stops the server after this user.

        Called before the shared lock is released. Without it, a server whose keeper was killed a
        moment ago would live on until the next command finds it.
        """
        locks = (self._directory.lock_file("keeper"), self._directory.lock_file("server"))
        if is_locked(locks[0]) or not is_locked(locks[1]):
            return
        try:
            await self.ensure()
        except SetupError as error:
            LOG.warning("The Temporal server is left without a keeper: %s", error)

    def _living_server(self) -> ServerRecord | None:
        record = read_record(self._directory.server_file)
        if record is None or record.pid is None or record.version != VERSION:
            return None
        return record if is_locked(self._directory.lock_file("server")) else None

    def _spawn(self, lock: FileLock, binary: DevServerBinary) -> None:
        self._directory.failure_file.unlink(missing_ok=True)
        command = [sys.executable, "-m", "workers.keeper", "--home", str(self._directory.home)]
        command += ["--binary", str(binary.path), "--lock-descriptor", str(lock.descriptor)]
        command += ["--idle-seconds", str(self._settings.keeper_idle_seconds)]
        command += ["--synchronous", self._settings.sqlite_synchronous]
        if not binary.knows_news_switch:
            command.append("--no-news-switch")
        if self._kill_point:
            # Only the first one: its replacement is what the test wants to see.
            command += ["--kill-point", self._kill_point]
            self._kill_point = ""
        with self._directory.keeper_log.open("ab") as log:
            # The shell leaves the keeper to init, so that nobody has to wait for its end; its own
            # session keeps the terminal's Ctrl-C and hang-up away from it.
            subprocess.run(
                ["/bin/sh", "-c", '"$@" &', "sh", *command],
                cwd=_IMPORT_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                pass_fds=(lock.descriptor,),
                check=True,
            )
        lock.release()

    def _failure(self) -> DevServerUnavailable:
        directory = self._directory
        if directory.failure_file.exists():
            reason, log = directory.failure_file.read_text(), directory.server_log
        else:
            reason, log = "its keeper ends, or hangs", directory.keeper_log
        return DevServerUnavailable(
            [("start", reason)],
            f"read {str(log)!r}; the server's file is {directory.temporal_file}",
        )
