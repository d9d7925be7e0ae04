"""What operators see of a run in the Temporal Web UI."""

from schema.runs import RunStatus
from schema.traversal import Leave
from tests.factories import a_chain, a_run_input
from workflows.details import describe
from workflows.run_state import RunState


def test_the_table_shows_titles_and_states_and_never_values() -> None:
    state = RunState.of_run(a_run_input(a_chain(2), inputs={"q": "a value"}))
    state.scheduler.take()
    state.scheduler.settle("start", Leave.ALL)
    state.scheduler.take()

    text = describe(state, RunStatus.RUNNING, [])

    assert "| Start | `start` | done |" in text
    assert "| T0 | `template-transform` | running |" in text
    assert "| T1 | `template-transform` |  |" in text
    assert "a value" not in text


def test_an_author_s_title_is_no_markup_and_a_large_graph_is_cut() -> None:
    plan = a_chain(200)
    nodes = plan.graph.nodes
    evil = nodes[0].data.model_copy(update={"title": "a|b\n<script>" + "x" * 100})
    first = nodes[0].model_copy(update={"data": evil})
    graph = plan.graph.model_copy(update={"nodes": (first, *nodes[1:])})
    state = RunState.of_run(a_run_input(plan.model_copy(update={"graph": graph})))

    text = describe(state, RunStatus.PAUSED, ["t0"])

    assert r"| a\|b \<script\>x" in text
    assert "waits for a retry" in text
    assert "and 102 more" in text
