"""The pool holds what a run knows, by node id and name (dify-nodes 3.1)."""

import pytest

from schema.errors import VariableNotFound
from schema.plan import PlanVariable
from schema.selectors import Selector
from schema.values.segments import Segment, SegmentType
from tests.factories import a_plan, a_run_input, a_start, an_end
from workflows.variable_pool import VariablePool


def a_pool() -> VariablePool:
    plan = a_plan(
        [a_start("s", "q"), an_end("e")],
        [("s", "e")],
        environment=[
            PlanVariable(name="URL", value_type="string", value="u"),
            PlanVariable(name="KEY", value_type="secret"),
        ],
        conversation=[PlanVariable(id="1", name="seen", value_type="array[string]", value=[])],
    )
    run = a_run_input(plan, inputs={"q": "hi"}, system={"user_id": "U"}, environment={"URL": "v"})
    return VariablePool.of_run(run)


def test_inputs_system_environment_and_conversation_variables_are_there_before_the_start() -> None:
    assert a_pool().names() == ["s.q", "sys.user_id", "env.URL", "conversation.seen"]


def test_a_given_environment_value_replaces_the_definition_s() -> None:
    assert a_pool().require(Selector("env", "URL")).value == "v"


def test_a_secret_variable_is_never_in_the_pool() -> None:
    with pytest.raises(VariableNotFound, match="KEY"):
        a_pool().require(Selector("env", "KEY"))


def test_overwriting_changes_value_type_and_size() -> None:
    pool = a_pool()
    assert pool.size(Selector("s", "q")) == 2
    pool.put("s", "q", Segment.infer([1, 2, 3]))

    assert pool.require(Selector("s", "q")).type == "array[number]"
    assert pool.size(Selector("s", "q")) > 2


def test_a_snapshot_restores_values_with_their_types() -> None:
    pool = a_pool()
    pool.put("n", "empty", Segment.expect(SegmentType.ARRAY_STRING, []))

    restored = VariablePool.restore(pool.snapshot())

    assert restored.names() == pool.names()
    assert restored.require(Selector("n", "empty")).type == "array[string]"
