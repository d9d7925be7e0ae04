from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.dsl import compile_definition, read_definition
from schema.dsl.compilation import MAX_NODES
from schema.findings import FindingCode
from schema.nodes.base import RetryConfig
from schema.nodes.foreign import ForeignNodeData
from schema.plan import Plan
from tests.documents import OWN_EXPORTS, codes, compiled
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

SIMPLE = [a_start("s", "x"), an_end("e", x=["s", "x"])]


def test_graph_becomes_a_plan_in_file_order() -> None:
    compilation = compiled([SIMPLE[1], SIMPLE[0]], [("s", "e")], features={"opening": 1})
    plan = compilation.plan

    assert plan is not None
    assert compilation.is_runnable
    assert [(n.id, n.public_id, n.type) for n in plan.graph.nodes] == [
        ("e", "e", "end"),
        ("s", "s", "start"),
    ]
    assert plan.graph.root == "s"
    assert [(e.source, e.target, e.handle) for e in plan.graph.edges] == [("s", "e", "source")]
    assert plan.features == {"opening": 1}


@pytest.mark.parametrize("path", sorted(OWN_EXPORTS.glob("*.yml")), ids=lambda p: p.stem)
def test_plan_survives_json(path: Any) -> None:
    compilation = compile_definition(read_definition(path.read_bytes()))

    assert compilation.is_runnable
    assert compilation.plan is not None
    assert Plan.model_validate_json(compilation.plan.model_dump_json()) == compilation.plan


def test_plan_sha_names_the_content() -> None:
    def sha(template: str, **envelope: object) -> str:
        node = {**a_template("t", template), **envelope}
        plan = compiled([a_start("s"), node], [("s", "t")]).plan
        assert plan is not None
        return plan.plan_sha

    assert len(sha("a")) == 64
    assert sha("a") == sha("a", position={"x": 1}, selected=True)
    assert sha("a") != sha("b")


def test_notes_and_canvas_fields_leave_no_trace() -> None:
    note = {"id": "n", "type": "custom-note", "data": {"type": "", "text": "secret thoughts"}}
    foreign = a_node("f", "tool", desc="d", selected=True, _isBundled=True, code="pass")
    plan = compiled([note, a_start("s"), foreign], [("s", "f")]).plan

    assert plan is not None
    assert [n.id for n in plan.graph.nodes] == ["s", "f"]
    data = plan.graph.by_id["f"].data
    assert isinstance(data, ForeignNodeData)
    assert data.config == {"code": "pass"}


def test_graph_with_foreign_types_has_a_plan_and_does_not_run() -> None:
    llm = a_node("llm", "llm", model={"provider": "openai", "name": "gpt-4o", "mode": "chat"})
    tool = a_node("tool", "tool", provider_id="google", tool_name="search")
    compilation = compiled([a_start("s"), llm, tool], [("s", "llm"), ("llm", "tool")])

    assert compilation.plan is not None
    assert not compilation.is_runnable
    assert codes(compilation) == [
        ("error", "unsupported-node-type", "llm"),
        ("error", "unsupported-model", "llm"),
        ("error", "unsupported-node-type", "tool"),
        ("error", "unsupported-tool", "tool"),
    ]
    texts = [f.message for f in compilation.findings]
    assert "'gpt-4o' of 'openai'" in texts[1]
    assert "'search' of 'google'" in texts[3]


def test_agent_names_its_strategy_model_and_tools() -> None:
    agent = a_node(
        "a",
        "agent",
        agent_strategy_name="react",
        agent_strategy_provider_name="langgenius/agent",
        agent_parameters={
            "model": {"type": "constant", "value": {"provider": "p", "model": "m"}},
            "tools": {
                "type": "constant",
                "value": [
                    {"enabled": True, "provider_name": "time", "tool_name": "now"},
                    {"enabled": False, "provider_name": "off", "tool_name": "off"},
                ],
            },
        },
    )
    findings = compiled([a_start("s"), agent], [("s", "a")]).findings

    assert [str(f.code) for f in findings] == [
        "unsupported-node-type",
        "unsupported-strategy",
        "unsupported-model",
        "unsupported-tool",
    ]
    assert "'now' of 'time'" in findings[3].message


def test_foreign_node_that_no_run_comes_to_stops_nothing() -> None:
    orphan = a_node("c", "agent")
    behind = a_node("d", "agent")
    compilation = compiled([*SIMPLE, a_start("s2"), orphan, behind], [("s", "e"), ("s2", "d")])

    assert compilation.is_runnable
    assert {
        ("warning", "unsupported-node-type", "c"),
        ("warning", "unsupported-node-type", "d"),
    } <= set(codes(compilation))


