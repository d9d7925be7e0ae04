"""The text of a run as its response nodes say it, while nothing of it is taken back.

Facts go in, pieces of text come out in template order. A fact that takes text back is dealt with
one level up, by building this state again (`text_fold.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schema.errors import NodeError
from schema.facts import (
    Fact,
    LoopStarted,
    NodeFinished,
    RunStarted,
    TextProduced,
    TextReplaced,
    VariableUpdated,
)
from schema.plan import Plan, PlanGraph
from schema.response_stream.response_templates import response_parts
from schema.response_stream.run_info import RunInfo
from schema.response_stream.sessions import Piece, Sessions
from schema.response_stream.stored_values import StoredValues, segment_of
from schema.runs import NodeExecutionStatus, first_value
from schema.traversal import EdgeState, NodeState, Traversal, leave_of
from schema.values.variables import Variables

VariableKey = tuple[str, str]
"""Node id and name."""
LEAVING = (NodeExecutionStatus.SUCCEEDED, NodeExecutionStatus.EXCEPTION)
"""States in which a node has outputs and leaves by its edges."""


def said_variables(graph: PlanGraph) -> frozenset[VariableKey]:
    """Give the variables that the response nodes of a graph speak of."""
    parts = (part for node in graph.nodes for part in response_parts(node))
    return frozenset((part[0], part[1]) for part in parts if not isinstance(part, str) and part[1:])


def first_values(plan: Plan, run: RunInfo) -> Iterator[tuple[VariableKey, Any]]:
    """Give the values that exist before the first node runs, in wire form."""
    for name, wire in run.system.items():
        yield ("sys", name), wire
    for variable in plan.environment:
        yield ("env", variable.name), first_value(variable, run.environment, run.secrets)
    for variable in plan.conversation:
        wire = run.conversation.get(variable.name, variable.value)
        yield ("conversation", variable.name), wire


class VisibleText:
    """Says what can be said; the `KnownValues` of its sessions."""

    def __init__(self, plan: Plan, run: RunInfo, stored: StoredValues) -> None:
        self._plan = plan
        self._run = run
        self._stored = stored
        self._graph = plan.graph
        self._said = said_variables(plan.graph)
        self._shared = _nodes_of_shared_pool(plan.graph)
        self._traversal = Traversal(plan.graph)
        self._sessions = Sessions(plan.graph)
        self._wires: dict[VariableKey, Any] = {}
        self._chunks: dict[VariableKey, list[str]] = {}
        self._closed: dict[VariableKey, None] = {}

    def matters(self, fact: Fact) -> bool:
        """Whether a fact can change the text."""
        match fact:
            case RunStarted():
                return True
            case TextProduced() | TextReplaced():
                is_said = (fact.node_id, fact.name) in self._said
                return is_said and fact.node_id in self._graph.by_id
            case NodeFinished() | LoopStarted() | VariableUpdated():
                return fact.node_id in self._shared
            case _:
                return False

    def apply(self, fact: Fact) -> list[Piece]:
        """Take a fact that matters and give the text that may flow because of it."""
        match fact:
            case RunStarted():
                self._keep(dict(first_values(self._plan, self._run)))
                self._sessions.begin()
            case TextProduced():
                self._hear(fact.node_id, fact.name, fact.text, is_final=fact.final)
            case TextReplaced():
                self._hear(fact.node_id, fact.name, fact.text, is_final=True)
            case LoopStarted():
                self._keep_outputs(fact.node_id, fact.inputs)
            case VariableUpdated():
                self._keep({("conversation", fact.name): fact.value})
            case NodeFinished():
                self._finish(fact)
        return self._sessions.speak(self)

    def reasoning_is_wanted(self, node_id: str) -> bool:
        """Whether a node's reasoning may be shown now."""
        return self._sessions.refer_to_text_of(node_id)

    def is_skipped(self, node_id: str) -> bool:
        """Whether a node of the root graph was passed over."""
        return self._traversal.states.get(node_id) is NodeState.SKIPPED

    def chunks(self, selector: tuple[str, ...]) -> tuple[Sequence[str], bool]:
        """Give the chunks of an output so far, and whether there will be no more."""
        if len(selector) != 2:
            return (), False
        key = (selector[0], selector[1])
        return self._chunks.get(key, ()), key in self._closed

    def markdown(self, selector: tuple[str, ...]) -> str | None:
        """Write a value as answers show it; None if there is none yet."""
        key = selector[:2]
        if len(key) < 2 or key not in self._wires:
            return None
        whole = segment_of(self._wires[key[0], key[1]], self._stored)
        try:
            found = Variables({(key[0], key[1]): whole}).find_parts(selector)
        except NodeError:  # the URL of a file that has none: the node that asks fails by itself
            return None
        return None if found is None else found.markdown

    def _hear(self, node_id: str, name: str, text: str, *, is_final: bool) -> None:
        key = (node_id, name)
        if key in self._closed:  # a node that closed its stream and was tried again
            return
        self._chunks.setdefault(key, []).append(text)
        if is_final:
            self._closed[key] = None

    def _finish(self, fact: NodeFinished) -> None:
        if fact.status not in LEAVING:
            return
        self._keep_outputs(fact.node_id, fact.outputs)
        node = self._graph.by_id.get(fact.node_id)
        if node is None or self._traversal.is_settled(node.id):
            return
        self._traversal.settle(node.id, leave_of(node, fact.handle))
        for index in self._traversal.outgoing(node.id):
            if self._traversal.edge_states[index] is EdgeState.TAKEN:
                self._sessions.take_edge(index)

    def _keep_outputs(self, node_id: str, outputs: Mapping[str, Any] | None) -> None:
        self._keep({(node_id, name): wire for name, wire in (outputs or {}).items()})

    def _keep(self, values: Mapping[VariableKey, Any]) -> None:
        self._wires.update((key, wire) for key, wire in values.items() if key in self._said)


def _nodes_of_shared_pool(graph: PlanGraph) -> frozenset[str]:
    """Give the nodes whose values the root graph sees: its own and those of loops."""
    found: list[str] = []
    pending = [graph]
    while pending:
        current = pending.pop()
        found.extend(node.id for node in current.nodes)
        pending.extend(n.body for n in current.nodes if n.body and n.type == "loop")
    return frozenset(found)
