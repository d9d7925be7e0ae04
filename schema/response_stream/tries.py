"""The tries of a run's nodes, in order of their end, as the result of a run lists them."""

from typing import Any

from schema.facts import (
    Fact,
    FormOpened,
    NodeFailed,
    NodeFinished,
    NodeHeld,
    NodeRetried,
    NodeStarted,
    RunFinished,
)
from schema.response_stream.node_events import HIDDEN_TYPES
from schema.response_stream.stored_values import StoredValues, shown
from schema.runs import NodeExecutionStatus, RunStatus

_TryKey = tuple[str, int]
_Entry = dict[str, Any]


class Tries:
    """Collects one entry a try; those that did not end come last, in order of their start."""

    def __init__(self, stored: StoredValues | None) -> None:
        self._stored = stored
        self._open: dict[_TryKey, _Entry] = {}
        self._failed: dict[_TryKey, NodeFailed] = {}
        self._ended: dict[_TryKey, _Entry] = {}

    def take(self, fact: Fact) -> None:
        """Take a fact into account."""
        match fact:
            case NodeStarted() if fact.node_type not in HIDDEN_TYPES:
                self._start(fact)
            case NodeFailed():
                self._failed[fact.node_exec_id, fact.attempt] = fact
            case NodeHeld() | FormOpened():
                is_held = isinstance(fact, NodeHeld)
                status = NodeExecutionStatus.HELD if is_held else NodeExecutionStatus.PAUSED
                entry = self._open.get((fact.node_exec_id, fact.attempt), {})
                entry["status"] = status.value
            case NodeRetried() | NodeFinished():
                self._end(fact)
            case RunFinished():
                self._abandon(fact)

    def entries(self) -> list[_Entry]:
        """Give all entries."""
        return [*self._ended.values(), *self._open.values()]

    def _start(self, fact: NodeStarted) -> None:
        key = (fact.node_exec_id, fact.attempt)
        if key in self._open or key in self._ended:  # said again after a Temporal reset
            return
        before = self._open.pop((fact.node_exec_id, fact.attempt - 1), None)
        if before is not None:  # it was held, and an operator asked for another try
            before["status"] = NodeExecutionStatus.FAILED.value
            self._ended[fact.node_exec_id, fact.attempt - 1] = before
        self._open[key] = {
            "node_id": fact.node_id,
            "node_type": fact.node_type,
            "title": fact.title,
            "index": fact.index,
            "status": NodeExecutionStatus.RUNNING.value,
            "inputs": None,
            "process_data": None,
            "outputs": None,
            "error": None,
            "error_type": None,
            "edge_source_handle": None,
            "attempt": fact.attempt,
            "iteration_id": fact.iteration_id,
            "iteration_index": fact.iteration_index,
            "loop_id": fact.loop_id,
            "loop_index": fact.loop_index,
            "elapsed_time": 0.0,
            "metadata": {},
        }

    def _end(self, fact: NodeRetried | NodeFinished) -> None:
        key = (fact.node_exec_id, fact.attempt)
        entry, failed = self._open.pop(key, None), self._failed.get(key)
        if entry is None:
            return
        for name in ("inputs", "process_data", "outputs"):
            wire = getattr(fact, name)
            if wire is None and failed is not None:
                wire = getattr(failed, name)
            entry[name] = shown(wire, self._stored)[0]
        entry |= {
            "status": NodeExecutionStatus.RETRY.value,
            "error": fact.error,
            "error_type": fact.error_type,
            "elapsed_time": fact.elapsed_time or (failed.elapsed_time if failed else 0.0),
            "metadata": fact.metadata or (failed.metadata if failed else {}),
        }
        if isinstance(fact, NodeFinished):
            entry |= {"status": fact.status.value, "edge_source_handle": fact.handle}
        self._ended[key] = entry

    def _abandon(self, fact: RunFinished) -> None:
        """Close what still ran when something else ended the run (dify-nodes 8.2)."""
        is_stopped = fact.status is RunStatus.STOPPED
        status = NodeExecutionStatus.STOPPED if is_stopped else NodeExecutionStatus.FAILED
        for key, entry in self._open.items():
            entry |= {"status": status.value, "error": fact.error}
            self._ended[key] = entry
        self._open.clear()
