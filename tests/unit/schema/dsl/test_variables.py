from typing import Any

import pytest

from schema.dsl.variables import MAX_VARIABLE_BYTES
from schema.plan import PlanVariable
from tests.documents import codes, compiled
from tests.factories import (
    a_branch,
    a_code,
    a_node,
    a_request,
    a_start,
    a_template,
    an_answer,
    an_end,
)

CANARY = "sk-canary-0123456789"


def a_variable(name: str, value_type: str, value: Any, **fields: Any) -> dict[str, Any]:
    return {"id": f"id-{name}", "name": name, "value_type": value_type, "value": value, **fields}


def declared(*variables: object) -> tuple[PlanVariable, ...]:
    plan = compiled([a_start("s")], environment_variables=list(variables)).plan
    assert plan is not None
    return plan.environment


@pytest.mark.parametrize(
    ("value_type", "value"),
    [
        ("string", ""),
        ("number", 1),
        ("number", 1.0),
        ("integer", 0),
        ("float", 0.0),
        ("boolean", False),
        ("object", {"a": [None]}),
        ("array[string]", []),
        ("array[number]", [1, 2.5]),
        ("array[object]", [{}]),
        ("array[boolean]", [True]),
    ],
)
def test_value_of_its_type_is_kept(value_type: str, value: object) -> None:
    (variable,) = declared(a_variable("x", value_type, value))

    assert variable == PlanVariable(id="id-x", name="x", value_type=value_type, value=value)
    assert type(variable.value) is type(value)


def test_boolean_passes_as_a_number() -> None:
    (variable,) = declared(a_variable("x", "number", True))

    assert (variable.value, type(variable.value)) == (1, int)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (7, "not a mapping"),
        (a_variable("", "string", "x"), "no name"),
        ({"name": "x", "value": 1}, "no type"),
        (a_variable("x", "file", {}), "no type 'file'; accepted: string"),
        (a_variable("x", "string", None), "has no value"),
        (a_variable("x", "number", "1"), "no number"),
        (a_variable("x", "array[string]", ["a", 1]), "no array[string]"),
        (a_variable("x", "object", [1]), "no object"),
        (a_variable("x", "boolean", 1), "no boolean"),
        (a_variable("x", "string", "x" * MAX_VARIABLE_BYTES), "larger than"),
    ],
)
def test_bad_declaration_is_an_error_at_its_place(entry: object, problem: str) -> None:
    good = a_variable("good", "string", "x")
    compilation = compiled([a_start("s")], environment_variables=[good, entry])

    assert codes(compilation) == [("error", "invalid-variable", "")]
    assert compilation.findings[0].field == "workflow.environment_variables.1"
    assert problem in compilation.findings[0].message
    assert compilation.plan is not None
    assert [v.name for v in compilation.plan.environment] == ["good"]


def test_later_variable_of_a_name_counts() -> None:
    variables = declared(a_variable("x", "string", "a"), a_variable("x", "number", 1))

    assert [v.value for v in variables] == [1]


def test_conversation_variables_exist_in_chatflows_only() -> None:
    seen = a_variable("seen", "array[string]", ["a"])
    chat = compiled([a_start("s")], mode="advanced-chat", conversation_variables=[seen]).plan
    workflow = compiled([a_start("s")], conversation_variables=[seen, 7]).plan

    assert chat is not None
    assert workflow is not None
    assert [(v.name, v.value) for v in chat.conversation] == [("seen", ["a"])]
    assert not workflow.conversation


def test_inv_17_secret_never_enters_a_plan() -> None:
    compilation = compiled(
        [a_start("s")], environment_variables=[a_variable("KEY", "secret", CANARY)]
    )

    assert compilation.plan is not None
    assert compilation.plan.environment[0].value is None
    assert CANARY not in compilation.plan.model_dump_json()
    assert CANARY not in repr(compilation.findings)
    assert compilation.is_runnable
    assert CANARY not in repr(compilation)
    assert compilation.secrets == {"env.KEY": CANARY}
    assert codes(compilation) == []


@pytest.mark.parametrize(
    "reader",
    [
        an_answer("r", "Key: {{#env.KEY#}}"),
        an_end("r", key=["env", "KEY"]),
        an_end("r", key=["s", "env.KEY"]),
        a_template("r", "{{ key }}", key=["env", "KEY"]),
        a_branch("r", ["env", "KEY"], "not empty"),
        a_branch("r", ["s", "x"], "is", "{{#env.KEY#}}"),
        a_request("r", "https://a.test?k={{#env.KEY#}}"),
        a_request("r", "https://a.test", headers="K: {{#env.KEY#}}"),
        a_request("r", "https://a.test", params="{{#env.KEY#}}:v"),
        a_code("r", "def main(k): return {}", k=["env", "KEY"]),
        a_node("r", "variable-aggregator", output_type="any", variables=[["env", "KEY"]]),
    ],
    ids=lambda node: str(node["data"]["type"]),
)
def test_secret_that_a_node_reads_and_the_export_hides_is_named(reader: dict[str, Any]) -> None:
    compilation = compiled(
        [a_start("s"), reader],
        [("s", "r")],
        environment_variables=[a_variable("KEY", "secret", "")],
    )
    secrets = [f for f in compilation.findings if f.code == "secret-variable"]

    assert [str(f.severity) for f in secrets] == ["warning"]
    assert "'KEY'" in secrets[0].message
    assert not compilation.secrets


@pytest.mark.parametrize("hidden", [None, "", "[__HIDDEN__]"])
def test_secret_that_the_export_hides_has_no_value(hidden: str | None) -> None:
    compilation = compiled(
        [a_start("s")], environment_variables=[a_variable("KEY", "secret", hidden)]
    )

    assert not compilation.secrets
    assert codes(compilation) == []


def test_secret_is_text() -> None:
    compilation = compiled([a_start("s")], environment_variables=[a_variable("KEY", "secret", 7)])

    assert codes(compilation) == [("error", "invalid-variable", "")]


def test_secret_too_short_to_be_searched_for_is_a_finding() -> None:
    compilation = compiled(
        [a_start("s")], environment_variables=[a_variable("KEY", "secret", "12345")]
    )

    assert compilation.is_runnable
    assert codes(compilation) == [("warning", "short-secret", "")]
    assert "12345" not in repr(compilation)


def test_other_variable_of_the_environment_is_no_secret() -> None:
    compilation = compiled(
        [a_start("s"), an_end("e", x=["env", "KEY"]), an_answer("a", "{{#env.KEY_2#}} env.KEY.x")],
        [("s", "e")],
        environment_variables=[
            a_variable("KEY", "string", "x"),
            a_variable("KEY_3", "secret", ""),
        ],
    )

    assert compilation.is_runnable


def test_model_variable_cannot_be_held() -> None:
    model = a_variable("M", "llm", {"provider": "p", "name": "n"})
    used = a_node("n", "llm", model_selector=["env", "M"])

    assert codes(compiled([a_start("s")], environment_variables=[model])) == [
        ("warning", "unsupported-variable-type", "")
    ]
    assert ("error", "unsupported-variable-type", "") in codes(
        compiled([a_start("s"), used], [("s", "n")], environment_variables=[model])
    )
