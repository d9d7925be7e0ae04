"""`python -m benchmarks [SHAPE...]`: measure, print, keep; what and why is in README.md."""

import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import graphs
from benchmarks.commands import command, measure_commands
from benchmarks.contestants import Product, Yardstick, open_yardstick
from benchmarks.goals import Table, check_yardstick, code_goal, goals_of
from benchmarks.measuring import Figures, measure
from benchmarks.peer import open_peer
from benchmarks.report import Report, keep, show
from schema.db.migrate import migrate
from schema.settings import Settings
from workers.dependencies import open_dependencies
from workers.peers import open_peers
from workers.stack import open_stack
from workers.worker import build_workers, running

ROUNDS_ALONE = 80
"""Turns of one run each."""
ROUNDS_TOGETHER = 2
RUNS_OF_TURN = {20: 80, 50: 150}
"""Runs of a turn, by how many are under way at a time."""
WARM_UP_RUNS = 10
SECONDS = 600.0
"""Bound of everything; on an idle machine of two cores it takes three minutes."""

EMPTY = graphs.empty()
CHAIN = graphs.chain(50)
CODE = graphs.code(5)
LARGE = graphs.large(10)
RUNS_BY_THEMSELVES = {CODE.name: 80, LARGE.name: 3}
"""Graphs without a hand-written counterpart: what they cost is our own sandbox and store."""
GRAPHS = (EMPTY, graphs.branch(), graphs.chain(10), CHAIN, graphs.parallel(20))


def all_graphs(peer: str) -> list[graphs.Graph]:
    """Give every graph; `peer` is whom requests ask."""
    return [
        *GRAPHS,
        graphs.requests(1, f"{peer}/"),
        graphs.requests(3, f"{peer}/"),
        graphs.requests(1, f"{peer}/slow", is_slow=True),
    ]


async def main(console: Console, shapes: Sequence[str] = ()) -> Report:
    """Measure everything, or only the graphs of some shapes."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as folder:
        settings = Settings(
            home=Path(folder),
            keeper_idle_seconds=0,
            allowed_addresses=("127.0.0.1",),
            http_proxy=None,
            https_proxy=None,
        )
        async with (
            open_stack(settings) as addresses,
            open_dependencies(settings, addresses) as dependencies,
            open_peer() as peer,
        ):
            await migrate(dependencies.database)
            async with (
                open_peers(settings, dependencies.artifacts) as peers,
                running(build_workers(dependencies, peers)),
                open_yardstick(addresses, Path(folder) / "handwritten.db") as yardstick,
            ):
                report.checks = check_yardstick(*await _measure_yardstick(yardstick))
                for graph in all_graphs(peer):
                    if shapes and graph.shape not in shapes:
                        continue
                    console.print(f"measuring: {graph.name}")
                    table = await _measure(graph, Product(dependencies), yardstick)
                    report.tables[graph.name] = table
                for graph in (CODE, LARGE):
                    if shapes and graph.shape not in shapes:
                        continue
                    console.print(f"measuring: {graph.name}")
                    report.by_themselves[graph.name] = await _measure_by_itself(
                        graph, Product(dependencies)
                    )
    if not shapes:
        report.commands = await _measure_commands(report, console)
    report.goals = list(goals_of(report.tables, EMPTY.name, CHAIN.name, report.commands))
    if CODE.name in report.by_themselves:
        report.goals.append(code_goal(CODE.name, report.by_themselves[CODE.name]))
    return report


async def _measure_yardstick(
    yardstick: Yardstick,
) -> tuple[Mapping[str, Figures], Mapping[str, Figures]]:
    sides = {"bare": yardstick.bare, "known shape": yardstick.known_shape}
    await measure(sides, 1, 1, WARM_UP_RUNS)
    alone = await measure(sides, 1, ROUNDS_ALONE, 1)
    return alone, await measure(sides, 50, ROUNDS_TOGETHER, RUNS_OF_TURN[50])


async def _measure(graph: graphs.Graph, product: Product, yardstick: Yardstick) -> Table:
    sides = {
        "hand-written": yardstick.until_result(graph),
        "product": product.until_result(graph),
    }
    if graph.is_slow:
        most = max(RUNS_OF_TURN)
        await measure(sides, most, 1, WARM_UP_RUNS)
        return {most: await measure(sides, most, ROUNDS_TOGETHER, RUNS_OF_TURN[most])}
    # Our own clients wait for the log, not for Temporal.
    alone = {**sides, "product, until told": product.until_told(graph)}
    await measure(alone, 1, 1, WARM_UP_RUNS)
    table = {1: await measure(alone, 1, ROUNDS_ALONE, 1)}
    for concurrency, runs in RUNS_OF_TURN.items():
        table[concurrency] = await measure(sides, concurrency, ROUNDS_TOGETHER, runs)
    return table


async def _measure_by_itself(graph: graphs.Graph, product: Product) -> Figures:
    side = {"product": product.until_result(graph)}
    runs = RUNS_BY_THEMSELVES[graph.name]
    await measure(side, 1, 1, min(runs, WARM_UP_RUNS))
    return (await measure(side, 1, 1, runs))["product"]


async def _measure_commands(report: Report, console: Console) -> Mapping[str, Figures]:
    holdfast = command()
    if holdfast is None:
        report.skipped.append("holdfast run: the command is not installed beside this Python")
        return {}
    console.print("measuring: holdfast run, cold and warm")
    return await measure_commands(holdfast, graphs.chain(1))


if __name__ == "__main__":
    console = Console()
    finished = asyncio.run(asyncio.wait_for(main(console, sys.argv[1:]), SECONDS))
    show(finished, console)
    console.print(f"kept: {keep(finished)}")
