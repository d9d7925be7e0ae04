"""The one object that says how a run went."""

import json
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

import schema
from schema.facts import (
    CommandRefused,
    NodeFailed,
    NodeHeld,
    NodeRetried,
    RunPaused,
    RunReset,
    VariableUpdated,
)
from schema.plan import Plan, PlanVariable
from schema.response_stream import fold_result, references_of_result
from schema.runs import NodeExecutionStatus, RunStatus
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import to_wire
from schema.values.segments import Segment, SegmentType
from tests.run_logs import RUN, RunLog, a_node, a_plan, an_answer, begun, node_exec_id

SHAPE = json.loads((Path(schema.__path__[0]) / "run-result.schema.json").read_text())
REFERENCE = ArtifactRef("a" * 64, 70_000, "application/json", "string", "Once")


def a_chatflow() -> Plan:
    return a_plan(
        [
            a_node("start", "start"),
            a_node("ie", "if-else"),
            a_node("http", "tool"),
            an_answer("yes", "yes"),
            an_answer("no", "no"),
        ],
        ["start>ie", "ie:true>http", "http>yes", "ie:false>no"],
        conversation=(
            PlanVariable(name="seen", value_type="array[string]", value=[]),
            PlanVariable(name="count", value_type="number", value=0),
        ),
    )


def about(node_id: str) -> dict[str, Any]:
    return {"at": 1_700_000_010.0, "node_exec_id": node_exec_id(node_id), "node_id": node_id}


def result_of(log: RunLog, **stored: Any) -> dict[str, Any]:
    result = fold_result(log.plan, RUN, log.entries, **stored)
    Draft202012Validator(SHAPE).validate(result)
    return result


def test_a_finished_run_lists_its_tries_in_order_of_their_end() -> None:
    log = begun(a_chatflow())
    log.run_node("ie", handle="true")
    log.start("http", src="http@1")
    log.add(NodeFailed(**about("http"), error="404", outputs={"status_code": 404}), "http@1")
    log.add(NodeRetried(**about("http"), retry_index=1, error="404", error_type="E"))
    log.start("http", attempt=2, src="http@2")
    log.finish("http", attempt=2, src="http@2", body="b")
    log.run_node("yes", answer="yes")
    log.finish_run(
        RunStatus.PARTIAL_SUCCEEDED,
        outputs={"answer": "yes"},
        exceptions_count=1,
        total_steps=5,
        total_tokens=3,
    )

    result = result_of(log)

    assert [(n["node_id"], n["attempt"], n["status"]) for n in result["nodes"]] == [
        ("start", 1, "succeeded"),
        ("ie", 1, "succeeded"),
        ("http", 1, "retry"),
        ("http", 2, "succeeded"),
        ("yes", 1, "succeeded"),
    ]
    assert result["nodes"][1]["edge_source_handle"] == "true"
    assert result["nodes"][2]["outputs"] == {"status_code": 404}
    assert result["nodes"][2]["error_type"] == "E"
    assert result["skipped"] == ["no"]
    assert result["status"] == "partial-succeeded"
    assert result["outputs"] == {"answer": "yes"}
    assert (result["exceptions_count"], result["total_steps"], result["total_tokens"]) == (1, 5, 3)


def test_conversation_variables_are_those_after_the_run() -> None:
    log = begun(a_chatflow())
    log.add(VariableUpdated(**about("ie"), name="seen", value_type="array[string]", value=["hi"]))
    log.finish_run(outputs={})

    assert result_of(log)["conversation"] == {"seen": ["hi"], "count": 0}


def test_a_running_run_gives_what_is_known() -> None:
    log = begun(a_chatflow())
    log.start("ie")

    result = result_of(log)

    assert (result["status"], result["outputs"], result["total_steps"]) == ("running", None, 2)
    assert [node["status"] for node in result["nodes"]] == ["succeeded", "running"]


def test_a_paused_run_says_why() -> None:
    log = begun(a_chatflow())
    reasons = [{"type": "scheduled_pause", "message": "lunch"}]
    log.add(RunPaused(at=log.now, reasons=reasons, outputs={}))

    result = result_of(log)

    assert (result["status"], result["pause_reasons"]) == ("paused", reasons)


def test_a_held_node_is_listed_as_held_and_its_next_try_closes_it() -> None:
    log = begun(a_chatflow())
    log.start("http")
    log.add(NodeHeld(**about("http"), path="http", error="no"))
    assert result_of(log)["nodes"][-1]["status"] == "held"

    log.start("http", attempt=2)

    assert [node["status"] for node in result_of(log)["nodes"][1:]] == ["failed", "running"]


def test_nodes_that_ran_when_the_run_failed_are_marked_failed() -> None:
    log = begun(a_chatflow())
    log.start("http")
    log.start("ie")
    log.finish("ie", status=NodeExecutionStatus.FAILED)
    log.finish_run(RunStatus.FAILED, error="boom")

    nodes = result_of(log)["nodes"]

    assert [(n["node_id"], n["status"], n["error"]) for n in nodes[1:]] == [
        ("ie", "failed", None),
        ("http", "failed", "boom"),
    ]


def test_what_a_reset_undid_is_not_in_the_result() -> None:
    log = begun(a_chatflow())
    log.run_node("ie", handle="true")
    log.add(RunReset(at=log.now, old_src="t1/wf", after=3), src="t2/wf/reset")
    log.numbers["t2/wf"] = 3
    log.finish("ie", handle="false", src="t2/wf")

    result = result_of(log)

    assert [node["edge_source_handle"] for node in result["nodes"]] == ["source", "false"]
    assert result["skipped"] == ["http", "yes"]


def test_prices_are_summed_as_decimals() -> None:
    log = begun(a_chatflow())
    for node_id in ("ie", "http"):
        log.start(node_id)
        log.finish(node_id)
        metadata = {"total_price": "0.1", "currency": "USD", "total_tokens": 2}
        fact = log.entries[-1].fact.model_copy(update={"metadata": metadata})
        log.entries[-1] = log.entries[-1].model_copy(update={"fact": fact})

    result = result_of(log)

    assert (result["total_price"], result["currency"], result["total_tokens"]) == ("0.2", "USD", 4)


def test_inv_15_stored_values_are_shown_whole_or_by_their_preview() -> None:
    log = begun(a_chatflow(), query=to_wire(REFERENCE))
    log.finish_run(outputs={"answer": to_wire(REFERENCE)})
    stored = {REFERENCE: Segment(SegmentType.STRING, "Once upon a time")}

    assert references_of_result(log.plan, RUN, log.entries) == [REFERENCE]
    assert result_of(log)["outputs"] == {"answer": "Once"}
    assert result_of(log, stored=stored)["outputs"] == {"answer": "Once upon a time"}


def test_a_command_that_came_too_late_does_not_make_the_run_longer() -> None:
    log = begun(a_chatflow())
    log.finish_run()
    before = result_of(log)
    late = CommandRefused(at=log.now + 60, command_id="c1", command="pause", reason="run ended")
    log.add(late, src="command/c1")

    assert result_of(log) == before
