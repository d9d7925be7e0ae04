"""When text flows and in which order: dify-nodes 2.14, vectors 11.11 and 11.12, the fixtures."""

import pytest

from schema.facts import ReasoningProduced, VariableUpdated
from schema.plan import AppMode, Plan, PlanGraph, PlanVariable
from tests.run_logs import (
    RunLog,
    a_node,
    a_plan,
    an_answer,
    an_end,
    begun,
    node_exec_id,
    two_models,
    visible_text,
)

# Vectors.


def test_vector_11_11_chunks_flow_in_template_order() -> None:
    log = begun(two_models())
    log.start("l1", src="l1")
    log.start("l2", src="l2")
    log.say("l1", "1", src="l1")
    log.say("l1", "2", src="l1")
    log.say("l1", "", final=True, src="l1")
    log.finish("l1", text="12", src="l1")
    log.say("l2", "x", src="l2")
    log.say("l2", "y", src="l2")
    log.say("l2", "", final=True, src="l2")
    log.finish("l2", text="xy", src="l2")
    log.run_node("answer", answer="A: 12 B: xy end")

    assert log.story() == [
        "workflow_started",
        "'A: '",
        "node_started start",
        "node_finished start",
        "node_started l1",
        "node_started l2",
        "'1'",
        "'2'",
        "''",
        "' B: '",
        "node_finished l1",
        "'x'",
        "'y'",
        "''",
        "' end'",
        "node_finished l2",
        "node_started answer",
        "node_finished answer",
    ]


def test_vector_11_11_a_model_that_finished_early_is_said_before_the_first_one_succeeds() -> None:
    log = begun(two_models())
    log.start("l1", src="l1")
    log.start("l2", src="l2")
    log.say("l2", "x", src="l2")
    log.say("l2", "y", src="l2")
    log.say("l2", "", final=True, src="l2")
    log.finish("l2", text="xy", src="l2")
    log.say("l1", "1", src="l1")
    log.say("l1", "", final=True, src="l1")
    log.finish("l1", text="1", src="l1")

    assert log.story()[4:] == [
        "node_started l1",
        "node_started l2",
        "node_finished l2",
        "'1'",
        "''",
        "' B: '",
        "'x'",
        "'y'",
        "''",
        "' end'",
        "node_finished l1",
    ]


def test_vector_11_11_an_answer_behind_a_classifier_is_said_before_the_classifier_succeeds() -> (
    None
):
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("qc", "question-classifier"),
            an_answer("one", "one"),
            an_answer("two", "two {{#qc.class_name#}} {{#qc.class_label#}}"),
        ],
        ["start>qc", "qc:1>one", "qc:2>two"],
    )
    log = begun(plan)
    log.run_node("qc", handle="2", class_name="c2 hi", class_label="CLASS 2")

    assert log.story()[4:] == [
        "'two '",
        "'c2 hi'",
        "' '",
        "'CLASS 2'",
        "node_finished qc",
    ]


def minimal_chatflow() -> Plan:
    remember = {"variable_selector": ["conversation", "seen"], "operation": "append"}
    return a_plan(
        [
            a_node("1001", "start"),
            a_node("1002", "if-else"),
            a_node("1003", "assigner", version="2", items=[remember]),
            an_answer("1004", "{{#env.GREETING#}} {{#sys.query#}} ({{#conversation.seen#}})"),
            an_answer("1005", "Hallo {{#sys.query#}}"),
        ],
        ["1001>1002", "1002:true>1003", "1003>1004", "1002:false>1005"],
        environment=(PlanVariable(name="GREETING", value_type="string", value="Hello"),),
        conversation=(PlanVariable(name="seen", value_type="array[string]", value=[]),),
    )


def test_vector_11_12_nothing_flows_before_the_assigner_has_finished() -> None:
    log = begun(minimal_chatflow(), root="1001")
    log.run_node("1002", handle="true")
    log.start("1003")
    log.add(
        VariableUpdated(
            at=log.now,
            node_exec_id=node_exec_id("1003"),
            node_id="1003",
            name="seen",
            value_type="array[string]",
            value=["hi"],
        )
    )
    log.finish("1003")

    assert log.story()[5:] == [
        "node_started 1003",
        "'Hello'",
        "' '",
        "'hi'",
        "' ('",
        "'- hi'",
        "')'",
        "node_finished 1003",
    ]


