"""Rules of a graph's shape: what can never run in it, and what would make no sense.

Each rule is a function of one graph and yields all its findings; none stops at the first. Dify
checks only that the ends of edges exist: cycles, orphans and blocked joins simply never run
(dify-nodes 2.2), so they are warnings here. No rule recurses.
"""

from collections.abc import Callable, Iterable, Iterator

from schema.findings import Finding, FindingCode, Severity, quote
from schema.nodes.base import BRANCH_TYPES, ErrorStrategy
from schema.nodes.if_else import IfElseNodeData
from schema.plan import PlanEdge, PlanGraph, PlanNode

_NAMED_NODES = 5


def check_graph(graph: PlanGraph) -> tuple[Finding, ...]:
    """Apply every rule to one graph; the insides of its containers are graphs of their own."""
    return tuple(finding for rule in RULES for finding in rule(graph))


def find_runnable(graph: PlanGraph) -> frozenset[str]:
    """List the nodes that a run can come to, whatever its branches decide."""
    return _reachable(graph, [graph.root]) & _decidable(graph)


def _several_roots(graph: PlanGraph) -> Iterator[Finding]:
    for root in graph.inactive_roots:
        yield _warning(
            FindingCode.SEVERAL_ROOTS,
            root,
            f"The run starts from {quote(graph.root)}; this start and what only it leads to is "
            "skipped.",
        )


def _edges_into_root(graph: PlanGraph) -> Iterator[Finding]:
    for edge in graph.edges:
        if edge.target == graph.root:
            yield Finding(
                code=FindingCode.EDGE_INTO_ROOT,
                severity=Severity.ERROR,
                node_id=edge.source,
                message=f"The edge to {quote(graph.root)} leads back to where the run starts.",
                accepted="a loop node for what is to be repeated",
            )


def _cycles(graph: PlanGraph) -> Iterator[Finding]:
    waiting = _in_cycles(graph)
    if waiting:
        names = ", ".join(quote(node) for node in waiting[:_NAMED_NODES])
        more = f" and {len(waiting) - _NAMED_NODES} more" if len(waiting) > _NAMED_NODES else ""
        yield _warning(
            FindingCode.CYCLE,
            waiting[0],
            f"These nodes wait for each other and never run: {names}{more}.",
            accepted="a loop node for what is to be repeated",
        )


def _unreachable_nodes(graph: PlanGraph) -> Iterator[Finding]:
    reached = _reachable(graph, _roots(graph))
    for node in graph.nodes:
        if node.id not in reached:
            yield _warning(
                FindingCode.UNREACHABLE_NODE,
                node.id,
                "No path leads from the start to this node; it never runs.",
            )


def _blocked_nodes(graph: PlanGraph) -> Iterator[Finding]:
    reached = _reachable(graph, _roots(graph))
    blocked: set[str] = set()
    for edge in _edges_that_count(graph):
        if edge.target in reached and edge.source not in reached and edge.target not in blocked:
            blocked.add(edge.target)
            yield _warning(
                FindingCode.BLOCKED_NODE,
                edge.target,
                f"It waits for {quote(edge.source)}, which is never reached, and so never runs.",
            )


def _unknown_handles(graph: PlanGraph) -> Iterator[Finding]:
    handles = {node.id: _handles_of(node) for node in graph.nodes}
    for edge in graph.edges:
        known = handles[edge.source]
        if known is not None and edge.handle not in known:
            yield _warning(
                FindingCode.UNKNOWN_HANDLE,
                edge.source,
                f"The edge to {quote(edge.target)} leaves by {quote(edge.handle)}, which the node "
                "does not have; it is never taken.",
                accepted=", ".join(quote(handle) for handle in sorted(known)[:_NAMED_NODES]),
            )


Rule = Callable[[PlanGraph], Iterator[Finding]]
RULES: tuple[Rule, ...] = (
    _several_roots,
    _edges_into_root,
    _cycles,
    _unreachable_nodes,
    _blocked_nodes,
    _unknown_handles,
)


def _warning(code: FindingCode, node_id: str, message: str, accepted: str = "") -> Finding:
    return Finding(
        code=code, severity=Severity.WARNING, node_id=node_id, message=message, accepted=accepted
    )


def _handles_of(node: PlanNode) -> frozenset[str] | None:
    """List the handles that edges are compared with; None where any will do, or is unknown."""
    failure = (
        frozenset({ErrorStrategy.FAIL_BRANCH.value}) if _has_fail_branch(node) else frozenset()
    )
    if isinstance(node.data, IfElseNodeData):
        return node.data.handles | failure
    if not failure or node.type in BRANCH_TYPES:
        return None
    return failure | {"source"}


def _has_fail_branch(node: PlanNode) -> bool:
    return node.data.error_strategy is ErrorStrategy.FAIL_BRANCH


def _roots(graph: PlanGraph) -> list[str]:
    return [graph.root, *graph.inactive_roots]


def _edges_that_count(graph: PlanGraph) -> Iterator[PlanEdge]:
    """Edges that decide whether a node runs: roots wait for nothing."""
    roots = frozenset(_roots(graph))
    return (edge for edge in graph.edges if edge.target not in roots)


def _reachable(graph: PlanGraph, starts: Iterable[str]) -> frozenset[str]:
    targets: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        targets[edge.source].append(edge.target)
    reached = set(starts)
    frontier = list(reached)
    while frontier:
        for target in targets[frontier.pop()]:
            if target not in reached:
                reached.add(target)
                frontier.append(target)
    return frozenset(reached)


def _decidable(graph: PlanGraph) -> frozenset[str]:
    """List the nodes all of whose incoming edges are decided some day."""
    return frozenset(_peel(_roots(graph), _edges_that_count(graph)))


def _in_cycles(graph: PlanGraph) -> list[str]:
    """List the nodes that lie on a cycle, or between two, in file order."""
    edges = list(_edges_that_count(graph))
    ids = [node.id for node in graph.nodes]
    targets = {edge.target for edge in edges}
    free = _peel([node for node in ids if node not in targets], edges)
    rest = [edge for edge in edges if edge.source not in free and edge.target not in free]
    backwards = [PlanEdge(source=edge.target, target=edge.source) for edge in rest]
    sources = {edge.source for edge in rest}
    free |= _peel([node for node in ids if node not in free and node not in sources], backwards)
    return [node for node in ids if node not in free]


def _peel(starts: Iterable[str], edges: Iterable[PlanEdge]) -> set[str]:
    """Collect the starts, and whatever has incoming edges only from what was collected."""
    outgoing: dict[str, list[str]] = {}
    waiting: dict[str, int] = {}
    for edge in edges:
        outgoing.setdefault(edge.source, []).append(edge.target)
        waiting[edge.target] = waiting.get(edge.target, 0) + 1
    peeled = set(starts)
    frontier = list(peeled)
    while frontier:
        for target in outgoing.get(frontier.pop(), ()):
            waiting[target] -= 1
            if not waiting[target] and target not in peeled:
                peeled.add(target)
                frontier.append(target)
    return peeled
