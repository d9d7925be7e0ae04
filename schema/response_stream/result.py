"""How a run went, as one object: what `run --json` and `show --json` print.

The shape is `schema/run-result.schema.json`. A run that is not over gives what is known so far.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from schema.facts import (
    Fact,
    LoggedFact,
    NodeFinished,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    VariableUpdated,
)
from schema.plan import AppMode, Plan
from schema.response_stream.run_info import RunInfo
from schema.response_stream.source_order import surviving_facts
from schema.response_stream.stored_values import StoredValues, references_in, shown
from schema.response_stream.tally import Tally
from schema.response_stream.tries import Tries
from schema.response_stream.visible_text import LEAVING
from schema.runs import RunStatus
from schema.traversal import Traversal, leave_of
from schema.values.artifact_ref import ArtifactRef

_VALUE_FIELDS = ("inputs", "process_data", "outputs", "value")


def fold_result(
    plan: Plan,
    run: RunInfo,
    facts: Iterable[LoggedFact],
    stored: StoredValues | None = None,
) -> dict[str, Any]:
    """Fold a log into the result of its run.

    Args:
        plan: The definition that the run is pinned to.
        run: Ids and first values of the run.
        facts: The log so far, in order.
        stored: Values behind the references of `references_of_result`; without it, previews.

    Raises:
        KeyError: If `stored` is given and lacks a reference.
    """
    entries = [logged.fact for logged in surviving_facts(facts)]
    tally, tries = Tally(plan), Tries(stored)
    for fact in entries:
        tally.count(fact)
        tries.take(fact)
    price, currency = tally.price
    return {
        "run_id": run.run_id,
        **_ending(entries, tally, stored),
        "total_price": price,
        "currency": currency,
        "elapsed_time": _elapsed(entries),
        "nodes": tries.entries(),
        "skipped": _skipped(plan, entries),
        "conversation": _conversation(plan, run, entries, stored),
    }


def references_of_result(
    plan: Plan, run: RunInfo, facts: Iterable[LoggedFact]
) -> list[ArtifactRef]:
    """Name the stored values that a result shows."""
    wires: list[Any] = [*run.conversation.values(), *(v.value for v in plan.conversation)]
    for logged in facts:
        wires += [getattr(logged.fact, name, None) for name in _VALUE_FIELDS]
    return list(dict.fromkeys(ref for wire in wires for ref in references_in(wire)))


def _ending(entries: list[Fact], tally: Tally, stored: StoredValues | None) -> dict[str, Any]:
    """Give the state of the run and its counters; the end of a run has its own."""
    last = next(
        (f for f in reversed(entries) if isinstance(f, RunFinished | RunPaused | RunResumed)), None
    )
    if isinstance(last, RunFinished):
        return {
            "status": last.status.value,
            "outputs": shown(last.outputs, stored)[0],
            "error": last.error,
            "error_type": last.error_type,
            "exceptions_count": last.exceptions_count,
            "total_tokens": last.total_tokens,
            "total_steps": last.total_steps,
        }
    counters = {
        "error": None,
        "error_type": None,
        "exceptions_count": tally.exceptions,
        "total_tokens": tally.tokens,
        "total_steps": tally.steps,
    }
    if isinstance(last, RunPaused):
        return {
            "status": RunStatus.PAUSED.value,
            "outputs": shown(last.outputs, stored)[0],
            "pause_reasons": last.reasons,
            **counters,
        }
    return {"status": RunStatus.RUNNING.value, "outputs": None, **counters}


def _elapsed(entries: list[Fact]) -> float:
    """Give the seconds until the end, or so far; refusals of late commands follow the end."""
    started = next((fact.at for fact in entries if isinstance(fact, RunStarted)), None)
    if started is None:
        return 0.0
    ended = next((fact.at for fact in entries if isinstance(fact, RunFinished)), entries[-1].at)
    return max(0.0, ended - started)


def _skipped(plan: Plan, entries: list[Fact]) -> list[str]:
    traversal = Traversal(plan.graph)
    for fact in entries:
        if not isinstance(fact, NodeFinished) or fact.status not in LEAVING:
            continue
        node = plan.graph.by_id.get(fact.node_id)
        if node is not None and not traversal.is_settled(node.id):
            traversal.settle(node.id, leave_of(node, fact.handle))
    return sorted(traversal.skipped)


def _conversation(
    plan: Plan, run: RunInfo, entries: list[Fact], stored: StoredValues | None
) -> Mapping[str, Any]:
    """Give the conversation variables as the run's conversation has them now."""
    if plan.mode is not AppMode.ADVANCED_CHAT:
        return {}
    values = {v.name: run.conversation.get(v.name, v.value) for v in plan.conversation}
    values |= {f.name: f.value for f in entries if isinstance(f, VariableUpdated)}
    return {name: shown(wire, stored)[0] for name, wire in values.items()}
