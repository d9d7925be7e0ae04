"""100 MB from a start input to the end: the same bytes, a small history, bounded memory.

Memory is measured in each process by itself: in the worker, and in the command that checks the
input and starts the run.
"""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from tests.command_line import CommandLine, Running
from tests.documents import a_document
from tests.factories import a_node, a_template, an_end
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

CHAIN = [("start", "pick"), ("pick", "shown"), ("shown", "end")]


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
    with cli.running("up") as running:
        assert running.read_line().startswith("Holdfast is up")
        yield running


def an_export(path: Path, kind: str, text: str | None) -> str:
    """Start, aggregator, template, end; a text that is None leaves the template out."""
    start = a_node("start", "start", variables=[{"variable": "big", "label": "", "type": kind}])
    pick = a_node(
        "pick",
        "variable-aggregator",
        output_type="any",
        variables=[["nowhere", "x"], ["start", "big"]],
    )
    shown = a_template("shown", text or "none", x=["pick", "output"])
    end = an_end("end", picked=["pick", "output"], shown=["shown", "output"])
    path.write_text(a_document([start, pick, shown, end], CHAIN))
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


def peak_of(running: Running) -> int:
    """The most memory that a process has had since `forget_peak`."""
    status = Path(f"/proc/{running.process.pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def forget_peak(running: Running) -> int:
    """Begin to measure; what the process has now."""
    Path(f"/proc/{running.process.pid}/clear_refs").write_text("5")
    return peak_of(running)


def history_bytes(cli: CommandLine, run_id: str) -> int:
    """The size of a run's history in Temporal."""

    async def ask() -> int:
        record = read_record(DataDirectory(cli.home).server_file)
        assert record is not None
        client = await Client.connect(record.address, namespace=NAMESPACE)
        described = await client.get_workflow_handle(f"run-{run_id}").describe()
        return described.raw_description.workflow_execution_info.history_size_bytes

    return asyncio.run(ask())


def as_input(folder: Path, kind: str) -> tuple[Sequence[str], bytes, str]:
    """Give the option of an input, the output that is due, and what the template makes of it."""
    path = folder / "big"
    if kind == "json_object":
        rows = [{"id": number, "text": f"{number:>1000}"} for number in range(SIZE // 1_020)]
        value: dict[str, Any] = {"rows": rows}
        path.write_text(json.dumps(value, separators=(",", ":")))
        return ["-i", f"big:=@{path}"], path.read_bytes() + b"\n", str(value)
    text = "".join(f"{number:>99}\n" for number in range(SIZE // 100))
    path.write_text(text)
    return ["-i", f"big=@{path}"], text.encode(), text


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ["file", "paragraph", "json_object"])
def test_inv_15_100_mb_go_through_a_run(
    cli: CommandLine, worker: Running, tmp_path: Path, kind: str
) -> None:
    option, due, shown = as_input(tmp_path, kind)
    is_file = kind == "file"
    export = an_export(tmp_path / "app.yml", kind, None if is_file else "<{{ x }}>")
    (tmp_path / "small").write_text("{}")
    small = f"big{':' if kind == 'json_object' else ''}=@{tmp_path / 'small'}"
    usual = measure(cli, "run", export, "-i", small, "--json")
    assert usual.code == 0, usual.stderr
    before = forget_peak(worker)

    ran = measure(cli, "run", export, *option)
    worker_growth = peak_of(worker) - before

    assert ran.code == 0, ran.stderr
    listed = json.loads(measure(cli, "runs", "--json").stdout.splitlines()[0])
    run_id = listed["run_id"]
    picked = measure(cli, "show", run_id, "--output", "picked")
    made = measure(cli, "show", run_id, "--output", "shown")
    assert sha256(picked.stdout) == sha256(due)
    assert sha256(made.stdout) == sha256(b"none" if is_file else f"<{shown}>".encode())
    assert history_bytes(cli, run_id) < HISTORY_BYTES
    growth = {
        "worker": worker_growth,
        "run": ran.peak - usual.peak,
        "show": picked.peak - usual.peak,
    }
    assert max(growth.values()) < MOST_COPIES * SIZE, growth
