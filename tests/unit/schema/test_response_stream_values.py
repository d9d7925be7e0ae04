"""Which text a value becomes, and where values come from (dify-nodes 2.14)."""

from itertools import pairwise

import pytest

from schema.plan import AppMode, PlanGraph, PlanVariable
from schema.response_stream import RunInfo
from tests.run_logs import (
    RUN_ID,
    RunLog,
    a_node,
    a_plan,
    an_answer,
    an_end,
    begun,
    two_models,
    visible_text,
)


def test_a_value_whose_source_was_skipped_is_left_out() -> None:
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("ie", "if-else"),
            a_node("yes", "template-transform"),
            a_node("no", "template-transform"),
            an_answer("a", "[{{#yes.output#}}{{#no.output#}}]"),
        ],
        ["start>ie", "ie:true>yes", "ie:false>no", "yes>a", "no>a"],
    )
    log = begun(plan)
    log.run_node("ie", handle="false")
    log.run_node("no", output="N")

    assert visible_text(log.events()) == "[N]"


@pytest.mark.parametrize(
    ("selectors", "text"),
    [
        ([["start", "a"], ["start", "b"]], "1\n2"),
        ([["start", "a"], []], "1"),
        ([[], ["start", "a"]], "\n1"),
        ([["start", "a"], [], ["start", "b"]], "1\n\n2"),
        ([], ""),
    ],
)
def test_an_end_says_its_values_line_by_line(selectors: list[list[str]], text: str) -> None:
    plan = a_plan(
        [a_node("start", "start"), an_end("end", *selectors)], ["start>end"], AppMode.WORKFLOW
    )

    assert visible_text(begun(plan, a=1, b="2").events()) == text


def test_values_are_said_as_markdown() -> None:
    plan = a_plan([a_node("start", "start"), an_answer("a", "{{#start.list#}}")], ["start>a"])

    assert visible_text(begun(plan, list=["x", "y"]).events()) == "- x\n- y"


def test_literal_text_is_attributed_to_its_node() -> None:
    log = RunLog(two_models())
    log.start_run()

    assert log.events()[-1].data["from_variable_selector"] == ["answer", "answer"]


def test_a_value_inside_an_object_is_found_by_its_path() -> None:
    plan = a_plan([a_node("start", "start"), an_answer("a", "{{#start.o.k#}}")], ["start>a"])

    assert visible_text(begun(plan, o={"k": 1.0}).events()) == "1.0"


def test_a_failed_try_leaves_its_chunks_and_the_next_one_adds_its_own() -> None:
    log = begun(two_models())
    log.start("l1", src="l1@1")
    log.say("l1", "par", src="l1@1")
    log.start("l1", attempt=2, src="l1@2")
    log.say("l1", "whole", attempt=2, final=True, src="l1@2")
    log.finish("l1", attempt=2, src="l1@2", text="whole")

    assert visible_text(log.events()) == "A: parwhole B: "


def test_a_default_value_follows_the_chunks_of_the_node_that_failed() -> None:
    log = begun(two_models("{{#l1.text#}}."))
    log.say("l1", "par", src="l1")
    log.finish("l1", text="default", src="l1")

    assert visible_text(log.events()) == "pardefault."


def test_every_session_says_the_whole_of_a_shared_stream() -> None:
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("l", "llm"),
            an_answer("a", "{{#l.text#}}"),
            an_answer("b", "{{#l.text#}}"),
        ],
        ["start>l", "l>a", "a>b"],
    )
    log = begun(plan)
    log.say("l", "x", final=True, src="l")
    log.finish("l", text="x", src="l")
    log.run_node("a", answer="x")

    assert visible_text(log.events()) == "xx"


def test_values_of_loop_children_are_visible_after_the_loop() -> None:
    inner = PlanGraph(root="t", nodes=(a_node("t", "template-transform"),), edges=())
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("loop", "loop", inner),
            an_answer("a", "{{#t.output#}} {{#loop.c#}}"),
        ],
        ["start>loop", "loop>a"],
    )
    log = begun(plan)
    log.run_node("t", output="inner")
    log.run_node("loop", c=2)

    assert visible_text(log.events()) == "inner 2"


def test_an_environment_value_of_the_run_replaces_the_definition() -> None:
    plan = a_plan(
        [a_node("start", "start"), an_answer("a", "{{#env.NAME#}}")],
        ["start>a"],
        environment=(PlanVariable(name="NAME", value_type="string", value="old"),),
    )
    log = RunLog(plan)
    log.start_run()

    assert visible_text(log.events(RunInfo(RUN_ID, environment={"NAME": "new"}))) == "new"


def test_a_wide_graph_with_many_paths_is_searched_once() -> None:
    layers = [["start"], *([f"n{layer}_{i}" for i in range(4)] for layer in range(40)), ["last"]]
    nodes = [a_node("start", "start")]
    nodes += [a_node(n, "template-transform") for layer in layers[1:-1] for n in layer]
    nodes.append(an_answer("last", "reached"))
    edges = [f"{a}>{b}" for one, two in pairwise(layers) for a in one for b in two]
    log = RunLog(a_plan(nodes, edges))
    log.start_run()

    assert visible_text(log.events()) == "reached"
