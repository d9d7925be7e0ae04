"""Which nodes belong to which graph: the app's own, or the inside of an iteration or loop.

What runs inside a container is what edges reach from its start node; hints of the canvas count only
for nodes that nothing reaches (dify-nodes 1.8).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from schema.dsl.graph_entries import NodeEntry
from schema.findings import Finding, FindingCode, Severity, quote
from schema.nodes.base import CONTAINER_TYPES, ROOT_TYPES
from schema.plan import PlanEdge

MAX_NESTING = 10
"""Containers inside each other; the editor allows two."""
APP = ""
"""Owner of the nodes that are in no container; no node has this id."""


@dataclass(frozen=True)
class Partition:
    """The owner of every node."""

    owner: Mapping[str, str]
    """Node id to the id of its container, or `APP`."""
    starts: Mapping[str, str]
    """Container id to the id of its start node, where it has one."""
    edges: Mapping[str, Sequence[PlanEdge]]
    """Edges inside one graph, by owner, in file order."""
    findings: tuple[Finding, ...]

    @property
    def is_sound(self) -> bool:
        """Whether no container contains itself or is nested too deeply."""
        return all(f.code is not FindingCode.CONTAINER_NESTING for f in self.findings)


def partition(nodes: Mapping[str, NodeEntry], edges: Sequence[PlanEdge]) -> Partition:
    """Give every node to exactly one graph."""
    claims = _Claims(nodes, edges)
    starts: dict[str, str] = {}
    findings: list[Finding] = []
    for node in nodes.values():
        if node.data["type"] in ROOT_TYPES:
            claims.claim(node.id, APP)
    for node in nodes.values():
        if node.data["type"] in CONTAINER_TYPES:
            start = node.data.get("start_node_id")
            problem = _start_problem(start, nodes, claims.owner)
            if problem is not None:
                findings.append(_bad_start(node.id, problem))
            elif isinstance(start, str):
                starts[node.id] = start
                claims.claim(start, node.id)
    claims.claim_unreached(starts)
    inner: dict[str, list[PlanEdge]] = {}
    for edge in edges:
        owner = claims.owner[edge.source]
        if owner == claims.owner[edge.target]:
            inner.setdefault(owner, []).append(edge)
        else:
            findings.append(_crossing(edge))
    findings += _nesting_findings(starts, claims.owner)
    return Partition(claims.owner, starts, inner, tuple(findings))


class _Claims:
    """Gives nodes to the first graph that reaches them."""

    def __init__(self, nodes: Mapping[str, NodeEntry], edges: Sequence[PlanEdge]) -> None:
        self.owner: dict[str, str] = {}
        self._nodes = nodes
        self._targets: dict[str, list[str]] = {node: [] for node in nodes}
        self._sources: dict[str, list[str]] = {node: [] for node in nodes}
        for edge in edges:
            self._targets[edge.source].append(edge.target)
            self._sources[edge.target].append(edge.source)

    def claim(self, start: str, owner: str) -> None:
        """Take everything reachable from a node that nobody has yet."""
        if start not in self.owner:
            self.owner[start] = owner
            self._spread([start], self._targets)

    def claim_unreached(self, containers: Mapping[str, str]) -> None:
        """Give what nothing reaches to the graph it leads into, else as the canvas has it.

        They block the joins they lead to, so it matters whose they are.
        """
        self._spread(list(self.owner), self._sources)
        for node in self._nodes.values():
            if node.id not in self.owner:
                hints = (node.data.get("iteration_id"), node.data.get("loop_id"))
                known = (h for h in hints if isinstance(h, str) and h in containers)
                self.owner[node.id] = next(known, APP)

    def _spread(self, frontier: list[str], neighbours: Mapping[str, Sequence[str]]) -> None:
        while frontier:
            node = frontier.pop()
            for neighbour in neighbours[node]:
                if neighbour not in self.owner:
                    self.owner[neighbour] = self.owner[node]
                    frontier.append(neighbour)


def _start_problem(
    start: object, nodes: Mapping[str, NodeEntry], owner: Mapping[str, str]
) -> str | None:
    if not isinstance(start, str) or not start:
        return "It names no node to start from (start_node_id)."
    if start not in nodes:
        return f"It starts from {quote(start)}, which does not exist."
    if start in owner:
        return f"It starts from {quote(start)}, which is outside of it."
    return None


def _bad_start(container: str, problem: str) -> Finding:
    return Finding(
        code=FindingCode.CONTAINER_START,
        severity=Severity.ERROR,
        node_id=container,
        field="start_node_id",
        message=problem,
    )


def _crossing(edge: PlanEdge) -> Finding:
    return Finding(
        code=FindingCode.CONTAINER_EDGE,
        severity=Severity.ERROR,
        node_id=edge.source,
        message=f"The edge from {quote(edge.source)} to {quote(edge.target)} crosses the border "
        "of an iteration or loop.",
        accepted="edges inside, and edges of the iteration or loop itself",
    )


def _nesting_findings(containers: Iterable[str], owner: Mapping[str, str]) -> Iterator[Finding]:
    for container in containers:
        outer, levels = owner[container], 1
        while outer != APP and levels < MAX_NESTING:
            outer, levels = owner[outer], levels + 1
        if outer != APP:
            yield Finding(
                code=FindingCode.CONTAINER_NESTING,
                severity=Severity.ERROR,
                node_id=container,
                message="The iteration or loop contains itself, or is nested too deeply.",
                accepted=f"up to {MAX_NESTING} levels",
            )
