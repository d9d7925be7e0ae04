"""Documents for tests: exports around nodes and edges that matter."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schema.dsl import Compilation, compile_definition, read_definition

OWN_EXPORTS = Path(__file__).parent / "dsl"
"""Exports of our own; what they must give stands in `expected/`."""


def a_document(
    nodes: Iterable[Any],
    edges: Iterable[Any] = (),
    *,
    mode: str = "workflow",
    **workflow: Any,
) -> str:
    """An export as JSON, which is YAML."""
    document = {
        "kind": "app",
        "version": "0.6.0",
        "app": {"name": "test", "mode": mode},
        "workflow": {
            "graph": {"nodes": list(nodes), "edges": [an_edge(edge) for edge in edges]},
            **workflow,
        },
    }
    return json.dumps(document, ensure_ascii=False)


def an_edge(edge: Any) -> Any:
    """An edge as an export has it: from a tuple of source, target and handle, or as it is."""
    if not isinstance(edge, tuple):
        return edge
    fields = {"source": edge[0], "target": edge[1], "targetHandle": "target", "type": "custom"}
    return {**fields, "sourceHandle": edge[2]} if len(edge) > 2 else fields


def compiled(
    nodes: Iterable[Any],
    edges: Iterable[Any] = (),
    **document: Any,
) -> Compilation:
    """What becomes of such an export."""
    return compile_definition(read_definition(a_document(nodes, edges, **document)))


def codes(compilation: Compilation) -> list[tuple[str, str, str]]:
    """Severity, code and node id of every finding."""
    return [(str(f.severity), str(f.code), f.node_id) for f in compilation.findings]
