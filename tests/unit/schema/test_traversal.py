from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.nodes import parse_node_data
from schema.plan import PlanEdge, PlanGraph, PlanNode
from schema.traversal import EdgeState, Leave, NodeState, Traversal, leave_of

HANDLES = ["source", "true", "false", "fail-branch", "no-such-handle"]


def a_graph(
    edges: list[tuple[str, str] | tuple[str, str, str]],
    root: str = "start",
    inactive_roots: tuple[str, ...] = (),
    nodes: tuple[str, ...] = (),
) -> PlanGraph:
    names = list(dict.fromkeys([root, *inactive_roots, *nodes, *(n for e in edges for n in e[:2])]))
    return PlanGraph(
        root=root,
        inactive_roots=inactive_roots,
        nodes=tuple(
            PlanNode(id=name, public_id=name, data=parse_node_data({"type": "start"}))
            for name in names
        ),
        edges=tuple(PlanEdge(source=e[0], target=e[1], handle=(*e, "source")[2]) for e in edges),
    )


def a_node(**data: object) -> PlanNode:
    return PlanNode(
        id="n", public_id="n", data=parse_node_data({"type": "template-transform", **data})
    )


def test_a_node_without_branches_leaves_by_every_edge() -> None:
    assert leave_of(a_node(template="", variables=[]), "source") is Leave.ALL


def test_a_node_with_a_fail_branch_leaves_by_its_handle() -> None:
    node = a_node(template="", variables=[], error_strategy="fail-branch")

    assert leave_of(node, "fail-branch") == "fail-branch"


def test_targets_become_ready_in_the_order_of_the_file() -> None:
    traversal = Traversal(a_graph([("start", "b"), ("start", "a"), ("start", "c")]))

    assert traversal.settle("start", Leave.ALL).ready == ["b", "a", "c"]


def test_a_join_waits_for_every_incoming_edge() -> None:
    traversal = Traversal(a_graph([("start", "a"), ("start", "b"), ("a", "join"), ("b", "join")]))
    traversal.settle("start", Leave.ALL)

    assert traversal.settle("a", Leave.ALL).ready == []
    assert traversal.settle("b", Leave.ALL).ready == ["join"]


def test_skipped_branch_does_not_block_a_join() -> None:
    traversal = Traversal(
        a_graph([("start", "a", "true"), ("start", "b", "false"), ("a", "j"), ("b", "j")])
    )

    settled = traversal.settle("start", "true")

    assert settled == (["a"], ["b"])
    assert traversal.settle("a", Leave.ALL).ready == ["j"]


def test_a_join_that_a_skip_completes_is_ready_before_selected_targets() -> None:
    traversal = Traversal(
        a_graph(
            [
                ("start", "branch"),
                ("start", "join"),
                ("branch", "yes", "true"),
                ("branch", "join", "false"),
            ]
        )
    )
    traversal.settle("start", Leave.ALL)

    assert traversal.settle("branch", "true").ready == ["join", "yes"]


def test_a_handle_without_an_edge_skips_everything_behind() -> None:
    traversal = Traversal(a_graph([("start", "a", "true"), ("a", "b")]))

    assert traversal.settle("start", "other") == ([], ["a", "b"])


def test_an_orphan_blocks_its_join_for_ever() -> None:
    traversal = Traversal(a_graph([("start", "end"), ("orphan", "end")]))

    assert traversal.settle("start", Leave.ALL).ready == []
    assert traversal.states == {
        "start": NodeState.DONE,
        "end": NodeState.WAITING,
        "orphan": NodeState.WAITING,
    }


def test_other_roots_are_skipped_and_do_not_block_a_join() -> None:
    traversal = Traversal(
        a_graph([("start", "end"), ("hook", "end"), ("hook", "own")], inactive_roots=("hook",))
    )

    assert traversal.skipped == ["hook", "own"]
    assert traversal.settle("start", Leave.ALL).ready == ["end"]


def test_edges_tell_whether_they_were_taken() -> None:
    traversal = Traversal(
        a_graph([("start", "a", "true"), ("start", "b", "false"), ("orphan", "a", "true")])
    )
    traversal.settle("start", "true")

    assert traversal.edge_states == [EdgeState.TAKEN, EdgeState.SKIPPED, EdgeState.UNKNOWN]


def test_a_node_is_settled_once() -> None:
    traversal = Traversal(a_graph([("start", "a")]))
    traversal.settle("start", Leave.ALL)

    with pytest.raises(ValueError, match="done already"):
        traversal.settle("start", Leave.ALL)


def test_a_started_node_may_go_back_to_the_ready_ones() -> None:
    traversal = Traversal(a_graph([("start", "a")]))
    traversal.mark_running("start")
    traversal.mark_ready("start")

    assert traversal.states["start"] is NodeState.READY


def test_a_chain_of_20000_skipped_nodes_needs_no_recursion() -> None:
    chain = ["start", *(f"n{i}" for i in range(20_000))]
    traversal = Traversal(a_graph(list(pairwise(chain))))

    assert traversal.settle("start", "other").skipped == chain[1:]


def test_a_fan_of_20000_skipped_nodes_keeps_its_order() -> None:
    fan = [f"n{i}" for i in range(20_000)]
    traversal = Traversal(a_graph([("start", name) for name in fan]))

    assert traversal.settle("start", "other").skipped == fan


