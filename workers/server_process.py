"""The embedded Temporal server as a process: started, found again, and stopped.

Its standard input is the locked file `locks/server`. So the lock is held exactly as long as some
process may write the server's SQLite file, whoever started it and however that one ended; and the
file holds the pid of the process that holds the lock, written by itself before it becomes the
server. A pid found there while the lock is held is therefore right; its command line is checked
all the same before it is trusted or ended.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from workers.data_directory import DataDirectory
from workers.file_lock import FileLock, is_locked

LOG = logging.getLogger(__name__)

STOP_SECONDS = 10.0
"""How long a server may take to stop by itself; it usually needs one second."""

POLL_SECONDS = 0.02

LOG_LIMIT = 5_000_000
"""Bytes after which the server's log starts anew, keeping one old one."""

# Standard input is the locked file: `>&0` writes into it, and exec keeps the pid.
_BECOME_SERVER = 'echo $$ >&0; exec "$@"'


class ServerProcess:
    """A process that holds the server lock of a data directory."""

    def __init__(self, directory: DataDirectory, pid: int) -> None:
        self._directory = directory
        self.pid = pid
        self._child: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls, directory: DataDirectory, lock: FileLock, command: Sequence[str]
    ) -> "ServerProcess":
        """Start a server and hand it the lock, which must be held exclusively."""
        os.ftruncate(lock.descriptor, 0)
        os.lseek(lock.descriptor, 0, os.SEEK_SET)
        _rotate(directory.server_log)
        with directory.server_log.open("ab") as log:
            child = subprocess.Popen(
                ["/bin/sh", "-c", _BECOME_SERVER, "sh", *command],
                stdin=lock.descriptor,
                stdout=log,
                stderr=log,
                cwd=directory.home,
                # It needs nothing of ours, and shall not keep our secrets in its environment.
                env={"HOME": str(directory.home), "PATH": os.defpath},
            )
        lock.release()
        server = cls(directory, child.pid)
        server._child = child
        return server

    @classmethod
    def find(cls, directory: DataDirectory) -> "ServerProcess | None":
        """Find the living server of a directory whose keeper is gone."""
        path = directory.lock_file("server")
        if not is_locked(path):
            return None
        try:
            pid = int(path.read_text())
        except ValueError:
            return None  # it has not written its pid yet; the caller asks again
        server = cls(directory, pid)
        return server if server.is_genuine() else None

    def is_alive(self) -> bool:
        """Whether the server still runs; the lock says the same, unless the home was deleted."""
        if self._child is not None:
            return self._child.poll() is None
        return self.is_genuine()

    def is_genuine(self) -> bool:
        """Whether the pid is really a server on this directory's file, not a stranger."""
        return str(self._directory.temporal_file) in command_line(self.pid)

    def stop(self) -> None:
        """End the server, gently first; a process that is not the server is left alone."""
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            if not self.is_alive():
                return
            self._send(number)
            deadline = time.monotonic() + seconds
            while self.is_alive() and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
        if self.is_alive():
            LOG.error("The Temporal server %d does not end.", self.pid)

    def _send(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.send_signal(number)
        elif self.is_genuine():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                return


def command_line(pid: int) -> str:
    """Read the command line of a process; empty if there is none (any more)."""
    entry = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/cmdline").exists():
        try:
            return entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    # macOS has no /proc.
    shown = subprocess.run(
        ["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()


def _rotate(path: Path) -> None:
    if path.exists() and path.stat().st_size > LOG_LIMIT:
        os.replace(path, path.with_suffix(".old.log"))
