from itertools import pairwise

import pytest

from schema.graph import check_graph, find_runnable
from schema.plan import PlanGraph
from tests.factories import Edge, a_branch, a_plan, a_start, a_template, an_end


def a_graph(*edges: Edge, others: str = "") -> PlanGraph:
    """Start `s` and templates: every other name in the edges, and each letter of `others`."""
    names = dict.fromkeys([*(name for edge in edges for name in edge[:2]), *others])
    names.pop("s", None)
    return a_plan([a_start("s"), *(a_template(name, "x") for name in names)], edges).graph


def found(graph: PlanGraph) -> list[tuple[str, str]]:
    return [(str(f.code), f.node_id) for f in check_graph(graph)]


def test_sound_graph_has_no_findings() -> None:
    assert not found(a_graph(("s", "a"), ("s", "b"), ("a", "c"), ("b", "c"), ("b", "c")))


def test_node_that_nothing_reaches_never_runs() -> None:
    graph = a_graph(("s", "a"), others="b")

    assert found(graph) == [("unreachable-node", "b")]
    assert find_runnable(graph) == {"s", "a"}


def test_11_4_orphan_blocks_its_join_and_what_follows() -> None:
    graph = a_graph(("s", "a"), ("a", "end"), ("orphan", "end"), ("end", "after"))

    assert found(graph) == [("unreachable-node", "orphan"), ("blocked-node", "end")]
    assert find_runnable(graph) == {"s", "a"}


def test_cycle_is_named_with_its_nodes_and_not_what_follows() -> None:
    graph = a_graph(("s", "a"), ("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"))
    (finding,) = check_graph(graph)

    assert (str(finding.code), finding.node_id) == ("cycle", "a")
    assert not finding.is_error
    assert "'a', 'b', 'c'." in finding.message
    assert find_runnable(graph) == {"s"}


def test_node_that_follows_itself_is_a_cycle() -> None:
    assert found(a_graph(("s", "a"), ("a", "a"))) == [("cycle", "a")]


def test_long_cycle_is_named_in_short() -> None:
    names = [f"n{i}" for i in range(2_000)]
    graph = a_graph(("s", "n0"), *zip(names, [*names[1:], "n0"], strict=True))
    (finding,) = check_graph(graph)

    assert "and 1995 more" in finding.message


def test_edge_back_to_the_start_is_an_error() -> None:
    graph = a_graph(("s", "a"), ("a", "s"))
    (finding,) = check_graph(graph)

    assert (str(finding.code), finding.node_id) == ("edge-into-root", "a")
    assert finding.is_error
    assert find_runnable(graph) == {"s", "a"}


def test_further_start_is_skipped_and_does_not_block() -> None:
    nodes = [a_start("s"), a_start("t"), a_template("a", "x"), an_end("e"), an_end("only")]
    edges: list[Edge] = [("s", "a"), ("a", "e"), ("t", "e"), ("t", "only")]
    graph = a_plan(nodes, edges, inactive_roots=["t"]).graph

    assert found(graph) == [("several-roots", "t")]
    assert find_runnable(graph) == {"s", "a", "e"}


@pytest.mark.parametrize(
    ("strategy", "handle", "is_known"),
    [
        (None, "true", True),
        (None, "false", True),
        (None, "source", False),
        (None, "fail-branch", False),
        ("fail-branch", "fail-branch", True),
        ("fail-branch", "success-branch", False),
    ],
)
def test_handle_of_a_branch_must_exist(strategy: str | None, handle: str, is_known: bool) -> None:
    branch = a_branch("b", ["s", "x"], "is", "y", error_strategy=strategy)
    graph = a_plan([a_start("s"), branch, an_end("e")], [("s", "b"), ("b", "e", handle)]).graph

    assert found(graph) == ([] if is_known else [("unknown-handle", "b")])


def test_11_4_success_branch_is_a_handle_that_no_node_has() -> None:
    node = a_template("t", "x")
    node["data"]["error_strategy"] = "fail-branch"
    edges: list[Edge] = [("s", "t"), ("t", "e", "success-branch"), ("t", "e"), ("t", "e", "x")]
    graph = a_plan([a_start("s"), node, an_end("e")], edges).graph

    assert found(graph) == [("unknown-handle", "t"), ("unknown-handle", "t")]


def test_handle_of_a_plain_node_is_not_looked_at() -> None:
    assert not found(a_graph(("s", "a", "whatever")))


def test_chain_longer_than_python_recurses_is_checked() -> None:
    names = ["s", *(f"n{i}" for i in range(5_000))]
    graph = a_graph(*pairwise(names))

    assert not found(graph)
    assert len(find_runnable(graph)) == len(names)