class Reading:
    """dify-nodes 2.2 word for word, recursive."""

    def __init__(self, graph: PlanGraph) -> None:
        self.graph = graph
        self.nodes = {node.id: "unknown" for node in graph.nodes}
        self.edges = {index: "unknown" for index, _ in enumerate(graph.edges)}
        self.nodes[graph.root] = "queued"
        self.order: list[tuple[str, str]] = []
        for root in graph.inactive_roots:
            if self.nodes[root] == "unknown":
                self.skip_node(root)
        self.order.clear()

    def leave(self, node: str, chosen: str | None) -> None:
        self.nodes[node] = "taken"
        outgoing = [i for i, edge in enumerate(self.graph.edges) if edge.source == node]
        for index in outgoing:
            if chosen is not None and self.graph.edges[index].handle != chosen:
                self.skip_edge(index)
        for index in outgoing:
            if chosen is None or self.graph.edges[index].handle == chosen:
                self.edges[index] = "taken"
                self.look_at(self.graph.edges[index].target)

    def look_at(self, node: str) -> None:
        incoming = [self.edges[i] for i, e in enumerate(self.graph.edges) if e.target == node]
        if self.nodes[node] != "unknown" or "unknown" in incoming:
            return
        if "taken" in incoming:
            self.nodes[node] = "queued"
            self.order.append(("ready", node))
        else:
            self.skip_node(node)

    def skip_node(self, node: str) -> None:
        self.nodes[node] = "skipped"
        self.order.append(("skipped", node))
        for index, edge in enumerate(self.graph.edges):
            if edge.source == node:
                self.skip_edge(index)

    def skip_edge(self, index: int) -> None:
        self.edges[index] = "skipped"
        self.look_at(self.graph.edges[index].target)


class Case(NamedTuple):
    graph: PlanGraph
    leaves: dict[str, str | None]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    names = [f"n{i}" for i in range(draw(st.integers(1, 9)))]
    position = st.integers(0, len(names) - 1)
    pairs = draw(st.lists(st.tuples(position, position, st.sampled_from(HANDLES)), max_size=20))
    backwards = draw(st.booleans())
    edges: list[tuple[str, str] | tuple[str, str, str]] = [
        (names[a], names[b], handle) for a, b, handle in pairs if a < b or backwards
    ]
    others = draw(st.lists(st.sampled_from(names), unique=True, max_size=3))
    graph = a_graph(
        edges,
        root="n0",
        inactive_roots=tuple(name for name in others if name != "n0"),
        nodes=tuple(names),
    )
    leave = st.none() | st.sampled_from([*HANDLES, ""])
    return Case(graph, {name: draw(leave) for name in names})


def run(case: Case, picks: list[int]) -> tuple[Traversal, list[str]]:
    """Complete ready nodes in the order of `picks` until none is left."""
    traversal = Traversal(case.graph)
    ready = ["n0"]
    ran: list[str] = []
    while ready:
        node = ready.pop(picks[len(ran) % len(picks)] % len(ready))
        ran.append(node)
        leave = case.leaves[node]
        ready += traversal.settle(node, Leave.ALL if leave is None else leave).ready
    return traversal, ran


@given(cases(), st.lists(st.integers(0, 9), min_size=1))
def test_every_step_agrees_with_a_recursive_reading(case: Case, picks: list[int]) -> None:
    traversal, reading = Traversal(case.graph), Reading(case.graph)
    ready, ran = ["n0"], 0
    while ready:
        node = ready.pop(picks[ran % len(picks)] % len(ready))
        ran += 1
        leave = case.leaves[node]
        reading.order.clear()
        settled = traversal.settle(node, Leave.ALL if leave is None else leave)
        reading.leave(node, leave)

        assert settled.ready == [name for what, name in reading.order if what == "ready"]
        assert settled.skipped == [name for what, name in reading.order if what == "skipped"]
        ready += settled.ready

    named = {"waiting": "unknown", "ready": "queued", "done": "taken", "skipped": "skipped"}
    assert {node: named[state] for node, state in traversal.states.items()} == reading.nodes
    assert [str(state) for state in traversal.edge_states] == list(reading.edges.values())


@given(cases(), st.lists(st.integers(0, 9), min_size=1))
def test_each_node_runs_or_is_skipped_at_most_once_and_the_run_ends(
    case: Case, picks: list[int]
) -> None:
    traversal, ran = run(case, picks)

    assert len(ran) == len(set(ran)) <= len(case.graph.nodes)
    assert not set(ran) & set(traversal.skipped)


@given(cases(), st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
def test_the_states_do_not_depend_on_completion_order(
    case: Case, picks: list[int], other_picks: list[int]
) -> None:
    one, _ = run(case, picks)
    other, _ = run(case, other_picks)

    assert one.states == other.states
    assert one.edge_states == other.edge_states


@given(cases(), st.integers(0, 9))
def test_a_snapshot_goes_on_where_it_was_taken(case: Case, steps: int) -> None:
    traversal, ready = Traversal(case.graph), ["n0"]
    while ready:
        node, leave = ready[0], case.leaves[ready[0]]
        if not steps:
            traversal = Traversal(case.graph, traversal.snapshot())
        steps -= 1
        ready = ready[1:] + traversal.settle(node, Leave.ALL if leave is None else leave).ready

    assert traversal.snapshot() == run(case, [0])[0].snapshot()
