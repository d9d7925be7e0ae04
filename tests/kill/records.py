"""What a run left in the records, and whether that is what an undisturbed run leaves."""

import asyncio
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schema.db.revision import is_migrated
from schema.facts import (
    CommandApplied,
    CommandRefused,
    LoggedFact,
    NodeFinished,
    NodeStarted,
    RunReset,
)
from schema.runs import RunInput, RunRef
from schema.settings import Settings
from schema.values.encoding import encode
from workers.cli.run_result import build_result
from workers.cli.session import TENANT
from workers.dependencies import open_records

_VARYING = frozenset(
    {
        *("at", "created_at", "started_at", "finished_at", "elapsed_time", "run_id"),
        # Parallel branches may end in another order.
        *("index", "predecessor", "sys.timestamp"),
    }
)
_LATE = frozenset({"CommandRefused"})
"""All that may follow the end of a run."""


@dataclass(frozen=True)
class Left:
    """Everything that a run left."""

    run_input: RunInput
    facts: list[LoggedFact]
    result: dict[str, Any]
    calls: Mapping[str, Counter[str]] = field(default_factory=dict)
    """How often the peer was called with each key, by name of the call."""

    @property
    def status(self) -> str:
        return str(self.result["status"])

    @property
    def types(self) -> list[str]:
        return [logged.fact.type for logged in self.facts]

    def told(self) -> Counter[str]:
        """Every fact without what may differ between two runs; commands answer for themselves."""
        return Counter(
            self._alike(logged.fact.model_dump())
            for logged in self.facts
            if not logged.fact.type.startswith(("Command", "RunPaused", "RunResumed"))
        )

    def folded(self) -> str:
        """The result without what may differ."""
        nodes = sorted(self._alike(node) for node in self.result["nodes"])
        return self._alike({**self.result, "nodes": nodes})

    def _alike(self, value: Any) -> str:
        text = encode(_without_varying(value)).replace(self.run_input.run_id, "RUN")
        text = re.sub(r"127\.0\.0\.1:[0-9]+", "PEER", text)
        return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)


def _without_varying(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_varying(v) for k, v in sorted(value.items()) if k not in _VARYING}
    if isinstance(value, list):
        return [_without_varying(each) for each in value]
    return value


def has_records(home: Path) -> bool:
    """Whether the database is there and migrated."""

    async def ask() -> bool:
        async with open_records(Settings(home=home)) as records:
            return await is_migrated(records.database)

    return Settings(home=home).database_file.exists() and asyncio.run(ask())


def run_ids(home: Path) -> list[str]:
    """Ids of all runs of a data directory, oldest first."""

    async def read() -> list[str]:
        async with open_records(Settings(home=home)) as records:
            found = await records.log.list_runs(TENANT, statuses=[], limit=1000)
        return [record.run_id for record in reversed(found)]

    return asyncio.run(read())


def open_run_ids(home: Path) -> list[str]:
    """Ids of the runs that have not ended."""

    async def read() -> list[str]:
        async with open_records(Settings(home=home)) as records:
            return [record.run_id for record in await records.log.list_open_runs()]

    return asyncio.run(read())


def read_left(home: Path, run_id: str) -> Left:
    """Read what a run left, as `show --json` does."""

    async def read() -> Left:
        async with open_records(Settings(home=home)) as records:
            ref = RunRef(run_id=run_id, tenant_id=TENANT)
            run_input = await records.log.get_run_input(ref)
            facts = await records.log.read(ref, limit=100_000)
            return Left(run_input, facts, await build_result(records, run_input, whole=True))

    return asyncio.run(read())


def assert_undisturbed(left: Left, undisturbed: Left) -> None:
    """A disturbed run ends like another, and its log tells the same."""
    assert left.result["outputs"] == undisturbed.result["outputs"]
    assert left.folded() == undisturbed.folded()
    assert left.told() == undisturbed.told()
    assert_in_order(left.facts)


def assert_called(left: Left, most: Mapping[str, int]) -> None:
    """Each call has one key, and came as often as it may at most."""
    assert set(left.calls) == set(most)
    for name, keys in left.calls.items():
        assert len(keys) == 1, (name, keys)
        assert sum(keys.values()) <= most[name], (name, left.calls)


def assert_in_order(facts: list[LoggedFact]) -> None:
    """No gap, nothing twice, one end, and a node starts before it ends (invariant 3)."""
    assert [logged.seq for logged in facts] == list(range(1, len(facts) + 1))
    numbers: dict[str, list[int]] = defaultdict(list)
    for logged in facts:
        numbers[logged.src].append(logged.src_seq)
    for source, told in numbers.items():
        assert sorted(told) == list(range(1, len(told) + 1)), source
    assert not [logged for logged in facts if isinstance(logged.fact, RunReset)]

    types = [logged.fact.type for logged in facts]
    assert types[0] == "RunStarted"
    assert types.count("RunStarted") == 1
    assert types.count("RunFinished") == 1
    assert set(types[types.index("RunFinished") + 1 :]) <= _LATE
    _assert_nodes_in_order(facts)
    answered = [
        logged.fact.command_id
        for logged in facts
        if isinstance(logged.fact, CommandApplied | CommandRefused)
    ]
    assert len(answered) == len(set(answered))


def _assert_nodes_in_order(facts: Iterable[LoggedFact]) -> None:
    tries: dict[tuple[str, int], list[str]] = defaultdict(list)
    for logged in facts:
        fact = logged.fact
        if isinstance(fact, NodeStarted | NodeFinished):
            tries[fact.node_id, fact.attempt].append(fact.type)
    for node, told in tries.items():
        assert told == ["NodeStarted", "NodeFinished"], node
