"""Vectors of dify-nodes 11.4, 11.11 and 11.12, end to end; each test carries its id.

Nodes that this version does not run (list-operator, assigner, models) are substitutes
that fail or give what the vector says of them.
"""

import json
from typing import Any

import pytest

from api.run_requests import RunRequest
from schema.dsl import compile_definition, read_definition
from schema.plan import AppMode, Plan, PlanVariable
from schema.runs import NodeExecutionStatus, RunStatus
from tests.documents import a_document
from tests.factories import (
    a_branch,
    a_node,
    a_plan,
    a_start,
    a_substitute,
    a_template,
    an_answer,
    an_end,
)
from tests.run_logs import tell, visible_text
from tests.server.harness import RunHarness, exactly

pytestmark = pytest.mark.anyio

MISSING = "Variable not found for selector: ['start', 'zz']"
CHAT = AppMode.ADVANCED_CHAT


def list_answers(handle: str = "source", **substitute: Any) -> Plan:
    """Start, a list-operator, an answer behind it and one behind its failure."""
    return a_plan(
        [
            a_start("start"),
            a_substitute("list", "list-operator", error_strategy="fail-branch", **substitute),
            an_answer("good", "good"),
            an_answer("bad", "{{#list.error_message#}}|{{#list.error_type#}}"),
        ],
        [("start", "list"), ("list", "good", handle), ("list", "bad", "fail-branch")],
        mode=CHAT,
    )


async def test_11_4_fail_branch_runs_only_the_answer_behind_it(runs: RunHarness) -> None:
    run = await runs.run(list_answers(error=MISSING))

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.result.exceptions_count == 1
    assert run.outputs == {"answer": f"{MISSING}|", "files": []}
    assert run.node("list").outputs == {"error_message": MISSING, "error_type": ""}
    assert run.folded()["skipped"] == ["good"]


async def test_11_4_the_handle_success_branch_leads_nowhere(runs: RunHarness) -> None:
    run = await runs.run(list_answers("success-branch", outputs={"result": ["a"]}))

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {}
    assert list(run.finished_nodes()) == ["start", "list"]


async def test_11_4_default_value_gives_converted_outputs(runs: RunHarness) -> None:
    defaults = [
        {"key": "result", "type": "array[string]", "value": '["d"]'},
        {"key": "n", "type": "number", "value": "1"},
    ]
    fields = {"error_strategy": "default-value", "default_value": defaults}
    names = ("result", "n", "error_message", "error_type")
    plan = a_plan(
        [
            a_start("start"),
            a_substitute("list", "list-operator", error=MISSING, **fields),
            an_end("end", **{name: ["list", name] for name in names}),
        ],
        [("start", "list"), ("list", "end")],
    )

    run = await runs.run(plan)

    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert exactly(run.outputs) == exactly(
        {"result": ["d"], "n": 1.0, "error_message": MISSING, "error_type": ""}
    )
    assert run.finished_nodes()["list"] is NodeExecutionStatus.EXCEPTION


async def test_11_4_default_value_on_a_failing_if_else_fails_the_run(runs: RunHarness) -> None:
    branch = a_branch("ie", ["s", "zz"], "is", "x", error_strategy="default-value")
    plan = a_plan([a_start("s"), branch, an_end("e")], [("s", "ie"), ("ie", "e", "true")])

    run = await runs.run(plan)

    assert run.status is RunStatus.FAILED
    assert run.result.error == "Branch node ie completed without selecting a branch"


async def test_11_4_an_unconnected_node_blocks_the_end(runs: RunHarness) -> None:
    plan = a_plan(
        [
            a_start("s", "q"),
            a_template("t", "{{ q }}", q=["s", "q"]),
            a_template("lost", "x"),
            an_end("e", x=["t", "output"]),
        ],
        [("s", "t"), ("t", "e"), ("lost", "e")],
    )

    run = await runs.run(plan, inputs={"q": "x"})

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {}
    assert list(run.finished_nodes()) == ["s", "t"]


async def test_11_4_a_chosen_handle_without_an_edge_ends_the_run(runs: RunHarness) -> None:
    plan = a_plan(
        [a_start("s", "q"), a_branch("b", ["s", "q"], "is", "x"), an_end("e", q=["s", "q"])],
        [("s", "b"), ("b", "e", "true")],
    )

    run = await runs.run(plan, inputs={"q": "y"})

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {}


async def test_11_4_a_failure_of_the_node_s_own_type_fails_the_run(runs: RunHarness) -> None:
    """A list-operator with the serial number 0; its substitute gives the failure itself."""
    failure = {"error": "Invalid serial index: 0", "error_type": "WorkflowNodeError"}
    plan = a_plan(
        [a_start("s"), a_substitute("list", "list-operator", **failure), an_end("e")],
        [("s", "list"), ("list", "e")],
    )

    run = await runs.run(plan)

    assert run.status is RunStatus.FAILED
    assert (run.result.error, run.node("list").error_type) == tuple(failure.values())


async def test_11_4_answers_and_an_output_called_answer_are_joined(runs: RunHarness) -> None:
    end = an_end("end", answer=["sys", "query"], x=["start", "missing"])
    plan = a_plan(
        [a_start("start"), an_answer("a1", "A1"), an_answer("a2", "A2"), end],
        [("start", "a1"), ("start", "a2"), ("a2", "end")],
        mode=CHAT,
    )

    run = await runs.run(plan, system={"query": "Q"})

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"answer": "A1A2Q", "files": [], "x": None}