def test_templates_of_both_kinds_and_code_run() -> None:
    plain, loop = a_template("a", "Hi {{ x }}"), a_template("b", "{% for i in x %}{% endfor %}")
    code = a_code("c", "def main(): return {}")
    compilation = compiled([a_start("s"), plain, loop, code], [("s", "a"), ("s", "b"), ("s", "c")])

    assert codes(compilation) == []


def test_inputs_that_are_not_taken_stop_a_run_if_they_are_required() -> None:
    def variable(name: str, kind: str, **fields: object) -> dict[str, object]:
        return {"variable": name, "label": name, "type": kind, **fields}

    start = a_node(
        "s",
        "start",
        variables=[
            variable("a", "file", required=True),
            variable("b", "file-list"),
            variable("c", "external_data_tool", required=True),
            variable("d", "json_object", json_schema='{"type": "object"}'),
            variable("e", "json_object", json_schema=" "),
            variable("f", "checkbox"),
        ],
    )
    findings = compiled([start]).findings

    assert [(str(f.severity), f.field) for f in findings] == [
        ("error", "variables.2.type"),
        ("error", "variables.3.json_schema"),
    ]


def test_malformed_unreachable_node_stops_a_run() -> None:
    compilation = compiled([*SIMPLE, a_node("broken", "end")], [("s", "e")])

    assert compilation.plan is None
    assert codes(compilation) == [("error", "invalid-node-data", "broken")]
    assert compilation.findings[0].field == "outputs"


def test_every_bad_field_is_named_once() -> None:
    branch = a_branch("b", ["s", "x"], "resembles", value=7)
    findings = compiled([a_start("s"), branch], [("s", "b")]).findings

    place = "cases.0.conditions.0"
    assert [f.field for f in findings] == [f"{place}.comparison_operator", f"{place}.value"]


def test_11_3_yaml_number_as_expected_value_is_refused_and_one_is_a_boolean() -> None:
    three = compiled([a_start("s"), a_branch("b", ["s", "x"], "=", value=3)], [("s", "b")])
    one = compiled([a_start("s"), a_branch("b", ["s", "x"], "=", value=1)], [("s", "b")])

    assert codes(three) == [("error", "invalid-node-data", "b")]
    assert one.is_runnable


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (7, "not a mapping"),
        ({"data": {"type": "end"}}, "no id"),
        ({"id": True, "data": {"type": "end"}}, "no id"),
        ({"id": "x"}, "no data"),
        ({"id": "x", "data": []}, "no data"),
        ({"id": "x", "data": {}}, "no type"),
        ({"id": "x", "data": {"type": 3}}, "no type"),
    ],
)
def test_malformed_node_is_named_by_its_place(entry: Any, message: str) -> None:
    compilation = compiled([*SIMPLE, entry], [("s", "e")])

    assert compilation.plan is None
    (finding,) = compilation.findings
    assert finding.code is FindingCode.MALFORMED_NODE
    assert finding.field == "workflow.graph.nodes.2"
    assert message in finding.message


def test_integer_ids_are_text() -> None:
    nodes = [a_start("x", "q"), an_end("y", q=["17", "q"])]
    nodes[0]["id"], nodes[1]["id"] = 17, 18
    plan = compiled(nodes, [{"source": 17, "target": 18}]).plan

    assert plan is not None
    assert list(plan.graph.by_id) == ["17", "18"]
    assert len(plan.graph.edges) == 1


def test_nodes_of_one_id_are_an_error_and_not_lost_silently() -> None:
    compilation = compiled([*SIMPLE, an_end("e"), an_end("e")], [("s", "e")])

    assert not compilation.is_runnable
    assert codes(compilation) == [("error", "duplicate-node-id", "e")]
    assert "3 nodes" in compilation.findings[0].message


def test_edge_to_nowhere_is_an_error() -> None:
    compilation = compiled(SIMPLE, [("s", "e"), ("e", "ghost"), ("ghost", "s")])

    assert codes(compilation) == [
        ("error", "dangling-edge", "s"),
        ("error", "dangling-edge", "e"),
    ]
    assert "'ghost'" in compilation.findings[0].message


@pytest.mark.parametrize("handle", [None, True, 1, ["source"]])
def test_11_4_edge_whose_handle_is_no_text_is_dropped(handle: object) -> None:
    edge = {"source": "s", "target": "e", "sourceHandle": handle}
    compilation = compiled(SIMPLE, [edge])

    assert compilation.plan is not None
    assert not compilation.plan.graph.edges
    assert ("warning", "dropped-edge", "") in codes(compilation)


