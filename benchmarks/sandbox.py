"""What a job of the sandbox costs, beside a bare fork and a new interpreter; makes no other figure.

Run as `python -m benchmarks.sandbox`; give the figures with the yardsticks of the same run.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

import typer

from activities.sandbox.fork_server_sandbox import ForkServerSandbox, SandboxOptions
from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST
from activities.sandbox.job import Job, JobPart
from schema.errors import IsolationMissing

PROGRAMS = "benchmarks.sandbox_programs:PROGRAMS"
ROUNDS = 300


async def main() -> None:
    """Measure every way that works here, and the yardsticks before and after."""
    _say("bare fork", _bare_forks())
    _say("new interpreter", _interpreters())
    for way in (*STRONGEST_FIRST, LIMITS_ONLY):
        options = SandboxOptions(ways=[way], programs=PROGRAMS, libraries=("benchmarks",))
        sandbox = ForkServerSandbox(options)
        try:
            begun = time.perf_counter()
            await _empty_job(sandbox)
            first = 1000 * (time.perf_counter() - begun)
            times = [await _empty_job(sandbox) for _ in range(ROUNDS)]
            _say(way.name, times, f"first {first:.0f} ms")
        except IsolationMissing as error:
            typer.echo(f"{way.name}: {error}")
        finally:
            await sandbox.close()
    _say("bare fork again", _bare_forks())


async def _empty_job(sandbox: ForkServerSandbox) -> float:
    begun = time.perf_counter()
    async with sandbox.run("benchmark", Job("echo", {}, [JobPart("part", b'"x"')])):
        return 1000 * (time.perf_counter() - begun)


def _bare_forks() -> list[float]:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        process = os.fork()
        if process == 0:
            os._exit(0)
        os.waitpid(process, 0)
        times.append(1000 * (time.perf_counter() - begun))
    return times


def _interpreters() -> list[float]:
    times = []
    for _ in range(ROUNDS // 10):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", "import json"], check=True)
        times.append(1000 * (time.perf_counter() - begun))
    return times


def _say(name: str, times: Sequence[float], note: str = "") -> None:
    p50, p95 = statistics.median(times), statistics.quantiles(times, n=20)[-1]
    typer.echo(f"{name}: p50 {p50:.2f} ms, p95 {p95:.2f} ms {note}".rstrip())


if __name__ == "__main__":
    asyncio.run(main())
