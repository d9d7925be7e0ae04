"""What hostile code reaches: nothing that is not its own, on each way to isolate alone."""

import ast
import asyncio
import os
import socket
import sys
from pathlib import Path

import pytest

from activities.sandbox.fork_server_sandbox import ForkServerSandbox
from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST
from schema.errors import JobKilled
from tests.integration.sandbox.running import allowed, find, opened, options

pytestmark = pytest.mark.anyio

READ_FILES = """
import os
for path in given["paths"]:
    attempt(path, lambda: os.listdir(path) if os.path.isdir(path) else open(path, "rb").read())
"""


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    """A file that anybody on this machine may read and write."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(0o755)
    file = tmp_path / "holdfast.db"
    file.write_text("canary")
    file.chmod(0o666)
    return file


def look_of(file: Path) -> tuple[object, ...]:
    status = file.stat()
    content = file.read_bytes() if file.exists() else None
    return content, status.st_mtime, status.st_mode, os.listdir(file.parent)


async def test_inv_19_no_file_of_the_machine_is_read(
    isolated: ForkServerSandbox, secret_file: Path
) -> None:
    paths = [
        *("/etc/shadow", "/etc/passwd", "/etc/hostname", "/root", "/home", "/var", "/sys", "/proc"),
        *("/proc/self/environ", "/proc/self/mem", "/proc/self/fd", "/proc/1/environ", "/dev"),
        *(f"/proc/{os.getpid()}/environ", f"/proc/{os.getpid()}/mem", f"/proc/{os.getpid()}/fd"),
        *(str(secret_file), str(secret_file.parent), str(Path.home()), "/dev/shm", "/run"),
        *("../../../../etc/passwd", str(Path(__file__).parents[3] / "README.md")),
    ]

    found = allowed(await find(isolated, READ_FILES, paths=paths))

    # Of folders remain, where they are not refused, the ways to what the shell shows.
    shown = {"null", "zero", "random", "urandom", *Path(sys.base_prefix).parts}
    assert not {
        path: what
        for path, what in found.items()
        if not what.startswith("[") or set(ast.literal_eval(what)) - shown
    }


async def test_probe_of_files_finds_what_is_not_hidden(secret_file: Path) -> None:
    async with opened(options(LIMITS_ONLY)) as sandbox:
        found = await find(sandbox, READ_FILES, paths=[str(secret_file)])

    assert found == {str(secret_file): repr(b"canary")}


async def test_inv_19_no_file_of_the_machine_is_changed(
    isolated: ForkServerSandbox, secret_file: Path
) -> None:
    source = """
    import os, shutil
    path = given["path"]
    attempt("write", lambda: open(path, "w"))
    attempt("append", lambda: open(path, "a"))
    attempt("truncate", os.truncate, path, 0)
    attempt("truncate by opening", os.open, path, os.O_RDONLY | os.O_TRUNC)
    attempt("remove", os.remove, path)
    attempt("rename", os.rename, path, "mine")
    attempt("link", os.link, path, "mine")
    attempt("make beside", lambda: open(path + ".new", "w"))
    attempt("make folder", os.mkdir, path + ".folder")
    attempt("mode", os.chmod, path, 0)
    attempt("owner", os.chown, path, os.getuid(), os.getgid())
    attempt("times", os.utime, path, (0, 0))
    """
    before = look_of(secret_file)

    found = await find(isolated, source, path=str(secret_file))

    assert not allowed(found)
    assert look_of(secret_file) == before


async def test_inv_19_no_network_is_reached(isolated: ForkServerSandbox, tmp_path: Path) -> None:
    source = """
    import ctypes, os, socket, urllib.request
    attempt("tcp", socket.create_connection, ("127.0.0.1", given["tcp"]), 2)
    attempt("http", urllib.request.urlopen, f"http://127.0.0.1:{given['tcp']}", None, 2)
    attempt("resolve", socket.getaddrinfo, "example.org", 80)
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, 17, 40):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            attempt(f"socket {family} {kind}", socket.socket, family, kind)
    attempt("pair of datagrams", socket.socketpair, socket.AF_UNIX, socket.SOCK_DGRAM)
    pair = socket.socketpair()[0]
    attempt("bind", pair.bind, "\\0mine")
    attempt("connect", pair.connect, "\\0" + given["abstract"])
    attempt("send to", pair.sendto, b"x", "\\0" + given["abstract"])
    ring = ctypes.CDLL(None).syscall(425, 8, ctypes.create_string_buffer(120))
    attempt("io_uring", os.fstat, ring)
    """
    abstract = f"holdfast-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0" + abstract)
        local.listen()

        found = await find(isolated, source, tcp=tcp.getsockname()[1], abstract=abstract)

    assert len(found) > 20
    assert not allowed(found)


async def test_network_is_reached_where_the_operator_allows_it() -> None:
    source = """
    import socket
    attempt("tcp", lambda: socket.create_connection(("127.0.0.1", given["port"]), 5).recv(9))
    attempt("local", socket.socket, socket.AF_UNIX)
    attempt("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW)
    """

    def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)

    async with server, opened(options(*STRONGEST_FIRST, LIMITS_ONLY, network=True)) as sandbox:
        found = await find(sandbox, source, port=server.sockets[0].getsockname()[1])

    assert allowed(found) == {"tcp": repr(b"hello")}


async def test_inv_19_environment_of_the_worker_is_not_seen(
    sandbox: ForkServerSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_CANARY", "canary")
    source = """
    import ctypes, os
    found["python"] = sorted(os.environ)
    environ = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ")
    found["c"] = []
    while environ and environ[len(found["c"])]:
        found["c"].append(environ[len(found["c"])].decode())
    """

    async with opened(sandbox.options) as fresh:
        found = await find(fresh, source)

    assert found["python"] == ["HOME", "LANG", "TMPDIR"]
    assert "canary" not in str(found["c"])
    assert {line.partition("=")[0] for line in found["c"]} <= {"HOME", "LANG", "TMPDIR", "PWD"}


async def test_inv_19_only_the_jobs_own_socket_is_open(sandbox: ForkServerSandbox) -> None:
    source = """
    import os, stat
    found["open"] = {}
    for number in range(5000):
        try:
            status = os.fstat(number)
        except OSError:
            continue
        kind = "socket" if stat.S_ISSOCK(status.st_mode) else "other"
        if status.st_rdev == os.makedev(1, 3):
            kind = "null"
        found["open"][number] = kind
    """

    found = await find(sandbox, source)

    assert found["open"] == {"0": "null", "1": "null", "2": "null", "3": "socket"}


PEER = """
import os, pathlib, time
pathlib.Path("diary").write_text("canary of the victim")
memory = b"canary in memory" * 1000
time.sleep(given["seconds"])
found["diary"] = pathlib.Path("diary").read_text()
found["cores"] = len(os.sched_getaffinity(0))
"""

REACH_FOR_PEERS = """
import ctypes, glob, mmap, multiprocessing.shared_memory, os, resource, signal, socket
libc = ctypes.CDLL(None, use_errno=True)

def call(function, *arguments):
    if function(*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "done"

def read_memory(process):
    buffer = ctypes.create_string_buffer(16)
    local = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 16)
    remote = (ctypes.c_void_p * 2)(id(process), 16)
    return call(libc.process_vm_readv, process, local, 1, remote, 1, 0)

me, parent = os.getpid(), os.getppid()
others = {process for process in (1, parent, *range(me - 20, me + 5)) if process > 0} - {me}
for process in sorted(others):
    attempt(f"see {process}", os.kill, process, 0)
    attempt(f"signal {process}", os.kill, process, signal.SIGCONT)
    attempt(f"see session {process}", os.getsid, process)
    attempt(f"trace {process}", call, libc.ptrace, 0x4206, process, 0, 0)
    attempt(f"read {process}", read_memory, process)
    attempt(f"limit {process}", resource.prlimit, process, resource.RLIMIT_CPU, (1, 1))
    attempt(f"pin {process}", os.sched_setaffinity, process, {0})
    attempt(f"slow down {process}", os.setpriority, os.PRIO_PROCESS, process, 19)
    attempt(f"hold {process}", os.pidfd_open, process)
    for name in ("mem", "environ", "maps", "cmdline", "fd", "cwd/diary", "root/tmp"):
        path = f"/proc/{process}/{name}"
        attempt(path, lambda: open(path, "rb").read(16))
attempt("all", os.kill, -1, signal.SIGCONT)
attempt("parent's group", os.killpg, parent or 1, signal.SIGCONT)
found["/proc"] = str(glob.glob("/proc/[0-9]*"))
found["folders"] = str(glob.glob("../*/diary") + glob.glob("/tmp/**/diary", recursive=True))
attempt("memory by key", call, libc.shmget, 4711, 4096, 0o1777)
attempt("queue by key", call, libc.msgget, 4711, 0o1777)
attempt("semaphore by key", call, libc.semget, 4711, 1, 0o1777)
attempt("key ring", call, libc.syscall, 250, 0, -3, 1)
attempt("shared memory", multiprocessing.shared_memory.SharedMemory, "mine", True, 4096)
attempt("abstract socket", lambda: socket.socket(socket.AF_UNIX).bind("\\0mine"))
attempt("owner of signals", lambda: __import__("fcntl").fcntl(3, 8, parent or 1))
"""


async def test_inv_19_living_jobs_of_one_tenant_do_not_reach_each_other(
    isolated: ForkServerSandbox,
) -> None:
    victim = asyncio.create_task(find(isolated, PEER, seconds=1.5))
    await find(isolated, "pass")  # the victim was asked for first, so it lives now

    found = await find(isolated, REACH_FOR_PEERS)

    assert found.pop("/proc") == "[]"
    assert found.pop("folders") == "[]"
    assert not victim.done()
    assert len(found) > 50
    assert not allowed(found)
    assert await victim == {
        "diary": "canary of the victim",
        "cores": len(os.sched_getaffinity(0)),
    }


async def test_inv_19_signals_do_not_reach_the_server(isolated: ForkServerSandbox) -> None:
    before = dict(isolated.server_process_ids())
    source = """
    import os, signal
    for target in (os.getppid(), 1, -1, -os.getppid()):
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSTOP, signal.SIGUSR1):
            if target not in (0, os.getpid()):
                attempt(f"{target} {number}", os.kill, target, number)
    """

    found = await find(isolated, source)

    assert found
    assert not allowed(found)
    assert await find(isolated, "found['alive'] = True") == {"alive": True}
    if before:
        assert isolated.server_process_ids() == before


async def test_inv_19_no_rights_are_gained(isolated: ForkServerSandbox) -> None:
    source = """
    import ctypes, os
    libc = ctypes.CDLL(None, use_errno=True)
    def call(function, *arguments):
        if function(*arguments) == -1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if os.getuid() != 0:
        attempt("user", os.setuid, 0)
        attempt("group", os.setgid, 0)
    attempt("groups", os.setgroups, [0])
    attempt("root", os.chroot, ".")
    attempt("namespaces", call, libc.unshare, 0x10000000)
    attempt("mount", call, libc.mount, b"none", b"/tmp", b"tmpfs", 0, None)
    attempt("unmount", call, libc.umount2, b"/proc", 2)
    attempt("device", os.mknod, "device", 0o60666, os.makedev(8, 0))
    attempt("nice", os.nice, -5)
    attempt("host name", call, libc.sethostname, b"mine", 4)
    attempt("program", os.execv, "/bin/sh", ["sh"])
    attempt("limits", __import__("resource").setrlimit, 7, (9999, 9999))
    attempt("outlive the server", call, libc.prctl, 1, 0, 0, 0, 0)
    attempt("memory of no process", call, libc.memfd_create, b"mine", 0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)()
    call(libc.capget, header, data)
    found["rights"] = list(data)
    """

    found = await find(isolated, source)

    assert found.pop("rights")[:2] == [0, 0]
    assert not allowed(found)


async def test_inv_19_a_job_leaves_nothing_behind(isolated: ForkServerSandbox) -> None:
    poison = """
    import json, os, sys
    found["written"] = {}
    folders = [path for path in sys.path if os.path.isdir(path)]
    for folder in [*folders, os.path.dirname(json.__file__)]:
        attempt("make in " + folder, lambda: open(os.path.join(folder, "poison.py"), "w"))
    attempt("change json", lambda: open(json.__file__, "a"))
    attempt("replace json", os.rename, json.__file__, json.__file__ + ".gone")
    os.makedirs("a/b/c")
    open("a/b/c/left", "w").write("left")
    os.chmod = None
    json.dumps = lambda *_, **__: "poisoned"
    __builtins__["len"] = lambda _: 42
    sys.modules["math"] = None
    """
    look = """
    import glob, json, math, os
    found["json"] = json.dumps([1])
    found["len"] = len("abc")
    found["left"] = [name for _, _, names in os.walk(".") for name in names]
    found["left"] += [*glob.glob("../*/a"), *glob.glob("../a"), *glob.glob("/tmp/*/a")]
    """

    with pytest.raises(JobKilled):  # its own result is what it poisons first
        await find(isolated, poison)
    found = await find(isolated, look)

    assert found == {"json": "[1]", "len": 3, "left": []}


async def test_fork_server_loads_nothing_heavy(strongest: ForkServerSandbox) -> None:
    source = """
    import sys
    found["modules"] = sorted(sys.modules)
    """

    modules = set((await find(strongest, source))["modules"])

    assert "activities.sandbox.fork_server" in modules
    assert not {name.partition(".")[0] for name in modules} & {
        *("pydantic", "temporalio", "sqlalchemy", "asyncio", "httpx", "workers", "workflows", "api")
    }


async def test_packages_of_the_operator_can_be_imported(tmp_path: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    folder = tmp_path / "lib" / version / "site-packages"
    folder.mkdir(parents=True)
    (folder / "given_package.py").write_text("ANSWER = 42")
    ways = options(*STRONGEST_FIRST, LIMITS_ONLY, packages=tmp_path)

    async with opened(ways) as sandbox:
        found = await find(sandbox, "import given_package; found['answer'] = given_package.ANSWER")

    assert found == {"answer": 42}