def test_edge_without_ends_is_dropped() -> None:
    compilation = compiled(SIMPLE, [("s", "e"), {"source": "s"}, {"target": ["e"], "source": "s"}])

    assert codes(compilation) == [("warning", "dropped-edge", "")] * 2


def test_graph_without_nodes_or_start() -> None:
    assert codes(compiled([])) == [("error", "empty-graph", "")]
    assert codes(compiled([an_end("e")])) == [("error", "no-root", "")]


def test_app_without_a_graph_says_so() -> None:
    compilation = compile_definition(read_definition("app: {mode: agent-chat}"))

    assert compilation.plan is None
    assert codes(compilation) == [("error", "nothing-to-run", "")]
    assert compilation.findings[0].message.startswith("Nothing to run here: agent-chat")


def test_graph_beyond_any_editor_is_refused() -> None:
    compilation = compiled({"id": str(number)} for number in range(MAX_NODES + 1))

    assert codes(compilation) == [("error", "graph-too-large", "")]


def test_retries_are_kept_only_where_they_happen() -> None:
    retry = {"retry_enabled": True, "max_retries": 3, "retry_interval": 100}
    nodes = [
        a_start("s"),
        a_node("llm", "llm", retry_config=retry),
        a_request("off", "https://a.test", retry_config={**retry, "retry_enabled": False}),
        {**a_template("t", "x"), "id": "t"},
    ]
    nodes[3]["data"]["retry_config"] = retry
    plan = compiled(nodes, [("s", "llm")]).plan

    assert plan is not None
    retries = {n.id: n.data.retry_config for n in plan.graph.nodes}
    assert retries["llm"] == RetryConfig(retry_enabled=True, max_retries=3, retry_interval=100)
    assert retries["off"] == retries["t"] == RetryConfig()


def test_moderation_is_left_out_with_a_warning() -> None:
    compilation = compiled(
        SIMPLE, [("s", "e")], features={"sensitive_word_avoidance": {"enabled": True}}
    )

    assert codes(compilation) == [("warning", "unsupported-feature", "")]


def test_inv_18_odd_ids_have_plain_public_names_each_another() -> None:
    nodes = [a_start("a.b"), an_end("n0"), an_end("n2"), an_end("'; --"), an_end("x" * 10_000)]
    plan = compiled(nodes, [("a.b", node["id"]) for node in nodes[1:]]).plan

    assert plan is not None
    assert [n.public_id for n in plan.graph.nodes] == ["n0_", "n0", "n2", "n3", "n4"]


def test_warnings_of_the_document_come_with_the_compilation() -> None:
    definition = read_definition("app: {mode: chat}\nversion: '9.0'")

    assert [f.code.value for f in compile_definition(definition).findings] == [
        "document-version",
        "nothing-to-run",
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "source"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "id", "variables", "cases", "outputs", "start_node_id", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
TYPES = st.sampled_from(
    ["start", "end", "answer", "if-else", "template-transform", "variable-assigner", "loop", "llm"]
)
IDS = st.sampled_from(["a", "b", "c", "d"])
DATA = st.fixed_dictionaries(
    {"type": TYPES | JSON},
    optional={
        name: JSON
        for name in (
            *("variables", "outputs", "cases", "conditions", "template", "answer", "title"),
            *("start_node_id", "model", "error_strategy", "default_value", "retry_config"),
        )
    },
)
NODES = st.lists(st.fixed_dictionaries({"id": IDS | JSON, "data": DATA | JSON}) | JSON, max_size=5)
EDGES = st.lists(
    st.fixed_dictionaries(
        {"source": IDS | JSON, "target": IDS | JSON}, optional={"sourceHandle": JSON}
    )
    | JSON,
    max_size=6,
)


@given(NODES, EDGES, st.lists(JSON, max_size=2))
def test_any_graph_compiles_or_has_findings(nodes: Any, edges: Any, variables: Any) -> None:
    compilation = compiled(
        nodes,
        edges,
        mode="advanced-chat",
        environment_variables=variables,
        conversation_variables=variables,
    )

    assert compilation.plan is not None or any(f.is_error for f in compilation.findings)
    if compilation.plan is not None:
        assert Plan.model_validate(compilation.plan.model_dump()) == compilation.plan


def test_answers_and_branches_compile_in_a_chatflow() -> None:
    compilation = compiled(
        [
            a_start("s"),
            a_branch("b", ["sys", "query"], "is", "x"),
            an_answer("y", "{{#sys.query#}}"),
        ],
        [("s", "b"), ("b", "y", "true")],
        mode="advanced-chat",
    )

    assert compilation.is_runnable
    assert not compilation.findings
