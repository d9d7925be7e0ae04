from schema.dsl.containers import MAX_NESTING
from schema.plan import PlanGraph
from tests.documents import codes, compiled
from tests.factories import Edge, a_node, a_start, a_template, an_end


def an_iteration(node_id: str, **data: object) -> list[dict[str, object]]:
    """An iteration with its start node, as the editor writes them."""
    start = a_node(f"{node_id}start", "iteration-start", isInIteration=True)
    return [a_node(node_id, "iteration", **{"start_node_id": f"{node_id}start", **data}), start]


def ids(graph: PlanGraph | None) -> list[str]:
    assert graph is not None
    return [node.id for node in graph.nodes]


def nested(levels: int) -> tuple[list[dict[str, object]], list[Edge]]:
    nodes: list[dict[str, object]] = [a_start("s")]
    edges: list[Edge] = [("s", "c0")]
    for level in range(levels):
        nodes += an_iteration(f"c{level}")
        if level + 1 < levels:
            edges.append((f"c{level}start", f"c{level + 1}"))
    return nodes, edges


def test_children_are_what_edges_reach_from_the_start_of_the_container() -> None:
    nodes = [a_start("s"), *an_iteration("it"), a_template("child", "x"), an_end("e")]
    compilation = compiled(nodes, [("s", "it"), ("itstart", "child"), ("it", "e")])
    plan = compilation.plan

    assert plan is not None
    assert ids(plan.graph) == ["s", "it", "e"]
    body = plan.graph.by_id["it"].body
    assert ids(body) == ["itstart", "child"]
    assert body is not None
    assert (body.root, len(body.edges), len(plan.graph.edges)) == ("itstart", 1, 2)
    assert codes(compilation) == [("error", "unsupported-node-type", "it")]


def test_foreign_children_are_named_too() -> None:
    nodes = [a_start("s"), *an_iteration("it"), a_node("child", "tool")]
    compilation = compiled(nodes, [("s", "it"), ("itstart", "child")])

    assert ("error", "unsupported-node-type", "child") in codes(compilation)


def test_six_nested_containers_compile() -> None:
    plan = compiled(*nested(6)).plan

    assert plan is not None
    graph: PlanGraph | None = plan.graph
    for level in range(6):
        assert graph is not None
        graph = graph.by_id[f"c{level}"].body
    assert ids(graph) == ["c5start"]


def test_nesting_has_a_bound() -> None:
    assert compiled(*nested(MAX_NESTING)).plan is not None
    refused = compiled(*nested(MAX_NESTING + 1))
    assert refused.plan is None
    assert codes(refused) == [("error", "container-nesting", f"c{MAX_NESTING}")]


def test_containers_that_contain_each_other_are_refused() -> None:
    nodes = [a_start("s"), a_node("a", "loop", start_node_id="b")]
    nodes.append(a_node("b", "loop", start_node_id="a"))
    compilation = compiled(nodes)

    assert compilation.plan is None
    assert {code for _, code, _ in codes(compilation)} == {"container-nesting"}


def test_container_that_starts_from_itself_is_refused() -> None:
    compilation = compiled([a_start("s"), a_node("a", "loop", start_node_id="a")])

    assert codes(compilation) == [("error", "container-nesting", "a")]


def test_container_needs_a_start_of_its_own() -> None:
    nodes = [
        a_start("s"),
        a_node("none", "iteration"),
        a_node("ghost", "iteration", start_node_id="nobody"),
        a_node("outside", "iteration", start_node_id="s"),
    ]
    edges: list[Edge] = [("s", name) for name in ("none", "ghost", "outside")]
    compilation = compiled(nodes, edges)
    starts = [f for f in compilation.findings if f.code == "container-start"]

    assert [(f.node_id, f.is_error) for f in starts] == [
        ("none", True),
        ("ghost", True),
        ("outside", True),
    ]
    assert "'nobody'" in starts[1].message


def test_edge_across_the_border_is_an_error() -> None:
    nodes = [a_start("s"), *an_iteration("it"), a_template("child", "x"), an_end("e")]
    edges: list[Edge] = [("s", "it"), ("itstart", "child"), ("child", "e"), ("it", "e")]
    compilation = compiled(nodes, edges)

    assert ("error", "container-edge", "child") in codes(compilation)


def test_orphan_inside_blocks_inside() -> None:
    nodes = [a_start("s"), *an_iteration("it"), a_template("a", "x"), a_template("orphan", "x")]
    lonely = a_template("lonely", "x")
    lonely["data"]["iteration_id"] = "it"
    edges: list[Edge] = [("s", "it"), ("itstart", "a"), ("orphan", "a")]
    compilation = compiled([*nodes, lonely], edges)

    assert compilation.plan is not None
    assert ids(compilation.plan.graph.by_id["it"].body) == ["itstart", "a", "orphan", "lonely"]
    assert ("warning", "blocked-node", "a") in codes(compilation)