async def test_11_4_an_edge_whose_handle_is_null_is_ignored(runs: RunHarness) -> None:
    edge = {"source": "s", "target": "e", "sourceHandle": None, "targetHandle": "target"}
    document = a_document([a_start("s", "q"), an_end("e", q=["s", "q"])], [edge])
    compilation = compile_definition(read_definition(document))
    assert compilation.plan is not None

    run = await runs.run_request(RunRequest(plan=compilation.plan, inputs={"q": "x"}))

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {}
    assert list(run.finished_nodes()) == ["s"]


async def test_11_4_a_group_of_an_aggregator_in_a_template(runs: RunHarness) -> None:
    groups = [
        {"group_name": "G1", "output_type": "string", "variables": [["s", "a"]]},
        {"group_name": "G2", "output_type": "string", "variables": [["s", "zz"]]},
    ]
    settings = {"group_enabled": True, "groups": groups}
    plan = a_plan(
        [
            a_start("s", "a"),
            a_node("ag", "variable-aggregator", variables=[], advanced_settings=settings),
            an_answer("one", "{{#ag.G1.output#}}|{{#ag.G2.output#}}|{{#ag.G1#}}"),
        ],
        [("s", "ag"), ("ag", "one")],
        mode=CHAT,
    )

    run = await runs.run(plan, inputs={"a": "x"})

    assert run.outputs is not None
    plain, absent, group = run.outputs["answer"].split("|")
    assert (plain, absent) == ("x", "ag.G2.output")
    assert json.loads(group)["output"]["value"] == "x"


async def test_11_11_literal_text_is_said_before_start_and_values_in_template_order(
    runs: RunHarness,
) -> None:
    """Both models are substitutes that give their text at once, so it comes in one chunk each."""
    plan = a_plan(
        [
            a_start("s"),
            a_substitute("l1", "llm", sleep=0.3, outputs={"text": "12"}),
            a_substitute("l2", "llm", outputs={"text": "xy"}),
            an_answer("a", "A: {{#l1.text#}} B: {{#l2.text#}} end"),
        ],
        [("s", "l1"), ("s", "l2"), ("l1", "a"), ("l2", "a")],
        mode=CHAT,
    )

    run = await runs.run(plan)

    told = [tell(event) for event in run.events()]
    assert told[:3] == ["workflow_started", "'A: '", "node_started s"]
    held_back = told.index("node_finished l2")
    said = told.index("'12'")
    assert held_back < said
    assert told[said : said + 5] == ["'12'", "' B: '", "'xy'", "' end'", "node_finished l1"]
    assert run.outputs == {"answer": "A: 12 B: xy end", "files": []}


async def test_11_11_an_answer_behind_a_classifier_is_said_before_it_succeeds(
    runs: RunHarness,
) -> None:
    outputs = {"class_name": "c2 hi", "class_label": "CLASS 2"}
    plan = a_plan(
        [
            a_start("s"),
            a_substitute("qc", "question-classifier", handle="2", outputs=outputs),
            an_answer("one", "one"),
            an_answer("two", "two {{#qc.class_name#}} {{#qc.class_label#}}"),
        ],
        [("s", "qc"), ("qc", "one", "1"), ("qc", "two", "2")],
        mode=CHAT,
    )

    run = await runs.run(plan)

    told = [tell(event) for event in run.events()]
    end = told.index("node_finished qc")
    assert told[end - 4 : end] == ["'two '", "'c2 hi'", "' '", "'CLASS 2'"]
    assert run.folded()["skipped"] == ["one"]


def minimal_chatflow() -> Plan:
    """The complete example, whose assigner is a substitute: it remembers nothing."""
    remember = {"variable_selector": ["conversation", "seen"], "operation": "append"}
    return a_plan(
        [
            a_start("1001", "lang"),
            a_branch("1002", ["1001", "lang"], "is", "en"),
            a_node("1003", "assigner", version="2", items=[remember], substitute={}),
            an_answer("1004", "{{#env.GREETING#}} {{#sys.query#}} ({{#conversation.seen#}})"),
            an_answer("1005", "Hallo {{#sys.query#}}"),
        ],
        [
            ("1001", "1002"),
            ("1002", "1003", "true"),
            ("1003", "1004"),
            ("1002", "1005", "false"),
        ],
        mode=CHAT,
        environment=[PlanVariable(name="GREETING", value_type="string", value="Hello")],
        conversation=[PlanVariable(name="seen", value_type="array[string]", value=[])],
    )


async def test_11_12_the_example_in_german(runs: RunHarness) -> None:
    run = await runs.run(minimal_chatflow(), inputs={"lang": "de"}, system={"query": "hi"})

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"answer": "Hallo hi", "files": []}
    assert run.folded()["conversation"] == {"seen": []}
    assert run.folded()["skipped"] == ["1003", "1004"]
    assert visible_text(run.events()) == "Hallo hi"


async def test_11_12_the_example_in_english_says_nothing_before_its_assigner_has_run(
    runs: RunHarness,
) -> None:
    """What the assigner appends is missing from the text, since its substitute writes nothing."""
    run = await runs.run(minimal_chatflow(), inputs={"lang": "en"}, system={"query": "hi"})

    told = [tell(event) for event in run.events()]
    assert run.outputs == {"answer": "Hello hi ()", "files": []}
    assert told.index("'Hello'") > told.index("node_started 1003")
    assert visible_text(run.events()) == "Hello hi ()"
