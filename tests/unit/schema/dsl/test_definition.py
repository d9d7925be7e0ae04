import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.dsl import DocumentKind, DocumentMode, compile_definition, read_definition
from schema.errors import InvalidDocument
from schema.findings import FindingCode
from schema.plan import AppMode

GRAPH = "workflow: {graph: {nodes: [{id: a}], edges: [1]}}"


@pytest.mark.parametrize("kind", ["", "kind: app\n", "kind: something\n"])
def test_kind_other_than_pipeline_is_an_app(kind: str) -> None:
    definition = read_definition(kind + "app: {mode: workflow, name: n}\n" + GRAPH)

    assert definition.kind is DocumentKind.APP
    assert definition.app_mode is AppMode.WORKFLOW
    assert (definition.name, definition.version) == ("n", "0.1.0")
    assert (definition.nodes, definition.edges) == (({"id": "a"},), (1,))


@pytest.mark.parametrize("mode", ["chat", "agent-chat", "completion", "channel", "agent"])
def test_app_without_a_graph_is_read_as_such(mode: str) -> None:
    definition = read_definition(f"app: {{mode: {mode}}}\nmodel_config: {{}}")

    assert definition.mode == mode
    assert definition.app_mode is None


def test_pipeline_is_read_as_such() -> None:
    definition = read_definition("kind: rag_pipeline\nrag_pipeline: {name: p}\n" + GRAPH)

    assert (definition.kind, definition.mode) == (
        DocumentKind.RAG_PIPELINE,
        DocumentMode.RAG_PIPELINE,
    )
    assert definition.app_mode is None
    assert definition.name == "p"


@pytest.mark.parametrize("version", ["'0.6.0'", "'0.1'", "null"])
def test_known_version_says_nothing(version: str) -> None:
    assert not read_definition(f"version: {version}\napp: {{mode: chat}}").findings


@pytest.mark.parametrize("version", ["'0.7.0'", "'1.0'", "'new'", "2024-01-01"])
def test_other_version_is_a_warning(version: str) -> None:
    (finding,) = read_definition(f"version: {version}\napp: {{mode: chat}}").findings

    assert finding.code is FindingCode.DOCUMENT_VERSION
    assert not finding.is_error


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- a", "not a mapping"),
        ("a: 1", "Missing app data"),
        ("app: x", "app must be a mapping, it is str"),
        ("app: {name: x}", "no mode"),
        ("app: {mode: circus}", "Invalid app mode 'circus'; accepted: workflow"),
        ("app: {mode: [1]}", "Invalid app mode"),
        ("app: {mode: workflow}", "Missing workflow data"),
        ("version: 0.3\napp: {mode: chat}", "expected str, got float"),
        ("app: {mode: workflow}\nworkflow: {graph: []}", "workflow.graph must be a mapping"),
        ("app: {mode: chat}\nworkflow: {graph: {nodes: x}}", "workflow.graph.nodes must be a list"),
        ("app: {mode: chat}\nworkflow: {features: 1}", "workflow.features must be a mapping"),
    ],
)
def test_document_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidDocument, match=reason.replace("[", r"\[")):
        read_definition(text)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["app", "kind", "mode", "version", "workflow", "graph", "nodes", "features"]
            ),
            inner,
            max_size=4,
        )
    ),
)


@given(TREES)
def test_any_tree_is_read_or_refused(tree: object) -> None:
    with contextlib.suppress(InvalidDocument):
        compile_definition(read_definition(json.dumps(tree)))


@given(TREES, st.sampled_from(["workflow", "advanced-chat", "chat"]))
def test_any_workflow_is_read_or_refused(tree: object, mode: str) -> None:
    for part in ("features", "environment_variables", "conversation_variables", "graph"):
        with contextlib.suppress(InvalidDocument):
            workflow = {"graph": {"nodes": []}, part: tree}
            document = {"app": {"mode": mode}, "workflow": workflow}
            compile_definition(read_definition(json.dumps(document)))
