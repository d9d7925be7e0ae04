"""From a definition to a plan, and to everything there is to say about it.

A graph with nodes that this version cannot run still has a plan, so that it can be shown, and run
with substitutes in tests; `is_runnable` tells whether a run may start.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from schema.dsl.containers import APP, Partition, partition
from schema.dsl.definition import WorkflowDefinition
from schema.dsl.environment_use import used_environment
from schema.dsl.graph_entries import GraphEntries, read_entries
from schema.dsl.node_data import parse_all
from schema.dsl.secret_literals import extract_literals
from schema.dsl.support import check_support
from schema.dsl.variables import read_variables
from schema.findings import Finding, FindingCode, Severity
from schema.graph import check_graph
from schema.nodes.base import ROOT_TYPES, NodeData
from schema.plan import AppMode, Plan, PlanGraph, PlanNode
from schema.selectors import public_node_id

MAX_NODES = 5_000
MAX_EDGES = 20_000


@dataclass(frozen=True)
class Compilation:
    """A definition, its plan, and all findings: the document's, then the nodes' in file order."""

    definition: WorkflowDefinition
    plan: Plan | None
    """None if there is no graph, or one that is not whole."""
    findings: tuple[Finding, ...]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Values that stand in the document and in no plan, by name; a run is given them."""

    @property
    def is_runnable(self) -> bool:
        """Whether a run may start."""
        return self.plan is not None and not any(finding.is_error for finding in self.findings)

    def with_findings(self, more: Iterable[Finding]) -> "Compilation":
        """Add findings in their places."""
        entries = read_entries(self.definition.nodes, self.definition.edges)
        return replace(self, findings=_in_order([*self.findings, *more], entries))


def compile_definition(definition: WorkflowDefinition) -> Compilation:
    """Compile a definition; never raises for what an author wrote.

    Example:
        >>> from schema.dsl.definition import read_definition
        >>> text = "{app: {mode: workflow}, workflow: {graph: {nodes: [], edges: []}}}"
        >>> [finding.code.value for finding in compile_definition(read_definition(text)).findings]
        ['empty-graph']
    """
    refusal = _refusal(definition)
    if refusal is not None:
        return Compilation(definition, None, (*definition.findings, refusal))
    mode = AppMode(definition.mode)
    entries = read_entries(definition.nodes, definition.edges)
    data, data_findings = parse_all(entries.nodes.values())
    literals = extract_literals(data)
    parts = partition(entries.nodes, entries.edges)
    used = used_environment(data.values())
    environment = read_variables(definition.environment, "environment", used)
    conversation = read_variables(
        definition.conversation if mode is AppMode.ADVANCED_CHAT else (),
        "conversation",
        frozenset(),
    )
    findings = [
        *definition.findings,
        *_feature_findings(definition),
        *environment.findings,
        *conversation.findings,
        *entries.findings,
        *data_findings,
        *literals.findings,
        *parts.findings,
    ]
    graph = None
    if parts.is_sound and data.keys() == entries.nodes.keys() and not _has_malformed(entries):
        graph = _GraphBuilder(entries, literals.data, parts).app_graph()
    if graph is None:
        findings += _root_findings(entries)
        return Compilation(definition, None, _in_order(findings, entries))
    findings += _graph_findings(graph)
    plan = Plan(
        app_name=definition.name,
        mode=mode,
        graph=graph,
        environment=environment.variables,
        conversation=conversation.variables,
        secrets=literals.secrets,
        features=dict(definition.features),
    )
    plan = plan.model_copy(update={"plan_sha": _sha_of(plan)})
    secrets = {**environment.secrets, **literals.values}
    return Compilation(definition, plan, _in_order(findings, entries), secrets)


def _refusal(definition: WorkflowDefinition) -> Finding | None:
    """Say why a definition is not looked into at all."""
    if definition.app_mode is None:
        return _error(
            FindingCode.NOTHING_TO_RUN,
            "app.mode",
            f"Nothing to run here: {definition.mode} is not an app with a workflow.",
            ", ".join(AppMode),
        )
    if len(definition.nodes) > MAX_NODES or len(definition.edges) > MAX_EDGES:
        return _error(
            FindingCode.GRAPH_TOO_LARGE,
            "workflow.graph",
            f"The graph has {len(definition.nodes)} nodes and {len(definition.edges)} edges.",
            f"up to {MAX_NODES} nodes and {MAX_EDGES} edges",
        )
    return None


