"""What a fork gives up before it runs a program: files, processes, descriptors, resources.

Made once by the fork server, applied in every fork. Only the standard library is imported.
"""

import os
import resource
import signal
import tempfile

from activities.sandbox import kernel
from activities.sandbox.control import Request, ServerConfig
from activities.sandbox.landlock import Landlock
from activities.sandbox.system_call_filter import ForkFilter, ServerFilter

JOB_DESCRIPTOR = 3
"""Number of the job's socket in the fork; no other descriptor but 0 to 2, which lead nowhere."""
OPEN_FILES = 64
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")

_JOB_NAMESPACES = (
    kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID | kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC
)


class Confinement:
    """The restrictions of one server's forks.

    Args:
        config: Of the server.
        address_space: Bytes that the server itself has mapped.
    """

    def __init__(self, config: ServerConfig, address_space: int) -> None:
        self._config = config
        self._address_space = address_space
        self._filter = (
            ForkFilter(threads=config.threads, namespaces=config.namespaces)
            if config.filtered
            else None
        )
        self._landlock = (
            Landlock(config.readable, DEVICES, config.network) if config.landlock else None
        )

    def apply_to_server(self) -> None:
        """Restrict this process, the server, as far as it and all forks can do without.

        Raises:
            OSError: If that cannot be had.
        """
        if self._config.filtered:
            server_filter = ServerFilter(
                network=self._config.network, namespaces=self._config.namespaces
            )
            server_filter.install(os.getpid())

    def apply(self, request: Request, job_socket: int, folder: str, server: int) -> None:
        """Restrict this process, just forked, for good.

        Raises:
            OSError: If any of it cannot be had; nothing may run then.
        """
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        if kernel.IS_LINUX:
            kernel.die_with(server)
        if self._config.namespaces:
            self._enter_namespaces(job_socket)
            folder = self._config.folder
        os.chdir(folder)
        _clear_environment(folder)
        if kernel.IS_LINUX:
            kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if self._landlock is not None:
            self._landlock.restrict(folder)
        _close_all_but(job_socket)
        self._set_limits(request)
        if self._filter is not None:
            self._filter.install(os.getpid())

    def _enter_namespaces(self, job_socket: int) -> None:
        """Go on as the first process of namespaces in which there is nobody else."""
        user, group = os.getuid(), os.getgid()
        kernel.unshare(_JOB_NAMESPACES)
        # Only a process that may be looked at may write these; there is nobody here to look.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        _write("/proc/self/setgroups", "deny")
        _write("/proc/self/uid_map", f"{user} {user} 1")
        _write("/proc/self/gid_map", f"{group} {group} 1")
        kernel.prctl(kernel.PR_SET_DUMPABLE, 0)
        outer = os.getpid()
        inner = os.fork()
        if inner:
            os.close(job_socket)
            _end_like(inner)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if not os.path.exists(f"/proc/{outer}"):
            os._exit(1)
        os.setsid()
        kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
        flags = kernel.MS_NOSUID | kernel.MS_NODEV
        kernel.mount("none", "/proc", "tmpfs", flags | kernel.MS_RDONLY, "size=4k,nr_inodes=2")
        size = f"size={self._config.storage_bytes},nr_inodes=4096,mode=700"
        kernel.mount("none", self._config.folder, "tmpfs", flags, size)
        kernel.drop_capabilities()

    def _set_limits(self, request: Request) -> None:
        space = self._address_space + request.memory_bytes
        limits = {
            resource.RLIMIT_AS: (space, space),
            # The first ends it with a signal that says so, the second in any case.
            resource.RLIMIT_CPU: (request.cpu_seconds, request.cpu_seconds + 1),
            resource.RLIMIT_FSIZE: (self._config.storage_bytes,) * 2,
            resource.RLIMIT_NOFILE: (OPEN_FILES,) * 2,
            resource.RLIMIT_CORE: (0, 0),
        }
        if kernel.IS_LINUX:
            limits[resource.RLIMIT_NPROC] = (request.threads,) * 2
            limits[resource.RLIMIT_MEMLOCK] = (0, 0)
            limits[resource.RLIMIT_SIGPENDING] = (256, 256)
            limits[resource.RLIMIT_RTPRIO] = (0, 0)
        else:
            # Users of other systems have more processes than this already: nothing can be forked.
            limits[resource.RLIMIT_NPROC] = (1, 1)
        for which, (soft, hard) in limits.items():
            most = resource.getrlimit(which)[1]
            if most != resource.RLIM_INFINITY:
                soft, hard = min(soft, most), min(hard, most)
            resource.setrlimit(which, (soft, hard))


def _end_like(child: int) -> None:
    """Wait for the child and end as it ends, so that who waits for this process learns how."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def _clear_environment(folder: str) -> None:
    # What Python remembers of it; the server was started with an empty one.
    os.environ.clear()  # noqa: TID251
    os.environ.update(HOME=folder, TMPDIR=folder, LANG="C.UTF-8")  # noqa: TID251
    tempfile.tempdir = folder


def _close_all_but(job_socket: int) -> None:
    # The descriptor may have any number, JOB_DESCRIPTOR among them.
    if job_socket != JOB_DESCRIPTOR:
        os.dup2(job_socket, JOB_DESCRIPTOR, inheritable=False)
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    os.closerange(JOB_DESCRIPTOR + 1, min(highest, 4096))
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number, inheritable=False)
    os.close(null)
