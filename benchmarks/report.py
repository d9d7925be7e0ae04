"""Prints what was measured, and keeps it with the facts of the machine."""

import json
import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.goals import Check, Goal, Table
from benchmarks.measuring import Figures

RESULTS = Path(__file__).parent / "results"
_LIBRARIES = ("temporalio", "pydantic", "sqlalchemy")


@dataclass
class Report:
    """Everything of one run of the tool."""

    tables: dict[str, Table] = field(default_factory=dict)
    by_themselves: dict[str, Figures] = field(default_factory=dict)
    """Graphs without a hand-written counterpart, one run at a time."""
    checks: Sequence[Check] = ()
    commands: Mapping[str, Figures] = field(default_factory=dict)
    goals: list[Goal] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    machine: dict[str, Any] = field(default_factory=lambda: machine_facts())

    @property
    def is_void(self) -> bool:
        """Whether the yardstick is none, so that no ratio means anything."""
        return not all(check.holds for check in self.checks)


def machine_facts() -> dict[str, Any]:
    """Describe the machine and what runs on it."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def show(report: Report, console: Console) -> None:
    """Print tables, checks and goals."""
    table = RichTable("graph", "at a time", "side", "p50 ms", "p95 ms", "runs/s", "times p50")
    for name, figures in report.tables.items():
        for concurrency, sides in figures.items():
            for side, figure in sides.items():
                ratio = f"{figure.p50 / sides['hand-written'].p50:.2f}"
                table.add_row(name, str(concurrency), side, *_numbers(figure), ratio)
        table.add_section()
    for name, figure in report.by_themselves.items():
        table.add_row(name, "1", "product", *_numbers(figure), "")
    for name, figure in report.commands.items():
        table.add_row("holdfast run", "1", name, *_numbers(figure), "")
    console.print(table)
    for check in report.checks:
        word = "holds" if check.holds else "does not hold"
        console.print(
            f"yardstick {word}: {check.name} {check.measured:.1f} after noise, "
            f"known {check.low:g} to {check.high:g}"
        )
    if report.is_void:
        console.print("[red]The table is void: the yardstick is not what it should be.[/red]")
    for goal in report.goals:
        word = "[green]met[/green]" if goal.is_met else "[red]not met[/red]"
        console.print(
            f"{word}: {goal.name}: {goal.measured:.2f} {goal.unit}, "
            f"at most {goal.limit:g} {goal.unit} ({goal.ratio:.2f} of it)"
        )
    for reason in report.skipped:
        console.print(f"skipped: {reason}")


def keep(report: Report) -> Path:
    """Write everything as JSON; give the file."""
    RESULTS.mkdir(exist_ok=True)
    now = time.time()
    file = RESULTS / time.strftime("%Y%m%dT%H%M%SZ.json", time.gmtime(now))
    goals = [{**asdict(goal), "met": goal.is_met, "ratio": goal.ratio} for goal in report.goals]
    content = {"at": now, "void": report.is_void, **asdict(report), "goals": goals}
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return file


def _numbers(figures: Figures) -> tuple[str, str, str]:
    return f"{figures.p50:.1f}", f"{figures.p95:.1f}", f"{figures.per_second:.1f}"


def _processor() -> str:
    """Name the processor; only Linux tells more than its family."""
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
