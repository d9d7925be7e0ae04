"""Drawings of a plan: lines for a terminal, Mermaid and Graphviz."""

from collections.abc import Sequence

from schema.nodes.base import NodeData
from schema.plan import AppMode, Plan, PlanEdge, PlanGraph, PlanNode
from workers.cli.diagrams import to_dot, to_mermaid
from workers.cli.graph_lines import draw


def a_node(node_id: str, title: str = "", body: PlanGraph | None = None) -> PlanNode:
    data = NodeData(type="template-transform", title=title)
    return PlanNode(id=node_id, public_id=node_id, data=data, body=body)


def a_graph(edges: Sequence[str], *nodes: PlanNode) -> PlanGraph:
    """Build a graph from edges like `a b` or `a true b`; the first one's source is the root."""
    parts = [edge.split() for edge in edges]
    named = {node.id: node for node in nodes}
    ids = dict.fromkeys(end for part in parts for end in (part[0], part[-1]))
    return PlanGraph(
        root=parts[0][0],
        nodes=tuple(named.pop(node_id) if node_id in named else a_node(node_id) for node_id in ids)
        + tuple(named.values()),
        edges=tuple(
            PlanEdge(source=p[0], target=p[-1], handle=p[1] if len(p) == 3 else "source")
            for p in parts
        ),
    )


def a_plan(graph: PlanGraph) -> Plan:
    return Plan(mode=AppMode.WORKFLOW, graph=graph)


def text(graph: PlanGraph) -> list[str]:
    return [line.indent + line.text for line in draw(graph)]


def test_a_chain_is_not_indented() -> None:
    assert text(a_graph(["a b", "b c"])) == ["a", "b", "c"]


def test_a_join_stands_where_its_last_branch_arrives() -> None:
    graph = a_graph(["a true b", "a false c", "b d", "c d", "d e"])

    assert text(graph) == [
        "a",
        "├─ true",
        "│  b",
        "│  → d",
        "├─ false",
        "│  c",
        "│  d",
        "│  e",
    ]


def test_a_node_that_nothing_reaches_is_named_apart() -> None:
    graph = a_graph(["a b", "x b"])

    assert text(graph) == ["a", "b", "never reached:", "  x"]


def test_a_containers_body_stands_under_it() -> None:
    graph = a_graph(["a b"], a_node("a", body=a_graph(["s t"])))

    assert text(graph) == ["a", "  ┊ s", "  ┊ t", "b"]


def test_a_chain_of_5000_nodes_is_drawn() -> None:
    graph = a_graph([f"n{index} n{index + 1}" for index in range(5_000)])

    assert len(text(graph)) == 5_001


def test_titles_cannot_control_the_terminal() -> None:
    graph = a_graph(["a b"], a_node("a", title="\x1b[2Jx\ny"))

    assert text(graph)[0] == "\\x1b[2Jx y"


def test_mermaid_keeps_authors_text_inside_quotes() -> None:
    graph = a_graph(["a true b"], a_node("a", title='x"] --> click "evil'))

    drawing = to_mermaid(a_plan(graph))

    assert drawing.startswith("flowchart LR\n")
    assert '  n0["x#34;#93; --#62; click #34;evil<br/>template-transform"]' in drawing
    assert '  n0 -->|"true"| n1' in drawing


def test_mermaid_draws_a_container_as_a_subgraph() -> None:
    drawing = to_mermaid(a_plan(a_graph(["a b"], a_node("a", body=a_graph(["s t"])))))

    assert '  subgraph n0["a' in drawing
    assert "    n0_0 --> n0_1" in drawing


def test_dot_keeps_authors_text_inside_quotes() -> None:
    graph = a_graph(['a "x\\ b'], a_node("a", title='t"];\n'))

    drawing = to_dot(a_plan(graph))

    assert '  n0 [label="t\\"];\\n\\ntemplate-transform"];' in drawing
    assert '  n0 -> n1 [label="\\"x\\\\"];' in drawing


def test_dot_draws_a_container_as_a_cluster() -> None:
    drawing = to_dot(a_plan(a_graph(["a b"], a_node("a", body=a_graph(["s t"])))))

    assert "  subgraph cluster_n0 {" in drawing
    assert "    n0_0 -> n0_1;" in drawing


def test_a_node_with_a_long_id_is_one_short_line() -> None:
    drawn = text(a_graph([f"{'a' * 10_000} {'h' * 10_000} b", f"{'a' * 10_000} other c"]))

    assert max(map(len, drawn)) < 200
    assert "(10,000 characters)" in drawn[0]