def test_vector_11_12_the_other_language_is_said_when_the_branch_is_taken() -> None:
    log = begun(minimal_chatflow(), root="1001")
    log.run_node("1002", handle="false")

    assert visible_text(log.events()) == "Hallo hi"


def test_fixture_passthrough_gives_one_chunk_before_the_start_node_succeeds() -> None:
    plan = a_plan(
        [a_node("start", "start"), an_end("end", ["start", "query"])],
        ["start>end"],
        AppMode.WORKFLOW,
    )
    log = begun(plan, query="X")
    log.run_node("end", o0="X")
    log.finish_run(outputs={"query": "X"})

    assert log.story() == [
        "workflow_started",
        "node_started start",
        "'X'",
        "node_finished start",
        "node_started end",
        "node_finished end",
        "workflow_finished",
    ]


@pytest.mark.parametrize(("handle", "chosen"), [("true", "yes"), ("false", "no")])
def test_fixture_branching_says_the_chosen_end_only(handle: str, chosen: str) -> None:
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("branch", "if-else"),
            an_end("yes", ["start", "query"]),
            an_end("no", ["start", "query"]),
        ],
        ["start>branch", "branch:true>yes", "branch:false>no"],
        AppMode.WORKFLOW,
    )
    log = begun(plan, query="hello")
    log.run_node("branch", handle=handle)
    log.run_node(chosen, o0="hello")

    assert log.story()[3:] == [
        "node_started branch",
        "'hello'",
        "node_finished branch",
        f"node_started {chosen}",
        f"node_finished {chosen}",
    ]


def test_fixture_iteration_says_its_list_when_the_container_has_finished() -> None:
    body = PlanGraph(root="inner", nodes=(a_node("inner", "tool"),), edges=())
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("it", "iteration", body),
            an_end("end", ["it", "output"]),
        ],
        ["start>it", "it>end"],
        AppMode.WORKFLOW,
    )
    log = begun(plan)
    log.run_node("it", output=["output: 1", "output: 2"])

    assert log.story()[-1:] == ["'- output: 1\\n- output: 2'"]


# Consequences.


def test_consequence_1_literal_text_is_said_before_anything_has_run() -> None:
    log = RunLog(two_models())
    log.start_run()

    assert log.story() == ["workflow_started", "'A: '"]


@pytest.mark.parametrize("blocker", ["if-else", "iteration", "human-input", "knowledge-index"])
def test_consequence_1_literal_text_behind_a_blocking_node_waits(blocker: str) -> None:
    plan = a_plan(
        [a_node("start", "start"), a_node("b", blocker), an_answer("answer", "hi")],
        ["start>b", "b:true>answer"],
    )
    log = begun(plan)
    assert visible_text(log.events()) == ""

    log.run_node("b", handle="true")

    assert visible_text(log.events()) == "hi"


def test_consequence_2_later_chunks_are_held_back_until_the_earlier_stream_is_closed() -> None:
    log = begun(two_models())
    log.say("l2", "x", src="l2")
    log.say("l2", "y", src="l2")
    log.say("l1", "1", src="l1")
    assert visible_text(log.events()) == "A: 1"

    log.say("l1", "", final=True, src="l1")

    assert visible_text(log.events()) == "A: 1 B: xy"


def parallel_answers() -> Plan:
    return a_plan(
        [
            a_node("start", "start"),
            a_node("l1", "llm"),
            a_node("l2", "llm"),
            an_answer("b", "first {{#l1.text#}} "),
            an_answer("a", "second {{#l2.text#}} "),
        ],
        ["start>l1", "start>l2", "l1>b", "l2>a"],
    )


def test_consequence_3_parallel_answers_speak_one_after_the_other_by_id() -> None:
    log = begun(parallel_answers())
    log.say("l1", "one", final=True, src="l1")
    log.finish("l1", text="one", src="l1")
    log.run_node("b", answer="first one ")
    assert visible_text(log.events()) == "second "

    log.say("l2", "two", final=True, src="l2")

    assert visible_text(log.events()) == "second two first one "


def test_consequence_3_the_answer_that_is_reachable_first_speaks_first() -> None:
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("ie1", "if-else"),
            a_node("ie2", "if-else"),
            an_answer("a", "second {{#l.text#}}"),
            an_answer("z", "first {{#l.text#}} "),
            a_node("l", "llm"),
        ],
        ["start>ie1", "start>ie2", "start>l", "ie1:true>z", "ie2:true>a"],
    )
    log = begun(plan)
    log.run_node("ie1", handle="true")
    log.run_node("ie2", handle="true")
    log.say("l", "x", final=True, src="l")

    assert visible_text(log.events()) == "first x second x"


