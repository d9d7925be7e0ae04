"""Entries of `graph.nodes` and `graph.edges` as a document has them (dify-nodes 1.7, 1.11).

Notes are dropped, ids become text, and what is malformed becomes a finding instead of an entry.
Data of nodes is not looked into here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schema.findings import Finding, FindingCode, Severity, quote
from schema.plan import PlanEdge

_NOTE = "custom-note"


@dataclass(frozen=True)
class NodeEntry:
    """A node with an id and data that has a type."""

    id: str
    index: int
    """Position among all entries of the document."""
    data: Mapping[str, Any]


@dataclass(frozen=True)
class GraphEntries:
    """What could be read of a graph, in file order."""

    nodes: Mapping[str, NodeEntry]
    edges: tuple[PlanEdge, ...]
    findings: tuple[Finding, ...]


def read_entries(nodes: Iterable[object], edges: Iterable[object]) -> GraphEntries:
    """Read the entries of a graph; a later node replaces an earlier one of the same id.

    Example:
        >>> read_entries([{"id": 1, "data": {"type": "start"}}], []).nodes["1"].index
        0
    """
    findings: list[Finding] = []
    found: dict[str, NodeEntry] = {}
    copies: dict[str, int] = {}
    known: set[str] = set()
    for index, entry in enumerate(nodes):
        if isinstance(entry, Mapping) and entry.get("type") == _NOTE:
            continue
        node_id = _id_of(entry)
        problem = _node_problem(entry, node_id)
        if problem is not None:
            findings.append(_malformed(index, node_id, problem))
        elif isinstance(entry, Mapping):
            copies[node_id] = copies.get(node_id, 0) + 1
            found[node_id] = NodeEntry(node_id, index, entry["data"])
        known.add(node_id)
    findings += (_duplicate(node_id, count) for node_id, count in copies.items() if count > 1)
    taken = list(_edges(edges, known, findings))
    return GraphEntries(
        found, tuple(e for e in taken if {e.source, e.target} <= found.keys()), tuple(findings)
    )


def _id_of(entry: object) -> str:
    """Give the id as text; unquoted digits are a number in YAML. Empty if there is none."""
    return _text_id(entry.get("id")) if isinstance(entry, Mapping) else ""


def _text_id(value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _node_problem(entry: object, node_id: str) -> str | None:
    if not isinstance(entry, Mapping):
        return "The node is not a mapping."
    if not node_id:
        return "The node has no id."
    data = entry.get("data")
    if not isinstance(data, Mapping):
        return "The node has no data."
    if not isinstance(data.get("type"), str) or not data["type"]:
        return "The node has no type (data.type)."
    return None


def _edges(
    entries: Iterable[object], known: set[str], findings: list[Finding]
) -> Iterator[PlanEdge]:
    for index, entry in enumerate(entries):
        field = f"workflow.graph.edges.{index}"
        source, target = _end_of(entry, "source"), _end_of(entry, "target")
        handle = entry.get("sourceHandle", "source") if isinstance(entry, Mapping) else None
        if not source or not target or not isinstance(handle, str):
            findings.append(_dropped(field, source, target, handle))
            continue
        missing = [end for end in (source, target) if end not in known]
        if missing:
            findings.append(_dangling(field, source, target, missing[0]))
            continue
        yield PlanEdge(source=source, target=target, handle=handle)


def _end_of(entry: object, key: str) -> str:
    return _text_id(entry.get(key)) if isinstance(entry, Mapping) else ""


def _malformed(index: int, node_id: str, problem: str) -> Finding:
    return Finding(
        code=FindingCode.MALFORMED_NODE,
        severity=Severity.ERROR,
        node_id=node_id,
        field=f"workflow.graph.nodes.{index}",
        message=problem,
    )


def _duplicate(node_id: str, count: int) -> Finding:
    # Dify's app keeps the last one and says nothing; its library refuses the file. Refused here:
    # all but one of the nodes that the author drew would be lost.
    return Finding(
        code=FindingCode.DUPLICATE_NODE_ID,
        severity=Severity.ERROR,
        node_id=node_id,
        message=f"{count} nodes have the id {quote(node_id)}.",
        accepted="an id of its own for every node",
    )


def _dropped(field: str, source: str, target: str, handle: object) -> Finding:
    what = "source and target must be text"
    if source and target:
        what = f"its sourceHandle must be text, it is {quote(handle)}"
    return Finding(
        code=FindingCode.DROPPED_EDGE,
        severity=Severity.WARNING,
        field=field,
        message=f"The edge is ignored, as Dify does: {what}.",
        accepted="a sourceHandle in quotes, or none" if source and target else "ids of nodes",
    )


def _dangling(field: str, source: str, target: str, missing: str) -> Finding:
    return Finding(
        code=FindingCode.DANGLING_EDGE,
        severity=Severity.ERROR,
        node_id=source if missing == target else target,
        field=field,
        message=f"The edge from {quote(source)} to {quote(target)} needs a node {quote(missing)}, "
        "which does not exist.",
    )
