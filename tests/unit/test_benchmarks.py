"""What the benchmark tool says about figures; the figures themselves are `make bench`."""

import pytest

from benchmarks import graphs
from benchmarks.goals import Goal, check_yardstick, goals_of
from benchmarks.measuring import Figures, figures_of
from benchmarks.report import Report
from tests.sources import ROOT


def took(p50: float, per_second: float = 1.0) -> Figures:
    return Figures(runs=2, p50=p50, p95=p50, per_second=per_second)


def yardstick(p50: float, per_second: float, slower: float = 1.0) -> Report:
    """A report of a machine that is that much slower than the one of the known figures."""
    alone = {"bare": took(25.6 * slower), "known shape": took(p50 * slower)}
    together = {
        "bare": took(1, 58 / slower),
        "known shape": took(1, per_second / slower),
    }
    return Report(checks=check_yardstick(alone, together))


@pytest.mark.parametrize("slower", [1.0, 3.0])
def test_yardstick_within_its_known_figures_holds_on_machines_of_any_speed(slower: float) -> None:
    assert not yardstick(p50=28, per_second=60, slower=slower).is_void


@pytest.mark.parametrize(("p50", "per_second"), [(40, 65), (10, 65), (25, 40), (25, 100)])
def test_table_is_void_when_the_yardstick_is_not_what_it_should_be(
    p50: float, per_second: float
) -> None:
    assert yardstick(p50, per_second).is_void


def test_goals_compare_every_side_with_the_hand_written_run() -> None:
    sides = {"hand-written": took(20), "product": took(24), "product, until told": took(30)}
    tables = {"empty": {1: sides}, "chain": {1: {**sides, "product": took(60)}}}

    goals = list(goals_of(tables, "empty", "chain", {"cold": took(2000)}))

    assert [(goal.is_met, round(goal.measured, 2)) for goal in goals] == [
        *[(True, 1.2), (False, 1.5), (False, 3.0), (False, 1.5)],
        *[(False, 36.0), (True, 2000)],
    ]


def test_ratio_says_how_much_of_the_limit_was_used() -> None:
    assert Goal("x", measured=30, limit=60).ratio == 0.5


def test_p95_is_of_the_slowest_runs() -> None:
    figures = figures_of([0.001 * number for number in range(1, 102)], seconds=10)

    assert (round(figures.p50), round(figures.p95), figures.per_second) == (51, 96, 10.1)


@pytest.mark.parametrize(
    "graph",
    [
        *(graphs.empty(), graphs.branch(), graphs.chain(3), graphs.parallel(3)),
        *(graphs.requests(2, "http://127.0.0.1/"), graphs.code(2), graphs.large(4, 1024**2)),
    ],
)
def test_measured_graphs_compile(graph: graphs.Graph) -> None:
    assert graph.plan().graph.nodes


def test_hand_written_workflow_is_short() -> None:
    assert len((ROOT / "benchmarks/handwritten.py").read_text().splitlines()) < 120
