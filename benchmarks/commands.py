"""Times `holdfast run` as a person meets it: a new process on an empty home, and beside `up`."""

import asyncio
import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from benchmarks.graphs import TEXT, Graph
from benchmarks.measuring import Figures, figures_of

COLD_RUNS = 5
WARM_RUNS = 10
SECONDS = 60.0
"""Longest time for a command, and for `up` to be there."""


class CommandFailed(Exception):
    """The command line did not do what is measured."""


def command() -> Path | None:
    """Find the installed command beside this Python."""
    found = Path(sys.executable).parent / "holdfast"
    return found if found.exists() else None


async def measure_commands(holdfast: Path, graph: Graph) -> dict[str, Figures]:
    """Time `holdfast run` of a graph: `cold` on an empty home, `warm` while `up` runs."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        export = Path(folder) / "export.yml"
        export.write_text(graph.export, encoding="utf-8")
        cold = [
            await _time_run(holdfast, Path(folder) / f"cold-{number}", export)
            for number in range(COLD_RUNS)
        ]
        home = Path(folder) / "warm"
        async with _up(holdfast, home):
            await _time_run(holdfast, home, export)
            warm = [await _time_run(holdfast, home, export) for _ in range(WARM_RUNS)]
    return {"cold": figures_of(cold, sum(cold)), "warm": figures_of(warm, sum(warm))}


async def _time_run(holdfast: Path, home: Path, export: Path) -> float:
    begun = time.perf_counter()
    process = await _start(holdfast, home, "run", str(export), "-i", f"q={TEXT}", "--json")
    async with asyncio.timeout(SECONDS):
        said, told = await process.communicate()
    taken = time.perf_counter() - begun
    if process.returncode != 0 or TEXT not in said.decode():
        raise CommandFailed(f"holdfast run ended with {process.returncode}: {told.decode()}")
    return taken


@contextlib.asynccontextmanager
async def _up(holdfast: Path, home: Path) -> AsyncIterator[None]:
    process = await _start(holdfast, home, "up")
    try:
        assert process.stdout is not None  # it is a pipe
        async with asyncio.timeout(SECONDS):
            line = await process.stdout.readline()
        if not line:
            raise CommandFailed("holdfast up ended at once")
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(SECONDS):
            await process.communicate()


async def _start(holdfast: Path, home: Path, *arguments: str) -> asyncio.subprocess.Process:
    # `env` sets variables without this process reading its own; its milliseconds count too.
    settings = (f"HOLDFAST_HOME={home}", "HOLDFAST_KEEPER_IDLE_SECONDS=0", "HOLDFAST_API_PORT=0")
    return await asyncio.create_subprocess_exec(
        "env",
        *settings,
        str(holdfast),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
