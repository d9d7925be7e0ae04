"""The fork server of one tenant: loads what jobs need once, then forks a process for each job.

It runs inside the isolation shell, started with a `ServerConfig` as its only argument, and speaks
with the worker as `control.py` has it. It never reads a job: the job's socket goes to the fork and
is closed here. It ends when the worker's end of the control socket does, and its forks with it.
Only the standard library and what programs import are loaded.
"""

import contextlib
import gc
import importlib
import mmap
import os
import resource
import selectors
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from activities.sandbox import kernel
from activities.sandbox.confinement import Confinement
from activities.sandbox.control import (
    REQUEST_BYTES,
    Ask,
    Exit,
    Reply,
    Request,
    Say,
    ServerConfig,
)
from activities.sandbox.fork import live
from activities.sandbox.job_folders import JobFolders
from activities.sandbox.programs import Program

PRELOADED: Sequence[str] = (
    *("base64", "bisect", "calendar", "collections.abc", "copy", "csv", "dataclasses", "datetime"),
    *("decimal", "difflib", "email.utils", "enum", "fractions", "functools", "hashlib", "heapq"),
    *("hmac", "html", "html.parser", "inspect", "io", "itertools", "json", "linecache", "locale"),
    *("logging", "math", "operator", "pathlib", "pprint", "random", "re", "secrets", "statistics"),
    *("string", "struct", "textwrap", "time", "traceback", "types", "typing", "unicodedata"),
    *("urllib.parse", "uuid", "xml.etree.ElementTree", "zlib", "zoneinfo"),
)
"""Modules of the standard library that code nodes use most."""

_OPEN_FILES = 1024
_PROBE_SECONDS = 10
_PROBE_MEMORY = 64 * 1024**2


class ForkServer:
    """Forks, reaps and kills; a single thread.

    Args:
        control: The socket to the worker, blocking.
        programs: What forks can run.
        confinement: What they give up before.
        folders: Where each has its own.
    """

    def __init__(
        self,
        control: socket.socket,
        programs: Mapping[str, Program],
        confinement: Confinement,
        folders: JobFolders,
    ) -> None:
        self._control = control
        self._programs = programs
        self._confinement = confinement
        self._folders = folders
        self._jobs: dict[int, _Job] = {}
        self._own_id = os.getpid()
        self._woken, waking = socket.socketpair()
        for end in (self._woken, waking):
            end.setblocking(False)
        self._waking = waking

    def serve(self) -> None:
        """Serve until the worker is gone."""
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        # Without a handler the signal would not be noticed at all.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector = selectors.DefaultSelector()
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(self._woken, selectors.EVENT_READ)
        try:
            self._tell(Reply(Say.READY))
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._control:
                        self._take()
                    else:
                        self._reap()
        except (_WorkerGone, BrokenPipeError, ConnectionResetError):
            for process in self._jobs:
                os.kill(process, signal.SIGKILL)

    def _take(self) -> None:
        content, descriptors, _, _ = socket.recv_fds(self._control, REQUEST_BYTES, 1)
        while content and len(content) < REQUEST_BYTES:
            more = self._control.recv(REQUEST_BYTES - len(content))
            content = content + more if more else b""
        if not content:
            raise _WorkerGone
        request = Request.decode(content)
        if request.ask is Ask.RUN:
            self._fork(request, descriptors[0])
            return
        for process, job in self._jobs.items():
            if job.id == request.job_id:
                os.kill(process, signal.SIGKILL)

    def _fork(self, request: Request, job_socket: int) -> None:
        try:
            folder = self._folders.make()
            process = os.fork()
        except OSError as error:
            os.close(job_socket)
            self._tell(Reply(Say.FAILED, request.job_id, error.errno or 0))
            return
        if process == 0:
            live(self._programs, self._confinement, request, job_socket, folder, self._own_id)
        os.close(job_socket)
        self._jobs[process] = _Job(request.job_id, folder)
        self._tell(Reply(Say.STARTED, request.job_id))

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                process, status = found
                job = self._jobs.pop(process, None)
                if job is not None:  # else it was one that removed a folder
                    self._tell(Reply(Say.ENDED, job.id, status))
                    self._folders.remove(job.folder)

    def _tell(self, reply: Reply) -> None:
        self._control.sendall(reply.encode())


class _Job(NamedTuple):
    id: int
    folder: str


class _WorkerGone(Exception):
    """The other end of the control socket is closed."""


def main(argument: str) -> None:
    """Start as the configuration says and serve; the entry of the process."""
    config = ServerConfig.from_text(argument)
    control = socket.socket(fileno=config.control)
    control.set_inheritable(False)
    _become_nobody(config)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (_OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    )
    os.environ.clear()  # noqa: TID251 # bubblewrap adds to the empty one it was given
    for name in PRELOADED:
        importlib.import_module(name)
    module, _, attribute = config.programs.partition(":")
    programs: Mapping[str, Program] = getattr(importlib.import_module(module), attribute)
    if config.packages is not None:
        sys.path.append(config.packages)
    confinement = Confinement(config, _address_space())
    confinement.apply_to_server()
    folders = JobFolders(config.folder)
    _probe(confinement, folders)
    # Forks write to the pages of what they collect; what lives now lives for good.
    gc.collect()
    gc.disable()
    gc.freeze()
    ForkServer(control, programs, confinement, folders).serve()


def _become_nobody(config: ServerConfig) -> None:
    """Give up all rights but those of a user who owns nothing, and be closed to others."""
    if config.user is not None:
        os.setgroups([])
        os.setresgid(config.user, config.user, config.user)
        os.setresuid(config.user, config.user, config.user)
    if kernel.machine() is not None:
        kernel.drop_capabilities()
    if kernel.IS_LINUX:
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        # The change of user took it away, if the shell had set it.
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)


def _probe(confinement: Confinement, folders: JobFolders) -> None:
    """Confine a fork that does nothing, so that jobs meet no surprise.

    Raises:
        SystemExit: If it cannot be; the fork has printed why.
    """
    request = Request(Ask.RUN, 0, _PROBE_MEMORY, _PROBE_SECONDS, 1 << 20)
    server, folder = os.getpid(), folders.make()
    ours, theirs = socket.socketpair()
    process = os.fork()
    if process == 0:
        ours.close()
        live({}, confinement, request, theirs.fileno(), folder, server)
    theirs.close()
    ours.close()
    _, status = os.waitpid(process, 0)
    folders.remove(folder)
    # It finds no job, which is how a confined one ends here.
    ended = os.waitstatus_to_exitcode(status)
    if ended == Exit.UNCONFINED:
        raise SystemExit(1)
    if ended != Exit.PROGRAM_FAILED:
        raise SystemExit(f"a fork that does nothing ends with {ended}")


def _address_space() -> int:
    """Bytes of address space in use: where a limit begins to refuse the smallest mapping."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    low, high = 0, 1 << 46
    if not kernel.IS_LINUX:
        return 0
    while high - low > mmap.PAGESIZE:
        middle = (low + high) // 2
        resource.setrlimit(resource.RLIMIT_AS, (middle, hard))
        try:
            mmap.mmap(-1, mmap.PAGESIZE).close()
            high = middle
        except (OSError, MemoryError):
            low = middle
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    return high
