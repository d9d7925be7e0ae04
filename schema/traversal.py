"""Traversal: which nodes of one graph may run, were passed over, or wait (dify-nodes 2.2).

The bookkeeping that the workflow's scheduler and the response stream share. It knows nodes and
edges, not values, time or tasks: the scheduler adds the ready queue, the response stream asks for
edges. It iterates over lists and dicts in the order of the file only, so it is deterministic.
"""

from collections.abc import Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any, NamedTuple

from schema.plan import PlanGraph, PlanNode


class NodeState(StrEnum):
    """What a graph knows about one of its nodes."""

    WAITING = "waiting"
    """Some incoming edge is undecided; for ever, if it comes from a node that nothing reaches."""
    READY = "ready"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"


class EdgeState(StrEnum):
    """What the end of an edge's source decided about it."""

    UNKNOWN = "unknown"
    TAKEN = "taken"
    SKIPPED = "skipped"


class Leave(Enum):
    """How a node is left, where that is not one handle."""

    ALL = "all"
    """By every edge, whatever its handle."""
    SKIP = "skip"
    """By none: the node itself was passed over."""


class Settled(NamedTuple):
    """What became of other nodes when one was settled, each list in Dify's order."""

    ready: list[str]
    skipped: list[str]


def leave_of(node: PlanNode, handle: str | None) -> Leave | str:
    """Say how a node that ended with a handle is left.

    Only branch nodes and nodes with the strategy fail-branch compare handles. No handle at such a
    node selects nothing: that a branch node chose none is an error that the caller has to raise.

    Example:
        >>> from schema.nodes.base import NodeData
        >>> node = PlanNode(id="t", public_id="t", data=NodeData(type="template-transform"))
        >>> leave_of(node, "source")
        <Leave.ALL: 'all'>
    """
    return (handle or "") if node.compares_handles else Leave.ALL


class Traversal:
    """States of the nodes and edges of one graph.

    A join runs once, after every incoming edge was decided, if at least one was taken; a node whose
    incoming edges were all skipped is skipped with all that hangs on it. An edge from a node that
    nothing reaches stays unknown and blocks its target for ever.

    Example:
        >>> from schema.nodes.base import NodeData
        >>> node = PlanNode(id="t", public_id="t", data=NodeData(type="template-transform"))
        >>> traversal = Traversal(PlanGraph(root="t", nodes=(node,), edges=()))
        >>> traversal.settle("t", Leave.ALL), traversal.states["t"].value
        (Settled(ready=[], skipped=[]), 'done')
    """

    def __init__(self, graph: PlanGraph, snapshot: Mapping[str, Any] | None = None) -> None:
        """Begin a graph, or go on from a snapshot of the same graph.

        A new traversal has its root ready and every other root skipped.
        """
        self.graph = graph
        """The graph that is traversed."""
        self._state = {node.id: NodeState.WAITING for node in graph.nodes}
        self._edge_state = [EdgeState.UNKNOWN] * len(graph.edges)
        if snapshot is not None:
            self._state = {node: NodeState(state) for node, state in snapshot["nodes"].items()}
            self._edge_state = [EdgeState(state) for state in snapshot["edges"]]
        self._outgoing: dict[str, list[int]] = {node.id: [] for node in graph.nodes}
        self._undecided = {node.id: 0 for node in graph.nodes}
        self._taken = {node.id: 0 for node in graph.nodes}
        for index, edge in enumerate(graph.edges):
            self._outgoing[edge.source].append(index)
            self._undecided[edge.target] += self._edge_state[index] is EdgeState.UNKNOWN
            self._taken[edge.target] += self._edge_state[index] is EdgeState.TAKEN
        if snapshot is None:
            self._begin()

    @property
    def states(self) -> Mapping[str, NodeState]:
        """State of every node, in file order."""
        return self._state

    @property
    def edge_states(self) -> Sequence[EdgeState]:
        """State of every edge, at its position in `PlanGraph.edges`."""
        return self._edge_state

    @property
    def skipped(self) -> list[str]:
        """Nodes that were passed over, in file order."""
        return [node for node, state in self._state.items() if state is NodeState.SKIPPED]

    def outgoing(self, node_id: str) -> Sequence[int]:
        """Give the positions of a node's outgoing edges, in the order of the file."""
        return self._outgoing[node_id]

    def is_settled(self, node_id: str) -> bool:
        """Whether nothing more can happen to a node."""
        return self._state[node_id] in (NodeState.DONE, NodeState.SKIPPED)

    def mark_ready(self, node_id: str) -> None:
        """Put a node that was started back: a retry, a deferred node, a resolved one."""
        self._change(node_id, NodeState.READY)

    def mark_running(self, node_id: str) -> None:
        """Note that a node was started."""
        self._change(node_id, NodeState.RUNNING)

    def settle(self, node_id: str, leave: Leave | str) -> Settled:
        """End a node and decide its outgoing edges.

        Every unselected edge is skipped, with all that hangs on it, before a selected one is taken.

        Args:
            node_id: The node that ended, or was passed over.
            leave: The handle it left by, `Leave.ALL`, or `Leave.SKIP`.

        Returns:
            The nodes that may run now and those passed over; both never come again.

        Raises:
            ValueError: If the node was settled before.
        """
        self._change(node_id, NodeState.SKIPPED if leave is Leave.SKIP else NodeState.DONE)
        settled = Settled(ready=[], skipped=[])
        selected: list[int] = []
        unselected: list[int] = []
        for index in self._outgoing[node_id]:
            is_selected = leave is Leave.ALL or self.graph.edges[index].handle == leave
            (selected if is_selected else unselected).append(index)
        self._skip(unselected, settled)
        for index in selected:
            self._decide(index, EdgeState.TAKEN, settled)
        return settled

    def snapshot(self) -> dict[str, Any]:
        """Give the state as plain JSON, for another traversal of the same graph."""
        return {
            "nodes": {node: state.value for node, state in self._state.items()},
            "edges": [state.value for state in self._edge_state],
        }

    def _begin(self) -> None:
        self._state[self.graph.root] = NodeState.READY
        for root in self.graph.inactive_roots:
            if self._state[root] is NodeState.WAITING:
                self.settle(root, Leave.SKIP)

    def _change(self, node_id: str, state: NodeState) -> None:
        if self.is_settled(node_id):
            raise ValueError(f"Node {node_id!r} is {self._state[node_id]} already.")
        self._state[node_id] = state

    def _skip(self, edges: list[int], settled: Settled) -> None:
        # Depth first, as Dify does it, because that decides the ready order; a stack because graphs
        # may be deeper than Python recurses.
        stack = edges[::-1]
        while stack:
            target = self._decide(stack.pop(), EdgeState.SKIPPED, settled)
            if self._state[target] is NodeState.WAITING and not self._undecided[target]:
                self._state[target] = NodeState.SKIPPED
                settled.skipped.append(target)
                stack.extend(reversed(self._outgoing[target]))

    def _decide(self, index: int, state: EdgeState, settled: Settled) -> str:
        """Decide one edge, note its target if that may run now, and give the target."""
        target = self.graph.edges[index].target
        self._edge_state[index] = state
        self._undecided[target] -= 1
        self._taken[target] += state is EdgeState.TAKEN
        if (
            self._state[target] is NodeState.WAITING
            and self._taken[target]
            and not self._undecided[target]
        ):
            self._state[target] = NodeState.READY
            settled.ready.append(target)
        return target
