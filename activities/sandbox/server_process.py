"""A running fork server, as the worker holds it: jobs in, what became of them out.

Everything happens in the event loop's thread; nothing here waits for a job.
"""

import asyncio
import itertools
import logging
import math
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from activities.sandbox import kernel
from activities.sandbox.control import REPLY_BYTES, Ask, Reply, Request, Say
from activities.sandbox.isolation import LayerMissing, ServerStart
from activities.sandbox.job import JobLimits
from schema.errors import SandboxUnavailable

LOG = logging.getLogger(__name__)

READY_SECONDS = 20.0
START_SECONDS = 10.0
"""Longest wait for a fork; a server that needs longer hangs, and is ended."""
KILL_SECONDS = 2.0
"""Longest wait for a killed fork to be gone; then its server is ended."""
SPARE_THREADS = 128
"""How many threads a job may have above what the machine runs already."""

_STDERR_BYTES = 4096


class RunningJob:
    """One fork, from the request on.

    Args:
        job_id: Its number at its server.
    """

    def __init__(self, job_id: int) -> None:
        loop = asyncio.get_running_loop()
        self.id = job_id
        self.started: asyncio.Future[None] = loop.create_future()
        """Done when the fork lives."""
        self.ended: asyncio.Future[int | None] = loop.create_future()
        """The status that `waitpid` gave; None if the server was lost or could not fork."""


