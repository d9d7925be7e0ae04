"""What a node failure means (dify-nodes 2.7, 2.8, 11.4)."""

from typing import Any

import pytest

from schema.errors import ConditionFailed
from schema.plan import PlanNode
from tests.factories import a_branch, a_node, a_request
from workflows.failures import Absorbed, Fatal, Retry, consequence_of, result_of_error
from workflows.nodes.base import NodeResult

FAILED = NodeResult(error="boom", error_type="HTTPResponseCodeError", inputs={"a": 1})


def a_plan_node(node_type: str, **data: Any) -> PlanNode:
    entry = a_request("n", "http://a", **data) if node_type == "http-request" else None
    entry = entry or a_node("n", node_type, **data)
    return PlanNode(id="n", public_id="n", data=entry["data"])


def test_without_a_strategy_the_run_fails_with_the_node_s_text() -> None:
    assert consequence_of(a_plan_node("end", outputs=[]), FAILED, 1) == Fatal("boom")


def test_fail_branch_receives_error_message_and_type_and_keeps_inputs() -> None:
    node = a_plan_node("list-operator", error_strategy="fail-branch")

    match consequence_of(node, FAILED, 1):
        case Absorbed(result):
            assert {n: s.value for n, s in result.outputs.items()} == {
                "error_message": "boom",
                "error_type": "HTTPResponseCodeError",
            }
            assert result.handle == "fail-branch"
            assert result.inputs == {"a": 1}
            assert result.metadata == {"error_strategy": "fail-branch"}
        case other:
            pytest.fail(f"not absorbed: {other}")


def test_default_value_gives_the_configured_outputs_converted_11_4() -> None:
    node = a_plan_node(
        "http-request",
        error_strategy="default-value",
        default_value=[
            {"key": "result", "type": "array[string]", "value": '["d"]'},
            {"key": "n", "type": "number", "value": "1"},
        ],
    )

    match consequence_of(node, FAILED, 1):
        case Absorbed(result):
            outputs = {name: segment.value for name, segment in result.outputs.items()}
            assert outputs["result"] == ["d"]
            assert (outputs["n"], type(outputs["n"])) == (1.0, float)
            assert set(outputs) == {"result", "n", "error_message", "error_type"}
            assert result.handle == "source"
        case other:
            pytest.fail(f"not absorbed: {other}")


def test_default_value_on_a_branch_node_fails_the_run_11_4() -> None:
    entry = a_branch("ie", ["s", "x"], "is", "a", error_strategy="default-value")
    node = PlanNode(id="ie", public_id="ie", data=entry["data"])

    assert consequence_of(node, FAILED, 1) == Fatal(
        "Branch node ie completed without selecting a branch"
    )


def test_only_four_types_honour_the_author_s_retries() -> None:
    retries = {"retry_enabled": True, "max_retries": 2, "retry_interval": 1500}

    assert consequence_of(a_plan_node("llm", retry_config=retries), FAILED, 1) == Retry(1.5, 1)
    assert consequence_of(a_plan_node("llm", retry_config=retries), FAILED, 2) == Retry(1.5, 2)
    assert consequence_of(a_plan_node("llm", retry_config=retries), FAILED, 3) == Fatal("boom")
    assert consequence_of(a_plan_node("agent", retry_config=retries), FAILED, 1) == Fatal("boom")


def test_an_error_of_ours_is_a_failed_try_and_a_bug_is_not() -> None:
    failed = result_of_error(ConditionFailed("no"))

    assert (failed.error, failed.error_type) == ("no", "WorkflowNodeError")
    with pytest.raises(KeyError):
        result_of_error(KeyError("bug"))
