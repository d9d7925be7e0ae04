"""100 MB from a start input to the end: the same bytes, a small history, bounded memory.

The way leads through an aggregator, a template, code and the body of a request. Memory is measured
in each process by itself: in the worker, in the child that runs the code, in the command that
checks the input and starts the run, and in the one that writes an output.
"""

import asyncio
import contextlib
import hashlib
import json
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from tests.command_line import CommandLine, Running
from tests.documents import a_document
from tests.factories import a_code, a_node, a_request, a_template, an_end
from tests.http_peer import HttpPeer, PeerRequest, answering, http_peer
from tests.sources import ROOT
from workers.data_directory import DataDirectory
from workers.server_namespace import NAMESPACE
from workers.server_record import read_record

MEGABYTE = 1_000_000
SIZE = 100 * MEGABYTE
HISTORY_BYTES = 1_000_000
MOST_COPIES = 3
"""Growth of a process's memory, in sizes of the value."""
SECONDS = 300


@dataclass(frozen=True)
class Measured:
    """A command that ended, and the most memory that it had."""

    stdout: bytes
    stderr: str
    code: int
    peak: int


@pytest.fixture(scope="module")
def worker(cli: CommandLine) -> Iterator[Running]:
    """A process that does all the work."""
    cli.variables["HOLDFAST_API_PORT"] = "0"
    cli.variables["HOLDFAST_ALLOWED_ADDRESSES"] = "127.0.0.1"
    with cli.running("up") as running:
        assert running.read_line().startswith("Holdfast is up")
        yield running


@pytest.fixture(scope="module")
def peer() -> Iterator[HttpPeer]:
    """A server that answers with the digest of what it was sent, in a thread of its own."""
    started: queue.Queue[tuple[HttpPeer, asyncio.AbstractEventLoop, asyncio.Event]] = queue.Queue()

    async def digest(request: PeerRequest, writer: asyncio.StreamWriter) -> None:
        await answering(request.sha256)(request, writer)

    async def serve() -> None:
        async with http_peer() as serving:
            serving.keeps_bodies = False
            serving.default = digest
            ended = asyncio.Event()
            started.put((serving, asyncio.get_running_loop(), ended))
            await ended.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    serving, loop, ended = started.get(timeout=60)
    yield serving
    loop.call_soon_threadsafe(ended.set)
    thread.join()


def an_export(path: Path, kind: str, url: str) -> str:
    """Start, aggregator, template, code, request, end; a file goes to the request at once."""
    start = a_node("start", "start", variables=[{"variable": "big", "label": "", "type": kind}])
    pick = a_node(
        "pick",
        "variable-aggregator",
        output_type="any",
        variables=[["nowhere", "x"], ["start", "big"]],
    )
    if kind == "file":
        item = {"key": "", "type": "file", "value": "", "file": ["pick", "output"]}
        body: dict[str, Any] = {"type": "binary", "data": [item]}
        between = []
    else:
        item = {"key": "", "type": "text", "value": "{{#same.out#}}"}
        body = {"type": "raw-text", "data": [item]}
        out = "string" if kind == "paragraph" else "object"
        code = "def main(x):\n    return {'out': x}"
        between = [
            a_template("shown", "<{{ x }}>", x=["pick", "output"]),
            a_code("same", code, {"out": out}, x=["pick", "output"]),
        ]
    sent = a_request("sent", url, method="post", body=body)
    # What is not there is null.
    end = an_end(
        "end",
        picked=["pick", "output"],
        shown=["shown", "output"],
        same=["same", "out"],
        sent=["sent", "body"],
    )
    nodes = [start, pick, *between, sent, end]
    edges = [(source["id"], target["id"]) for source, target in pairwise(nodes)]
    path.write_text(a_document(nodes, edges))
    return str(path)


_PROGRAM = """
import sys
from workers.cli import app
try:
    app(sys.argv[2:], prog_name="holdfast")
except SystemExit as ended:
    code = ended.code
sys.stdout.flush()
with open("/proc/self/status") as status, open(sys.argv[1], "w") as peak:
    peak.write(next(line for line in status if line.startswith("VmHWM")))
sys.exit(code)
"""


