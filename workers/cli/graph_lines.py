"""A plan as lines for a terminal: nodes from the start on, branches indented, each node once.

A join stands where its last branch arrives; the branches before it name it after an arrow.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from schema.plan import PlanEdge, PlanGraph, PlanNode
from workers.cli.console import short_name


@dataclass(frozen=True)
class GraphLine:
    """One line of the drawing."""

    indent: str
    text: str
    detail: str = ""
    """What is less important: a node's type."""


def draw(graph: PlanGraph, indent: str = "") -> Iterator[GraphLine]:
    """Give the lines of a graph and of the containers in it."""
    drawing = _Drawing(graph)
    yield from drawing.lines_from(graph.root, indent)
    rest = [node for node in graph.nodes if node.id not in drawing.drawn]
    if rest:
        yield GraphLine(indent, "never reached:")
    for node in rest:
        yield from _node_lines(node, indent + "  ")


class _Drawing:
    """What has been drawn of one graph so far."""

    def __init__(self, graph: PlanGraph) -> None:
        self.drawn: set[str] = set()
        self._graph = graph
        self._targets: dict[str, list[PlanEdge]] = {node.id: [] for node in graph.nodes}
        for edge in graph.edges:
            self._targets[edge.source].append(edge)
        reached = self._reachable()
        self._arriving = Counter(edge.target for edge in graph.edges if edge.source in reached)

    def _reachable(self) -> set[str]:
        reached = {self._graph.root}
        waiting = [self._graph.root]
        while waiting:
            for edge in self._targets[waiting.pop()]:
                if edge.target not in reached:
                    reached.add(edge.target)
                    waiting.append(edge.target)
        return reached

    def lines_from(self, root: str, indent: str) -> Iterator[GraphLine]:
        """Walk depth first with a work list: chains are longer than Python's stack."""
        self._arriving[root] = 1
        work: list[tuple[str, str, str]] = [("", root, indent)]
        while work:
            label, node_id, margin = work.pop()
            if label:
                yield GraphLine(margin, f"├─ {short_name(label)}")
                margin += "│  "
            self._arriving[node_id] -= 1
            node = self._graph.by_id[node_id]
            if self._arriving[node_id] > 0:
                yield GraphLine(margin, f"→ {_title(node)}")
                continue
            self.drawn.add(node_id)
            yield from _node_lines(node, margin)
            work += reversed(self._next(node_id, margin))

    def _next(self, node_id: str, margin: str) -> list[tuple[str, str, str]]:
        edges = self._targets[node_id]
        branches = len(edges) > 1
        return [
            (edge.handle if branches or edge.handle != "source" else "", edge.target, margin)
            for edge in edges
        ]


def _node_lines(node: PlanNode, indent: str) -> Iterator[GraphLine]:
    yield GraphLine(indent, _title(node), node.type)
    if node.body is not None:
        yield from draw(node.body, indent + "  ┊ ")


def _title(node: PlanNode) -> str:
    return short_name(node.title or node.id)