class ServerProcess:
    """A fork server that has said that it is ready; made by `start_server`.

    Args:
        process: The shell, or the server itself.
        control: Our end of the socket to it.
        stderr: Where its complaints go.
        folder: Files to remove when it is gone.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        control: socket.socket,
        stderr: IO[bytes],
        folder: Path | None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._process = process
        self._control = control
        self._stderr = stderr
        self._folder = folder
        self._buffer = b""
        self._jobs: dict[int, RunningJob] = {}
        self._numbers = itertools.count(1)
        self.ready: asyncio.Future[bool] = self._loop.create_future()
        """False if it ended before it was ready."""
        self.is_alive = True
        self._loop.add_reader(control, self._read)

    @property
    def process_id(self) -> int:
        """Of the shell, or of the server where there is none."""
        return self._process.pid

    def submit(self, limits: JobLimits) -> tuple[RunningJob, socket.socket]:
        """Ask for a fork and give the socket to it.

        Raises:
            SandboxUnavailable: If the server cannot be asked.
        """
        job = RunningJob(next(self._numbers))
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        request = Request(
            Ask.RUN,
            job.id,
            limits.memory_bytes,
            math.ceil(limits.seconds) * (os.cpu_count() or 1) + 1,
            _threads_of_this_machine() + SPARE_THREADS,
        )
        try:
            socket.send_fds(self._control, [request.encode()], [theirs.fileno()])
        except OSError as error:
            ours.close()
            self.end()
            raise SandboxUnavailable(f"The fork server takes no jobs ({error}).") from error
        finally:
            theirs.close()
        self._jobs[job.id] = job
        guard = self._loop.call_later(START_SECONDS, self._end_unless, job.started)
        job.started.add_done_callback(lambda _: guard.cancel())
        job.ended.add_done_callback(lambda _: guard.cancel())
        return job, ours

    def kill(self, job: RunningJob) -> None:
        """End a fork; `job.ended` is done soon, whatever happens."""
        if job.ended.done():
            return
        try:
            self._control.send(Request(Ask.KILL, job.id).encode())
        except OSError:
            self.end()
            return
        guard = self._loop.call_later(KILL_SECONDS, self._end_unless, job.ended)
        job.ended.add_done_callback(lambda _: guard.cancel())

    def end(self) -> None:
        """Kill the server and with it all its forks; their jobs learn that it is lost."""
        if not self.is_alive:
            return
        self._lose()
        if kernel.IS_LINUX:
            self._process.kill()
        else:
            # Elsewhere forks outlive a killed server; one that finds itself alone kills them.
            self._loop.call_later(1.0, self._process.kill)

    def _end_unless(self, is_well: "asyncio.Future[Any]") -> None:
        # The loop may have stood still for longer than the server: then its answer has just been
        # read, and whoever would cancel this timer has its turn only after it.
        if not is_well.done():
            self.end()

    async def close(self) -> None:
        """End it and wait until it is gone."""
        self.end()
        await _gone(self._process)
        self._stderr.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def complaint(self) -> str:
        """Give the last line that it wrote, for a message."""
        self._stderr.seek(max(0, self._stderr.seek(0, os.SEEK_END) - _STDERR_BYTES))
        lines = self._stderr.read().decode(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def _read(self) -> None:
        try:
            content = self._control.recv(REPLY_BYTES * 256)
        except BlockingIOError:
            return
        except OSError:
            content = b""
        if not content:
            self.end()
            return
        self._buffer += content
        whole = len(self._buffer) - len(self._buffer) % REPLY_BYTES
        for start in range(0, whole, REPLY_BYTES):
            self._take(Reply.decode(self._buffer[start : start + REPLY_BYTES]))
        self._buffer = self._buffer[whole:]

    def _take(self, reply: Reply) -> None:
        if reply.say is Say.READY:
            self.ready.set_result(True)
            return
        job = self._jobs.get(reply.job_id)
        if job is None:
            return
        if reply.say is Say.STARTED:
            job.started.set_result(None)
            return
        del self._jobs[reply.job_id]
        if reply.say is Say.FAILED:
            LOG.warning(
                "The fork server could not fork: %s",
                os.strerror(reply.status),
                extra={"action": "fork_failed"},
            )
        job.ended.set_result(reply.status if reply.say is Say.ENDED else None)

    def _lose(self) -> None:
        self.is_alive = False
        self._loop.remove_reader(self._control)
        self._control.close()
        if not self.ready.done():
            self.ready.set_result(False)
        for job in self._jobs.values():
            job.ended.set_result(None)
        self._jobs.clear()


async def start_server(plan: Callable[[int], ServerStart]) -> ServerProcess:
    """Start a fork server and wait until it is ready.

    Args:
        plan: Makes its command for the descriptor that it speaks through.

    Raises:
        LayerMissing: If it does not start here.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    stderr = tempfile.TemporaryFile()  # noqa: SIM115 # lives as long as the server
    try:
        start = plan(theirs.fileno())
        process = subprocess.Popen(  # noqa: ASYNC220 # returns as soon as the program runs
            start.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            pass_fds=(theirs.fileno(),),
            env={},
            cwd="/",
            start_new_session=True,
        )
    except (OSError, LayerMissing) as error:
        ours.close()
        stderr.close()
        if isinstance(error, OSError):
            raise LayerMissing(str(error)) from error
        raise
    finally:
        theirs.close()
    server = ServerProcess(process, ours, stderr, start.folder)
    try:
        async with asyncio.timeout(READY_SECONDS):
            is_ready = await asyncio.shield(server.ready)
    except TimeoutError:
        await server.close()
        raise LayerMissing(f"it was not ready within {READY_SECONDS:g} s") from None
    except asyncio.CancelledError:
        await server.close()
        raise
    if not is_ready:
        # What it wrote last may come after its end of the socket.
        server.end()
        await _gone(process)
        reason = server.complaint()
        await server.close()
        raise LayerMissing(reason)
    return server


async def _gone(process: "subprocess.Popen[bytes]") -> None:
    while process.poll() is None:  # noqa: ASYNC110 # nothing wakes us when a process ends
        await asyncio.sleep(0.005)


def _threads_of_this_machine() -> int:
    """Count what the kernel counts against a user who runs everything; 0 where nobody asks."""
    if not kernel.IS_LINUX:
        return 0
    with open("/proc/loadavg", encoding="ascii") as file:
        return int(file.read().split()[3].partition("/")[2])