def measure(cli: CommandLine, *arguments: str) -> Measured:
    """Run a command to its end and tell how much memory it had."""
    peak = cli.home / "peak"
    ended = subprocess.run(
        [sys.executable, "-c", _PROGRAM, peak, *arguments],
        cwd=ROOT,
        env=cli.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    used = int(peak.read_text().split()[1]) * 1024
    return Measured(ended.stdout, ended.stderr.decode(), ended.returncode, used)


def peak_of(pid: int) -> int:
    """The most memory that a process has had since `forget_peak`; 0 if it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def forget_peak(pid: int) -> int:
    """Begin to measure; what the process has now."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return peak_of(pid)


def sandbox_processes(pid: int) -> Iterator[int]:
    """The processes below a worker: those that isolate, and the forks that run jobs."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                yield int(child)
                yield from sandbox_processes(int(child))


class PeakOfChildren:
    """Looks again and again at what the sandbox of a worker has; a context manager."""

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.peak = 0

    def __enter__(self) -> "PeakOfChildren":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.005):
            peaks = [peak_of(child) for child in sandbox_processes(self._worker)]
            self.peak = max(self.peak, *peaks, 0)


def history_bytes(cli: CommandLine, run_id: str) -> int:
    """The size of a run's history in Temporal."""

    async def ask() -> int:
        record = read_record(DataDirectory(cli.home).server_file)
        assert record is not None
        client = await Client.connect(record.address, namespace=NAMESPACE)
        described = await client.get_workflow_handle(f"run-{run_id}").describe()
        return described.raw_description.workflow_execution_info.history_size_bytes

    return asyncio.run(ask())


@dataclass(frozen=True)
class Given:
    """A large input and the outputs that are due."""

    option: Sequence[str]
    picked: bytes
    shown: bytes | None
    sent: bytes


def as_input(folder: Path, kind: str) -> Given:
    path = folder / "big"
    if kind == "json_object":
        rows = [{"id": number, "text": f"{number:>1000}"} for number in range(SIZE // 1_020)]
        value: dict[str, Any] = {"rows": rows}
        path.write_text(json.dumps(value, separators=(",", ":")))
        picked = path.read_bytes() + b"\n"
        sent = json.dumps(value, ensure_ascii=False).encode()
        return Given(["-i", f"big:=@{path}"], picked, f"<{value}>".encode(), sent)
    data = b"".join(b"%99d\n" % number for number in range(SIZE // 100))
    path.write_bytes(data)
    shown = None if kind == "file" else b"<" + data + b">"
    return Given(["-i", f"big=@{path}"], data, shown, data)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ["file", "paragraph", "json_object"])
def test_inv_15_100_mb_go_through_a_run(
    cli: CommandLine, worker: Running, peer: HttpPeer, tmp_path: Path, kind: str
) -> None:
    given = as_input(tmp_path, kind)
    export = an_export(tmp_path / "app.yml", kind, f"{peer.url}/digest")
    (tmp_path / "small").write_text("{}")
    small = f"big{':' if kind == 'json_object' else ''}=@{tmp_path / 'small'}"
    pid = worker.process.pid
    # What every run needs is not what a large value costs.
    with PeakOfChildren(pid) as usual_children:
        usual = measure(cli, "run", export, "-i", small, "--json")
    assert usual.code == 0, usual.stderr
    before = forget_peak(pid)

    with PeakOfChildren(pid) as children:
        ran = measure(cli, "run", export, *given.option)
    worker_growth = peak_of(pid) - before

    assert ran.code == 0, ran.stderr
    run_id = json.loads(measure(cli, "runs", "--json").stdout.splitlines()[0])["run_id"]
    picked = measure(cli, "show", run_id, "--output", "picked")
    sent = measure(cli, "show", run_id, "--output", "sent")
    assert sha256(picked.stdout) == sha256(given.picked)
    assert sent.stdout.decode() == sha256(given.sent)
    if given.shown is not None:
        shown = measure(cli, "show", run_id, "--output", "shown")
        same = measure(cli, "show", run_id, "--output", "same")
        assert sha256(shown.stdout) == sha256(given.shown)
        assert sha256(same.stdout) == sha256(given.picked)
    assert history_bytes(cli, run_id) < HISTORY_BYTES
    growth = {
        "worker": worker_growth,
        "sandbox": children.peak - usual_children.peak,
        "run": ran.peak - usual.peak,
        "show": picked.peak - usual.peak,
    }
    assert max(growth.values()) < MOST_COPIES * SIZE, growth
