"""The pool holds what a run knows, by node id and name (dify-nodes 3.1)."""

import pytest

from schema.errors import VariableNotFound
from schema.plan import SECRETS_NODE, PlanSecret, PlanVariable
from schema.runs import RunInput
from schema.selectors import Selector
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, SegmentType
from tests.factories import a_plan, a_run_input, a_start, an_end
from workflows.variable_pool import VariablePool


def a_run() -> RunInput:
    plan = a_plan(
        [a_start("s", "q"), an_end("e")],
        [("s", "e")],
        environment=[
            PlanVariable(name="URL", value_type="string", value="u"),
            PlanVariable(name="KEY", value_type="secret"),
        ],
        conversation=[PlanVariable(id="1", name="seen", value_type="array[string]", value=[])],
    )
    return a_run_input(
        plan,
        inputs={"q": "hi"},
        system={"user_id": "U"},
        environment={"URL": "v"},
        secrets={"env.KEY": "****"},
    )


def a_pool() -> VariablePool:
    return VariablePool.of_run(a_run())


def test_inputs_system_environment_and_conversation_variables_are_there_before_the_start() -> None:
    assert a_pool().names() == [
        *("s.q", "sys.user_id", "env.URL", "env.KEY", "conversation.seen"),
    ]


def test_a_given_environment_value_replaces_the_definition_s() -> None:
    assert a_pool().require(Selector("env", "URL")).value == "v"


def test_inv_17_a_secret_variable_is_its_reference() -> None:
    found = a_pool().require(Selector("env", "KEY"))

    assert found == Segment(SegmentType.SECRET, SecretRef("env.KEY", "****"))


def test_a_secret_that_the_run_was_not_given_is_a_reference_too() -> None:
    pool = VariablePool.of_run(a_run().model_copy(update={"secrets": {}}))

    assert pool.require(Selector("env", "KEY")).value == SecretRef("env.KEY", "")


def test_inv_17_a_literal_secret_is_selected_and_is_no_variable_of_the_author() -> None:
    secret = PlanSecret(node_id=SECRETS_NODE, variable="s1")
    plan = a_plan([a_start("s"), an_end("e")], [("s", "e")])
    plan = plan.model_copy(update={"secrets": (secret,)})
    run = a_run_input(plan, secrets={"literal.s1": "****"})
    selector = Selector(SECRETS_NODE, "s1")

    for pool in (VariablePool.of_run(run), VariablePool.restore(run, ())):
        assert pool.select([selector])[selector.key].value == SecretRef("literal.s1", "****")
        assert pool.names() == []
        assert pool.variables.find(selector) is None
        assert pool.snapshot() == ()


def test_a_value_that_does_not_exist_is_named() -> None:
    with pytest.raises(VariableNotFound, match="NOPE"):
        a_pool().require(Selector("env", "NOPE"))


def test_overwriting_changes_value_type_and_size() -> None:
    pool = a_pool()
    assert pool.size(Selector("s", "q")) == 2
    pool.put("s", "q", Segment.infer([1, 2, 3]))

    assert pool.require(Selector("s", "q")).type == "array[number]"
    assert pool.size(Selector("s", "q")) > 2


def test_a_snapshot_restores_values_with_their_types() -> None:
    pool = a_pool()
    pool.put("n", "empty", Segment.expect(SegmentType.ARRAY_STRING, []))

    restored = VariablePool.restore(a_run(), pool.snapshot())

    assert restored.names() == pool.names()
    assert restored.require(Selector("n", "empty")).type == "array[string]"
