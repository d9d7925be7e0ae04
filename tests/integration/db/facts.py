"""Facts and runs for the tests of this folder."""

from collections.abc import Iterable
from typing import Any

from schema.db.event_log import EventLog, Outcome
from schema.envelope import Acknowledged
from schema.facts import Fact, NodeFailed, NodeFinished, NodeStarted, OpenFact
from schema.plan import Plan
from schema.runs import NodeExecutionStatus, RunInput, RunRef, RunResult, RunStatus
from tests.factories import a_plan, a_start, an_end

PLAN: Plan = a_plan([a_start("start", "q"), an_end("end", r=["start", "q"])], [("start", "end")])
NONE_YET = Acknowledged()


def an_input(run_id: str = "run", **fields: Any) -> RunInput:
    return RunInput(run_id=run_id, **{"plan": PLAN, "created_at": 100.0, **fields})


async def a_run(log: EventLog, run_id: str = "run", **fields: Any) -> RunRef:
    """A registered run."""
    run_input = an_input(run_id, **fields)
    assert await log.register(run_input, 100.0)
    return run_input.ref


def started(
    node_id: str = "n", attempt: int = 1, run_id: str = "run", **fields: Any
) -> NodeStarted:
    return NodeStarted(
        at=101.0,
        node_exec_id=f"{run_id}:{node_id}",
        node_id=node_id,
        attempt=attempt,
        node_type="code",
        **fields,
    )


def finished(
    node_id: str = "n",
    attempt: int = 1,
    run_id: str = "run",
    status: NodeExecutionStatus = NodeExecutionStatus.SUCCEEDED,
    **fields: Any,
) -> NodeFinished:
    return NodeFinished(
        at=102.0,
        node_exec_id=f"{run_id}:{node_id}",
        node_id=node_id,
        attempt=attempt,
        status=status,
        **fields,
    )


def failed(node_id: str = "n", attempt: int = 1, run_id: str = "run", **fields: Any) -> NodeFailed:
    return NodeFailed(
        at=102.0,
        node_exec_id=f"{run_id}:{node_id}",
        node_id=node_id,
        attempt=attempt,
        **{"error": "broken", **fields},
    )


def success(node_id: str = "n", output: Any = None, **fields: Any) -> Outcome:
    return Outcome(finished(node_id, **fields), output)


def numbered(facts: Iterable[Fact], first: int = 1) -> list[OpenFact]:
    """Workflow facts under consecutive numbers."""
    return [OpenFact(src_seq=number, fact=fact) for number, fact in enumerate(facts, first)]


def succeeded(run_id: str = "run", **fields: Any) -> RunResult:
    return RunResult(run_id=run_id, status=RunStatus.SUCCEEDED, **{"outputs": {"r": 1}, **fields})


async def texts(log: EventLog, run: RunRef) -> list[str]:
    """The log as short lines: type, and where it came from."""
    return [f"{entry.fact.type} {entry.src}#{entry.src_seq}" for entry in await log.read(run)]
