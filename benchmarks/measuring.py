"""Measures two sides in turns, so that both meet the same noise of the machine."""

import asyncio
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.contestants import RunOnce

RUN_SECONDS = 60.0
"""Longest time that one run may take: a bound, no measure."""


@dataclass(frozen=True)
class Figures:
    """What one side's runs took at one concurrency."""

    runs: int
    p50: float
    """Milliseconds; so is `p95`."""
    p95: float
    per_second: float


async def measure(
    sides: Mapping[str, RunOnce], concurrency: int, rounds: int, runs: int
) -> dict[str, Figures]:
    """Measure sides in turns.

    Args:
        sides: By name; every other round goes through them backwards.
        concurrency: Runs under way at a time.
        rounds: How often each side has its turn.
        runs: Runs of a turn.
    """
    taken: dict[str, list[float]] = {name: [] for name in sides}
    seconds = dict.fromkeys(sides, 0.0)
    for number in range(rounds):
        names = list(sides) if number % 2 else list(sides)[::-1]
        for name in names:
            begun = time.perf_counter()
            taken[name] += await _turn(sides[name], concurrency, runs)
            seconds[name] += time.perf_counter() - begun
    return {name: figures_of(taken[name], seconds[name]) for name in sides}


def figures_of(taken: list[float], seconds: float) -> Figures:
    """Summarise runs.

    Args:
        taken: Seconds of each run; at least two.
        seconds: How long all of them took.
    """
    cuts = statistics.quantiles(taken, n=20, method="inclusive")
    return Figures(
        runs=len(taken),
        p50=1000 * statistics.median(taken),
        p95=1000 * cuts[-1],
        per_second=len(taken) / seconds,
    )


async def _turn(run_once: RunOnce, concurrency: int, runs: int) -> list[float]:
    left = iter(range(runs))
    taken: list[float] = []

    async def take_turns() -> None:
        for _ in left:
            begun = time.perf_counter()
            async with asyncio.timeout(RUN_SECONDS):
                await run_once()
            taken.append(time.perf_counter() - begun)

    async with asyncio.TaskGroup() as group:
        for _ in range(min(concurrency, runs)):
            group.create_task(take_turns())
    return taken