def test_consequence_3_the_final_answer_keeps_the_order_of_completion() -> None:
    log = begun(parallel_answers())
    log.say("l1", "one", final=True, src="l1")
    log.finish("l1", text="one", src="l1")
    log.say("l2", "two", final=True, src="l2")
    log.finish("l2", text="two", src="l2")
    log.finish_run(outputs={"answer": "first one second two "})

    events = log.events()

    assert visible_text(events) == "second two first one "
    assert events[-1].data["data"]["outputs"] == {"answer": "first one second two "}


def test_consequence_4_an_answer_behind_an_answer_waits_for_the_edge_between_them() -> None:
    plan = a_plan(
        [a_node("start", "start"), an_answer("one", "1"), an_answer("two", "2")],
        ["start>one", "one>two"],
    )
    log = begun(plan)
    assert visible_text(log.events()) == "1"

    log.run_node("one", answer="1")

    assert visible_text(log.events()) == "12"


def test_consequence_5_a_value_that_never_comes_silences_all_later_sessions() -> None:
    plan = a_plan(
        [
            a_node("start", "start"),
            an_answer("a", "x {{#start.nothing#}}"),
            an_answer("b", "never said"),
        ],
        ["start>a", "start>b"],
    )
    log = begun(plan)
    log.run_node("a", answer="x start.nothing")
    log.run_node("b", answer="never said")
    log.finish_run(outputs={"answer": "x start.nothingnever said"})

    events = log.events()

    assert visible_text(events) == "x "
    assert events[-1].data["data"]["outputs"]["answer"] == "x start.nothingnever said"


def test_consequence_6_chunks_that_no_response_node_names_are_dropped() -> None:
    plan = a_plan(
        [a_node("start", "start"), a_node("l1", "llm"), an_answer("answer", "done")],
        ["start>l1", "l1>answer"],
    )
    log = begun(plan)
    log.say("l1", "secret thoughts", final=True, src="l1")

    assert visible_text(log.events()) == "done"


def test_consequence_7_an_empty_final_chunk_is_passed_on() -> None:
    log = begun(two_models())
    log.say("l1", "", final=True, src="l1")

    assert log.story()[-2:] == ["''", "' B: '"]


def test_consequence_8_text_comes_before_the_end_of_the_node_that_completes_it() -> None:
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("t", "template-transform"),
            an_answer("a", "{{#t.output#}}"),
        ],
        ["start>t", "t>a"],
    )
    log = begun(plan)
    log.run_node("t", output="text")

    assert log.story()[-2:] == ["'text'", "node_finished t"]


def test_consequence_9_special_values_are_said_as_soon_as_the_answer_speaks() -> None:
    plan = a_plan([a_node("start", "start"), an_answer("a", "{{#sys.query#}}")], ["start>a"])
    log = RunLog(plan)
    log.start_run()

    event = log.events()[-1]

    assert event.data["answer"] == "hi"
    assert event.data["from_variable_selector"] == ["sys", "query"]


def test_consequence_10_text_inside_containers_is_not_streamed() -> None:
    inner = PlanGraph(
        root="l", nodes=(a_node("l", "llm"), an_answer("said", "in {{#l.text#}}")), edges=()
    )
    plan = a_plan(
        [
            a_node("start", "start"),
            a_node("it", "iteration", inner),
            an_answer("a", "{{#l.text#}}"),
        ],
        ["start>it", "it>a"],
    )
    log = begun(plan)
    log.say("l", "x", final=True, src="l")
    log.run_node("said", answer="in x")
    log.run_node("it", output=["x"])

    assert visible_text(log.events()) == ""


def test_consequence_11_reasoning_flows_only_beside_the_text_of_its_node() -> None:
    log = begun(parallel_answers())
    for node_id in ("l1", "l2", "start"):
        log.add(
            ReasoningProduced(
                at=log.now, node_exec_id=node_exec_id(node_id), node_id=node_id, text="hm"
            )
        )

    assert log.story()[-2:] == ["reasoning_chunk l1", "reasoning_chunk l2"]
    assert visible_text(log.events()) == "second "
