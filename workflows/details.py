"""The live node table that the Temporal Web UI shows for a run; titles and states, never values.

It is not part of the history: a worker answers for it, also for a run that has ended.
"""

from collections.abc import Collection

from schema.runs import RunStatus
from schema.traversal import NodeState
from workflows.run_state import RunState

_MOST_NODES = 100
_LONGEST_TITLE = 60
_ESCAPES = str.maketrans({character: f"\\{character}" for character in r"\|`*_[]<>#"})
_MARKS = {
    NodeState.RUNNING: "running",
    NodeState.DONE: "done",
    NodeState.SKIPPED: "skipped",
    NodeState.READY: "ready",
    NodeState.WAITING: "",
}


def describe(state: RunState, status: RunStatus, retries: Collection[str]) -> str:
    """Describe a run as markdown.

    Args:
        state: Its state.
        status: What it is: running, paused, or how it ended.
        retries: Ids of nodes that wait for another try.
    """
    nodes = state.scheduler.traversal.graph.nodes
    states = state.scheduler.traversal.states
    lines = [f"**{status}**, {state.counters.index} started", "", "| node | type | |", "|-|-|-|"]
    for node in nodes[:_MOST_NODES]:
        mark = "waits for a retry" if node.id in retries else _MARKS[states[node.id]]
        lines.append(f"| {_plain(node.title or node.id)} | `{node.type}` | {mark} |")
    if len(nodes) > _MOST_NODES:
        lines.append(f"| and {len(nodes) - _MOST_NODES} more | | |")
    return "\n".join(lines)


def _plain(title: str) -> str:
    """Keep an author's title from being markup."""
    cut = title if len(title) <= _LONGEST_TITLE else title[: _LONGEST_TITLE - 1] + "…"
    return " ".join(cut.split()).translate(_ESCAPES)
