"""Drawings of a plan for other programs: Mermaid and Graphviz.

Node ids are numbered; authors' texts stand in quoted labels only.
"""

from collections.abc import Iterator

from schema.plan import Plan, PlanGraph, PlanNode


def to_mermaid(plan: Plan) -> str:
    """Write a Mermaid flowchart; a container is a subgraph."""
    return "\n".join(["flowchart LR", *_mermaid_graph(plan.graph, "n", "  ")]) + "\n"


def to_dot(plan: Plan) -> str:
    """Write a Graphviz digraph; a container is a cluster."""
    lines = ["digraph app {", "  rankdir=LR; compound=true; node [shape=box];"]
    return "\n".join([*lines, *_dot_graph(plan.graph, "n", "  "), "}"]) + "\n"


def _mermaid_graph(graph: PlanGraph, prefix: str, indent: str) -> Iterator[str]:
    names = {node.id: f"{prefix}{number}" for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        name = names[node.id]
        if node.body is None:
            yield f'{indent}{name}["{_mermaid_text(_label(node))}"]'
            continue
        yield f'{indent}subgraph {name}["{_mermaid_text(_label(node))}"]'
        yield from _mermaid_graph(node.body, f"{name}_", indent + "  ")
        yield f"{indent}end"
    for edge in graph.edges:
        handle = "" if edge.handle == "source" else f'|"{_mermaid_text(edge.handle)}"|'
        yield f"{indent}{names[edge.source]} -->{handle} {names[edge.target]}"


def _dot_graph(graph: PlanGraph, prefix: str, indent: str) -> Iterator[str]:
    names = {node.id: f"{prefix}{number}" for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        name = names[node.id]
        if node.body is None:
            yield f'{indent}{name} [label="{_dot_text(_label(node))}"];'
            continue
        # An edge needs a node to end at: the container's own, inside its cluster.
        yield f"{indent}subgraph cluster_{name} {{"
        yield f'{indent}  {name} [label="{_dot_text(_label(node))}", shape=ellipse];'
        yield from _dot_graph(node.body, f"{name}_", indent + "  ")
        yield f"{indent}}}"
    for edge in graph.edges:
        label = "" if edge.handle == "source" else f' [label="{_dot_text(edge.handle)}"]'
        yield f"{indent}{names[edge.source]} -> {names[edge.target]}{label};"


def _label(node: PlanNode) -> str:
    return f"{node.title or node.id}\n{node.type}"


def _mermaid_text(text: str) -> str:
    # Mermaid reads entities inside quotes, written with a # in place of the &.
    characters = [
        character if character.isalnum() or character in " -_.,:/" else f"#{ord(character)};"
        for character in text
    ]
    return "".join(characters).replace("#10;", "<br/>")


def _dot_text(text: str) -> str:
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "")
    return quoted.replace("\n", "\\n").replace("\0", "")
