"""What the figures have to be, and whether the yardstick itself is one.

A goal compares figures of one run of the tool, so that the machine's speed cancels out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.measuring import Figures

MOST_TIMES_YARDSTICK = 1.25
CHAIN_OVER_EMPTY_MILLISECONDS = 30.0
COLD_MILLISECONDS = 3000.0
WARM_MILLISECONDS = 1000.0

CODE_MILLISECONDS = 55.0

_BARE_P50 = (22.6, 25.6)
"""An empty run of 10 to 13 ms and two activities of 6.3 ms each, on the machine of the figures."""
_BARE_PER_SECOND = (58.0, 75.0)
"""Between the known figures for one activity (72 to 96) and for three (47 to 59)."""
_KNOWN_P50 = (19.0, 28.0)
_KNOWN_PER_SECOND = (60.0, 70.0)
"""Known figures of the yardstick's shape: local write, two activities, local write."""
_TOLERANCE = 0.2

Table = Mapping[int, Mapping[str, Figures]]
"""Figures of one graph by concurrency and side."""


@dataclass(frozen=True)
class Goal:
    """One goal and what came out."""

    name: str
    measured: float
    limit: float
    unit: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the figure is within its limit."""
        return self.measured <= self.limit

    @property
    def ratio(self) -> float:
        """How much of the limit was used."""
        return self.measured / self.limit


@dataclass(frozen=True)
class Check:
    """One figure of the yardstick beside its known range, after the machine's noise."""

    name: str
    measured: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether it is within a fifth of the range."""
        return self.low * (1 - _TOLERANCE) <= self.measured <= self.high * (1 + _TOLERANCE)


def check_yardstick(alone: Mapping[str, Figures], together: Mapping[str, Figures]) -> list[Check]:
    """Compare the known shape with its known figures, corrected by what its activities cost here.

    Args:
        alone: `bare` and `known shape` with one client.
        together: The same with 50.
    """
    slower = noise(alone["bare"].p50, _BARE_P50)
    faster = noise(together["bare"].per_second, _BARE_PER_SECOND)
    return [
        Check("p50, ms", alone["known shape"].p50 / slower, *_KNOWN_P50),
        Check("runs/s", together["known shape"].per_second / faster, *_KNOWN_PER_SECOND),
    ]


def noise(measured: float, known: tuple[float, float]) -> float:
    """Say how far a figure is outside its known range, as a factor.

    Example:
        >>> noise(15, (10, 18)), noise(36, (10, 18)), noise(5, (10, 18))
        (1.0, 2.0, 0.5)
    """
    low, high = known
    return measured / min(max(measured, low), high)


def goals_of(
    tables: Mapping[str, Table], empty: str, chain: str, commands: Mapping[str, Figures]
) -> Iterator[Goal]:
    """Give every goal that can be judged.

    Args:
        tables: Figures by graph.
        empty: Name of the graph that does least.
        chain: Name of the longest chain.
        commands: `cold` and `warm`; empty where the command is missing.
    """
    for name, table in tables.items():
        for concurrency, sides in table.items():
            yardstick = sides["hand-written"].p50
            for side in [side for side in sides if side != "hand-written"]:
                title = f"{name}, {concurrency} at a time, {side}"
                yield Goal(title, sides[side].p50 / yardstick, MOST_TIMES_YARDSTICK, "x")
    if tables.keys() >= {chain, empty}:
        over = tables[chain][1]["product"].p50 - tables[empty][1]["product"].p50
        yield Goal(f"{chain} over {empty}", over, CHAIN_OVER_EMPTY_MILLISECONDS, "ms")
    for name, limit in (("cold", COLD_MILLISECONDS), ("warm", WARM_MILLISECONDS)):
        if name in commands:
            yield Goal(f"holdfast run, {name}", commands[name].p50, limit, "ms")


def code_goal(name: str, figures: Figures) -> Goal:
    """Give the goal of five code nodes, which have no hand-written counterpart."""
    return Goal(name, figures.p50, CODE_MILLISECONDS, "ms")