_LOSES_NODES = frozenset({FindingCode.MALFORMED_NODE, FindingCode.DUPLICATE_NODE_ID})


class _GraphBuilder:
    """Builds the app's graph with the insides of its containers."""

    def __init__(
        self, entries: GraphEntries, data: Mapping[str, NodeData], parts: Partition
    ) -> None:
        self._data = data
        self._parts = parts
        self._public_ids = _public_ids(entries)
        self._members: dict[str, list[str]] = {}
        for node_id in entries.nodes:
            self._members.setdefault(parts.owner[node_id], []).append(node_id)

    def app_graph(self) -> PlanGraph | None:
        """Build the outermost graph; None if it has nothing to start from."""
        roots = [n for n in self._members.get(APP, ()) if self._data[n].type in ROOT_TYPES]
        return self._graph(APP, roots[0], tuple(roots[1:])) if roots else None

    def _graph(self, owner: str, root: str, inactive_roots: tuple[str, ...] = ()) -> PlanGraph:
        return PlanGraph(
            root=root,
            inactive_roots=inactive_roots,
            nodes=tuple(self._node(node_id) for node_id in self._members[owner]),
            edges=tuple(self._parts.edges.get(owner, ())),
        )

    def _node(self, node_id: str) -> PlanNode:
        # Recurses as deep as `containers.MAX_NESTING`.
        start = self._parts.starts.get(node_id)
        return PlanNode(
            id=node_id,
            public_id=self._public_ids[node_id],
            data=self._data[node_id],
            body=None if start is None else self._graph(node_id, start),
        )


def _public_ids(entries: GraphEntries) -> dict[str, str]:
    """Name every node with plain characters, each by another name."""
    public: dict[str, str] = {}
    for node in entries.nodes.values():
        name = public_node_id(node.id, node.index)
        # A plain id of the author may look like one of ours.
        while name != node.id and name in entries.nodes:
            name += "_"
        public[node.id] = name
    return public


def _graph_findings(graph: PlanGraph) -> list[Finding]:
    findings = list(check_support(graph))
    graphs = [graph]
    while graphs:
        current = graphs.pop()
        findings += check_graph(current)
        graphs += [node.body for node in current.nodes if node.body is not None]
    return findings


def _has_malformed(entries: GraphEntries) -> bool:
    return any(finding.code is FindingCode.MALFORMED_NODE for finding in entries.findings)


def _root_findings(entries: GraphEntries) -> list[Finding]:
    if not entries.nodes and not entries.findings:
        return [_error(FindingCode.EMPTY_GRAPH, "workflow.graph.nodes", "The graph has no nodes.")]
    has_root = any(node.data["type"] in ROOT_TYPES for node in entries.nodes.values())
    # Among nodes of one id, or malformed ones, may have been the start.
    if has_root or any(finding.code in _LOSES_NODES for finding in entries.findings):
        return []
    message = "There is no node that a run could start from."
    return [_error(FindingCode.NO_ROOT, "workflow.graph.nodes", message, "a start node")]


def _feature_findings(definition: WorkflowDefinition) -> list[Finding]:
    moderation = definition.features.get("sensitive_word_avoidance")
    if not isinstance(moderation, Mapping) or moderation.get("enabled") is not True:
        return []
    return [
        Finding(
            code=FindingCode.UNSUPPORTED_FEATURE,
            severity=Severity.WARNING,
            field="workflow.features.sensitive_word_avoidance",
            message="Inputs and outputs are not moderated in this version.",
        )
    ]


def _error(code: FindingCode, field: str, message: str, accepted: str = "") -> Finding:
    return Finding(
        code=code, severity=Severity.ERROR, field=field, message=message, accepted=accepted
    )


def _in_order(findings: list[Finding], entries: GraphEntries) -> tuple[Finding, ...]:
    def position(finding: Finding) -> int:
        node = entries.nodes.get(finding.node_id)
        return -1 if node is None else node.index

    return tuple(sorted(findings, key=position))


def _sha_of(plan: Plan) -> str:
    """Hash the canonical JSON of a plan."""
    content = plan.model_dump(mode="json", exclude={"plan_sha"})
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
