"""The ready queue over made-up graphs: whatever ends first, the same nodes run, once, in time."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from schema.traversal import EdgeState, Leave, NodeState
from tests.unit.schema.test_traversal import HANDLES, Case, a_graph
from workflows.scheduler import Scheduler

MOST_RETRIES = 3


@st.composite
def connected_cases(draw: st.DrawFn) -> Case:
    """Graphs without a cycle in which every node lies behind the start; some edges are double."""
    names = [f"n{i}" for i in range(draw(st.integers(1, 12)))]
    handles = st.sampled_from(HANDLES)
    edges: list[tuple[str, str] | tuple[str, str, str]] = []
    for index, name in enumerate(names[1:], start=1):
        before = st.sampled_from(names[:index])
        sources = draw(st.lists(st.tuples(before, handles), min_size=1, max_size=4))
        edges += [(source, name, handle) for source, handle in sources]
    graph = a_graph(draw(st.permutations(edges)), root="n0", nodes=tuple(names))
    leave = st.none() | handles
    return Case(graph, {name: draw(leave) for name in names})


@dataclass
class Played:
    """A run with several nodes at once, some of which are retried, in an order of its own."""

    scheduler: Scheduler
    ran: list[str] = field(default_factory=list)
    retried: int = 0
    values: dict[str, object] = field(default_factory=dict)
    """What each node would compute: it depends on everything that reached it."""

    @property
    def edges(self) -> Sequence[EdgeState]:
        return self.scheduler.traversal.edge_states

    def arrived(self, case: Case, name: str) -> tuple[object, ...]:
        """Values of the nodes from which taken edges come; nothing undecided may be among them."""
        incoming = [
            (edge, state)
            for edge, state in zip(case.graph.edges, self.edges, strict=True)
            if edge.target == name
        ]
        assert EdgeState.UNKNOWN not in {state for _, state in incoming}
        taken = [edge for edge, state in incoming if state is EdgeState.TAKEN]
        assert taken or name == "n0"
        return tuple((edge.source, edge.handle, self.values[edge.source]) for edge in taken)


def play(case: Case, dice: st.DataObject) -> Played:
    """Launch and end nodes as dice fall, until nothing is ready and nothing runs."""
    scheduler = Scheduler.start(case.graph)
    played, running = Played(scheduler), list[str]()
    while scheduler.has_ready or running:
        if scheduler.has_ready and (not running or dice.draw(st.booleans())):
            name = scheduler.take()
            played.values[name] = (name, played.arrived(case, name))
            running.append(name)
            continue
        name = running.pop(dice.draw(st.integers(0, len(running) - 1)))
        if played.retried < MOST_RETRIES and dice.draw(st.booleans()):
            played.retried += 1
            scheduler.requeue(name)
            continue
        played.ran.append(name)
        leave = case.leaves[name]
        scheduler.settle(name, Leave.ALL if leave is None else leave)
    return played


@given(connected_cases(), st.data())
def test_each_node_runs_or_is_skipped_exactly_once_and_never_early(
    case: Case, data: st.DataObject
) -> None:
    played = play(case, data)  # asserts before each start that every edge is decided

    skipped = played.scheduler.traversal.skipped
    assert sorted([*played.ran, *skipped]) == sorted(node.id for node in case.graph.nodes)
    assert set(played.scheduler.traversal.states.values()) <= {NodeState.DONE, NodeState.SKIPPED}
    assert EdgeState.UNKNOWN not in played.edges


@given(connected_cases(), st.data())
def test_what_runs_and_what_it_gets_do_not_depend_on_the_order_of_completion(
    case: Case, data: st.DataObject
) -> None:
    one, other = play(case, data), play(case, data)

    assert one.values == other.values
    assert one.edges == other.edges
    assert sorted(one.ran) == sorted(other.ran)
