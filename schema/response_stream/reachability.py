"""Which nodes can be reached for sure: over edges that were taken, or that do not block.

A linear search that grows as edges are taken; paths are never enumerated (dify-nodes 2.14).
"""

from collections.abc import Collection

from schema.nodes.base import BRANCH_TYPES, CONTAINER_TYPES, RESPONSE_TYPES
from schema.plan import PlanGraph

BLOCKING_TYPES = BRANCH_TYPES | CONTAINER_TYPES | RESPONSE_TYPES
"""Types whose outgoing edges say nothing before they are taken."""


class Reachability:
    """The nodes that are reachable from the root of a graph.

    Example:
        >>> Reachability(PlanGraph(root="start", nodes=(), edges=()), ()).start()
        ['start']
    """

    def __init__(self, graph: PlanGraph, blocking_assigners: Collection[str]) -> None:
        self._graph = graph
        self._passable = [
            graph.by_id[edge.source].type not in BLOCKING_TYPES
            and edge.source not in blocking_assigners
            for edge in graph.edges
        ]
        self._outgoing: dict[str, list[int]] = {}
        for index, edge in enumerate(graph.edges):
            self._outgoing.setdefault(edge.source, []).append(index)
        self._reached: dict[str, None] = {}

    def start(self) -> list[str]:
        """Give what is reachable before anything ran."""
        return self._visit(self._graph.root)

    def take(self, index: int) -> list[str]:
        """Note that an edge was taken and give the nodes that it made reachable."""
        self._passable[index] = True
        edge = self._graph.edges[index]
        return self._visit(edge.target) if edge.source in self._reached else []

    def _visit(self, node_id: str) -> list[str]:
        found: list[str] = []
        stack = [node_id]
        while stack:
            node = stack.pop()
            if node in self._reached:
                continue
            self._reached[node] = None
            found.append(node)
            passable = (i for i in self._outgoing.get(node, ()) if self._passable[i])
            stack.extend(self._graph.edges[index].target for index in passable)
        return found
