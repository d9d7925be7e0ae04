"""The keeper: a small process that owns the embedded Temporal server of a data directory.

It is started by the first user (`keeper_start.py`) with the locked `keeper` file in its hands, so
there is one at a time. It starts the server or adopts a living one, starts it again on the same
ports when it dies, and stops it when nobody has used the directory for a while. It knows neither
Temporal's SDK nor our settings: what it needs stands on its command line.
"""

import argparse
import logging
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType

from schema.errors import SetupError
from schema.kill_points import arm, reach
from schema.version import VERSION
from workers.data_directory import DataDirectory
from workers.dev_server import is_ready, server_command
from workers.file_lock import FileLock
from workers.server_process import ServerProcess
from workers.server_record import (
    ServerRecord,
    choose_ports,
    is_free,
    read_record,
    write_record,
)

LOG = logging.getLogger(__name__)

TICK_SECONDS = 0.2
"""How often the keeper looks after its server and its users."""

START_SECONDS = 20.0
"""How long a server may take until it answers; a quarter of a second is usual."""

PORT_SECONDS = 5.0
"""How long to wait for the stored ports before others are chosen."""

START_ATTEMPTS = 2


@dataclass(frozen=True)
class KeeperOptions:
    """What the starter of a keeper decides."""

    binary: Path
    """The `temporal` program."""
    knows_news_switch: bool
    synchronous: str
    idle_seconds: float
    """How long the server outlives its last user."""


class Keeper:
    """Owns the server of a data directory until nobody needs it."""

    def __init__(self, directory: DataDirectory, options: KeeperOptions, lock: FileLock) -> None:
        self._directory = directory
        self._options = options
        self._lock = lock
        self._users = directory.lock("users")
        self._asked_to_stop = False
        self._idle_since: float | None = None
        self._server: ServerProcess | None = None

    def run(self) -> None:
        """Serve until the last user is gone, then stop the server.

        Raises:
            SetupError: If no server can be brought up on this directory.
        """
        reach("keeper begun")
        try:
            while not self._should_stop():
                if self._server is None or not self._server.is_alive():
                    self._bring_up()
                time.sleep(TICK_SECONDS)
        finally:
            # Also after an error: a server without a keeper would never be stopped.
            self._forget_pid()
            if self._server is not None:
                self._server.stop()

    def ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        """Stop soon; the handler of SIGTERM."""
        self._asked_to_stop = True

    def _should_stop(self) -> bool:
        if self._asked_to_stop or self._is_displaced():
            return True
        if not self._users.try_exclusive():
            self._idle_since = None
            return False
        now = time.monotonic()
        if self._idle_since is None:
            self._idle_since = now
        if now - self._idle_since >= self._options.idle_seconds:
            # The lock is kept: who comes now waits until this process has ended.
            return True
        self._users.release()
        return False

    def _is_displaced(self) -> bool:
        """Whether the directory was deleted, or now belongs to another version."""
        try:
            ours = os.fstat(self._lock.descriptor)
            named = os.stat(self._lock.path)
        except FileNotFoundError:
            return True
        if (ours.st_dev, ours.st_ino) != (named.st_dev, named.st_ino):
            return True
        return self._directory.version() not in (None, VERSION)

    def _bring_up(self) -> None:
        """Get a server that answers: the living one of this directory, or a new one."""
        self._forget_pid()
        attempts = 0
        deadline = time.monotonic() + START_SECONDS
        while attempts < START_ATTEMPTS and time.monotonic() < deadline:
            if self._asked_to_stop or self._adopt():
                return
            lock = self._directory.lock("server")
            if not lock.try_exclusive():
                # Somebody looks at it, or a server has not written its pid yet.
                time.sleep(TICK_SECONDS)
                continue
            attempts += 1
            if self._start(lock):
                return
            deadline = time.monotonic() + START_SECONDS
        if attempts == 0:
            raise SetupError("an unknown process holds the lock of the server")
        raise SetupError(self._last_words())

    def _adopt(self) -> bool:
        orphan = ServerProcess.find(self._directory)
        if orphan is None:
            return False
        self._server = orphan
        record = read_record(self._directory.server_file)
        if record is not None and record.version == VERSION and self._answers(orphan, record):
            LOG.info("Took over the Temporal server %d at %s.", orphan.pid, record.address)
            return True
        LOG.warning("The Temporal server %d is of no use; ending it.", orphan.pid)
        orphan.stop()
        return False

    def _start(self, lock: FileLock) -> bool:
        record = self._ports()
        write_record(self._directory.server_file, record)
        command = server_command(
            self._options.binary,
            self._directory.temporal_file,
            record,
            synchronous=self._options.synchronous,
            knows_news_switch=self._options.knows_news_switch,
        )
        self._server = server = ServerProcess.start(self._directory, lock, command)
        reach("server started")
        if self._answers(server, record):
            reach("server ready")
            LOG.info("The Temporal server %d listens on %s.", server.pid, record.address)
            return True
        server.stop()
        return False

    def _answers(self, server: ServerProcess, record: ServerRecord) -> bool:
        """Wait until the server is ready, and write that down; False if it never is."""
        deadline = time.monotonic() + START_SECONDS
        while server.is_alive() and time.monotonic() < deadline and not self._asked_to_stop:
            if is_ready(record):
                write_record(self._directory.server_file, replace(record, pid=server.pid))
                return True
            time.sleep(0.02)
        return False

    def _ports(self) -> ServerRecord:
        """Take the stored ports if they are free, so that addresses survive a restart."""
        stored = read_record(self._directory.server_file)
        deadline = time.monotonic() + PORT_SECONDS
        while stored is not None:
            if all(is_free(port) for port in stored.ports):
                return replace(stored, version=VERSION, pid=None)
            if time.monotonic() > deadline:
                LOG.warning("The ports %s are taken; choosing others.", stored.ports)
                break
            time.sleep(TICK_SECONDS)
        return choose_ports(VERSION)

    def _forget_pid(self) -> None:
        stored = read_record(self._directory.server_file)
        if stored is not None and stored.pid is not None:
            write_record(self._directory.server_file, replace(stored, pid=None))

    def _last_words(self) -> str:
        log = self._directory.server_log
        lines = log.read_text(errors="replace").split("\n") if log.exists() else []
        said = [line for line in lines if line.strip()]
        return said[-1] if said else "it ended without a word"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a keeper whose lock was inherited; the program behind `keeper_start.spawn`."""
    parser = argparse.ArgumentParser(prog="holdfast-keeper")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--lock-descriptor", type=int, required=True)
    parser.add_argument("--idle-seconds", type=float, required=True)
    parser.add_argument("--synchronous", required=True)
    parser.add_argument("--no-news-switch", action="store_true")
    parser.add_argument("--kill-point", default="", help="tests only")
    given = parser.parse_args(arguments)
    arm(given.kill_point)

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    directory = DataDirectory(given.home)
    lock = FileLock.inherited(directory.lock_file("keeper"), given.lock_descriptor)
    options = KeeperOptions(
        binary=given.binary,
        knows_news_switch=not given.no_news_switch,
        synchronous=given.synchronous,
        idle_seconds=given.idle_seconds,
    )
    keeper = Keeper(directory, options, lock)
    signal.signal(signal.SIGTERM, keeper.ask_to_stop)
    try:
        keeper.run()
    except SetupError as error:
        LOG.error("No Temporal server: %s", error)
        directory.failure_file.write_text(str(error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
