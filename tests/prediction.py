"""What a run of a substituted plan must come to, read off the graph without running anything.

This is a second, recursive reading of dify-nodes 2.2 and of what the node types give, which shares
nothing with the interpreter: an edge is known when its source is, a node when its edges are. What
it cannot tell (files, readers beside their source, rare operators) is `UNKNOWN`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum, StrEnum
from typing import Any, TypeAlias

from schema.nodes.answer import AnswerNodeData
from schema.nodes.base import BRANCH_TYPES, RESPONSE_TYPES, ErrorStrategy
from schema.nodes.end import EndNodeData
from schema.nodes.if_else import IfElseNodeData
from schema.nodes.start import StartNodeData
from schema.nodes.template_transform import TemplateTransformNodeData
from schema.nodes.variable_aggregator import VariableAggregatorNodeData
from schema.plan import Plan, PlanNode
from schema.values.conditions import Condition
from tests.substituted import substitute_of


class Fate(StrEnum):
    """What becomes of a node."""

    RUNS = "runs"
    SKIPPED = "skipped"
    WAITS = "waits"
    """For ever: an edge to it is never decided."""


class Mark(Enum):
    """Where a value should be."""

    UNKNOWN = "unknown"
    MISSING = "missing"


Verdict: TypeAlias = bool | str | Mark
"""Of a condition; a text is why it fails."""
UNKNOWN, MISSING = Mark.UNKNOWN, Mark.MISSING
_FILES = frozenset({"file", "file-list"})
_PLACEHOLDER = re.compile(r"\{\{#(\w+(?:\.[A-Za-z_]\w*)+)#\}\}", re.ASCII)
_JINJA = re.compile(r"\{\{\s*(\w+)\s*\}\}")


class Prediction:
    """The fate of every node of a plan, and what comes out of it.

    Args:
        plan: Of substitutes and of the types that run here.
        inputs: What the run is given.
        system: System variables whose values are known beforehand.
        seen: Handles that were seen in the log, used only where a condition is beyond this reading.
    """

    def __init__(
        self,
        plan: Plan,
        inputs: Mapping[str, Any],
        system: Mapping[str, Any],
        seen: Mapping[str, str | None],
    ) -> None:
        self._graph = plan.graph
        self._inputs = inputs
        self._seen = seen
        self._fates: dict[str, Fate] = {}
        self._values: dict[tuple[str, str], Any] = {
            **{("sys", name): value for name, value in system.items()},
            **{("env", v.name): v.value for v in plan.environment},
            **{("conversation", v.name): v.value for v in plan.conversation},
        }
        self._outputs: dict[str, dict[str, Any]] = {}
        self._handles: dict[str, str] = {}
        self.errors: dict[str, str | Mark] = {}
        """Nodes whose failure nothing absorbs, with the text."""
        self.exceptions = 0
        """Failures that an error strategy absorbs."""
        self.says_missing = False
        """Whether an answer names a variable that never gets a value: its stream stops there."""
        for node in self._graph.nodes:
            self.fate(node.id)

    def those(self, fate: Fate) -> list[str]:
        """List the nodes of a fate, in file order."""
        return [node.id for node in self._graph.nodes if self.fate(node.id) is fate]

    def fate(self, node_id: str) -> Fate:
        """Say what becomes of a node."""
        if node_id not in self._fates:
            # Whoever is asked about itself on the way lies on a cycle and waits.
            self._fates[node_id] = Fate.WAITS
            self._fates[node_id] = self._fate_of(node_id)
        return self._fates[node_id]

    def response(self) -> dict[str, list[Any]]:
        """Collect what the response nodes give under each name, in file order."""
        merged: dict[str, list[Any]] = {}
        for node in self._graph.nodes:
            if node.type in RESPONSE_TYPES and self.fate(node.id) is Fate.RUNS:
                self._run(node)
                for name, value in self._outputs[node.id].items():
                    merged.setdefault(name, []).append(value)
        return merged

    def _fate_of(self, node_id: str) -> Fate:
        if node_id == self._graph.root:
            return Fate.RUNS
        if node_id in self._graph.inactive_roots:
            return Fate.SKIPPED
        edges = [self._edge(e.source, e.handle) for e in self._graph.edges if e.target == node_id]
        if not edges or None in edges:
            return Fate.WAITS
        return Fate.RUNS if any(edges) else Fate.SKIPPED

    def _edge(self, source: str, handle: str) -> bool | None:
        """Whether an edge is taken; None if that is never decided."""
        fate = self.fate(source)
        if fate is not Fate.RUNS:
            return False if fate is Fate.SKIPPED else None
        node = self._graph.by_id[source]
        left_by = self._run(node)
        if source in self.errors:
            return None
        compares = node.type in BRANCH_TYPES or (
            node.data.error_strategy is ErrorStrategy.FAIL_BRANCH
        )
        return handle == left_by if compares else True

    def _run(self, node: PlanNode) -> str:
        """Give the handle that a node leaves by; keep its outputs."""
        if node.id not in self._handles:
            self._handles[node.id], outputs = self._give(node)
            self._outputs[node.id] = outputs
            self._values |= {(node.id, name): value for name, value in outputs.items()}
        return self._handles[node.id]

    def _give(self, node: PlanNode) -> tuple[str, dict[str, Any]]:
        given = substitute_of(node)
        if given is not None:
            return self._give_substitute(node, given)
        match node.data:
            case StartNodeData() as data:
                return "source", self._started(data)
            case IfElseNodeData() as data:
                return self._decide(node, data)
            case EndNodeData() as data:
                found = {o.variable: self._find(node.id, o.value_selector) for o in data.outputs}
                return "source", {n: None if v is MISSING else v for n, v in found.items()}
            case AnswerNodeData() as data:
                return "source", {"answer": self._say(node.id, data.answer)}
            case VariableAggregatorNodeData() as data:
                return "source", self._first(node.id, data)
            case TemplateTransformNodeData() as data:
                return "source", {"output": self._render(node.id, data)}
            case other:
                raise AssertionError(f"nothing is known about {other.type}")

    def _give_substitute(
        self, node: PlanNode, given: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any]]:
        if "error" not in given:
            return given.get("handle", "source"), dict(given.get("outputs", {}))
        self.exceptions += 1
        told = {"error_message": given["error"], "error_type": given["error_type"]}
        if node.data.error_strategy is ErrorStrategy.FAIL_BRANCH:
            return "fail-branch", told
        return "source", {**node.data.default_value, **told}

    def _started(self, data: StartNodeData) -> dict[str, Any]:
        kinds = {variable.variable: variable.type.value for variable in data.variables}
        return {
            name: UNKNOWN if kinds.get(name) in _FILES else value
            for name, value in self._inputs.items()
        }

    def _decide(self, node: PlanNode, data: IfElseNodeData) -> tuple[str, dict[str, Any]]:
        for case in data.effective_cases:
            verdict = self._group(node.id, case.logical_operator, case.conditions)
            if isinstance(verdict, Mark):
                return self._as_seen(node)
            if isinstance(verdict, str):
                self.errors[node.id] = verdict
                return "", {}
            if verdict:
                return case.case_id, {"result": True, "selected_case_id": case.case_id}
        return "false", {"result": False, "selected_case_id": "false"}

    def _as_seen(self, node: PlanNode) -> tuple[str, dict[str, Any]]:
        handle = self._seen.get(node.id)
        if handle is None:
            self.errors[node.id] = UNKNOWN
        return handle or "", {"result": UNKNOWN, "selected_case_id": handle}

    def _group(self, reader: str, operator: str, conditions: Sequence[Condition]) -> Verdict:
        """Decide a group; a text is why it fails."""
        for condition in conditions:
            verdict = self._condition(reader, condition)
            if not isinstance(verdict, bool) or verdict is (operator == "or"):
                return verdict
        return operator == "and"

    def _condition(self, reader: str, condition: Condition) -> Verdict:
        selector = list(condition.variable_selector)
        value = self._find(reader, selector)
        if value is MISSING:
            return f"Variable {selector} not found"
        decide = _OPERATORS.get(condition.comparison_operator)
        expected = condition.value
        known = isinstance(value, str | int | float | None) and not isinstance(value, bool)
        plain = isinstance(expected, str | None) and "{{#" not in (expected or "")
        if decide is None or not known or not plain:
            return UNKNOWN
        return decide(value, expected)

    def _first(self, reader: str, data: VariableAggregatorNodeData) -> dict[str, Any]:
        settings = data.advanced_settings
        if settings is None or not settings.group_enabled:
            found = self._first_of(reader, data.variables)
            return {} if found is MISSING else {"output": found}
        groups = {g.group_name: self._first_of(reader, g.variables) for g in settings.groups}
        return {name: {"output": v} for name, v in groups.items() if v is not MISSING}

    def _first_of(self, reader: str, selectors: Sequence[Sequence[str]]) -> Any:
        found = (self._find(reader, selector) for selector in selectors)
        return next((value for value in found if value is not MISSING), MISSING)

    def _render(self, reader: str, data: TemplateTransformNodeData) -> Any:
        values = {v.variable: self._find(reader, v.value_selector) for v in data.variables}
        shown = {n: "None" if v is MISSING else v for n, v in values.items()}
        if not all(isinstance(v, str) for v in shown.values()):
            return UNKNOWN
        # Jinja2 reads every line end as a newline and drops the last one.
        template = data.template.replace("\r\n", "\n").removesuffix("\n")
        return _JINJA.sub(lambda match: shown.get(match[1], ""), template)

    def _say(self, reader: str, template: str) -> Any:
        """Render an answer where all its values are texts; a missing one shows its name."""
        pieces = _PLACEHOLDER.split(template)
        for index in range(1, len(pieces), 2):
            value = self._find(reader, pieces[index].split("."))
            if value is not MISSING and not isinstance(value, str):
                return UNKNOWN
            self.says_missing = self.says_missing or value is MISSING
            pieces[index] = pieces[index] if value is MISSING else value
        return "".join(pieces)

    def _find(self, reader: str, selector: Sequence[str]) -> Any:
        """Look a variable up as the reader finds it: only what comes before it is certain."""
        if len(selector) < 2:
            return MISSING
        source, name, *path = selector
        if source in self._graph.by_id:
            if not self._comes_before(source, reader):
                return UNKNOWN if self.fate(source) is Fate.RUNS else MISSING
            if self.fate(source) is Fate.RUNS:
                self._run(self._graph.by_id[source])
        value = self._values.get((source, name), MISSING)
        if source in ("sys", "env", "conversation") and isinstance(value, dict | list | None):
            return UNKNOWN
        if value is MISSING and (source == "sys" or self._is_start(source)):
            return UNKNOWN
        for key in path:
            if not isinstance(value, dict):
                return UNKNOWN if value is UNKNOWN else MISSING
            value = value.get(key, MISSING)
        return value

    def _is_start(self, node_id: str) -> bool:
        """Whether a node shows the whole pool under its own name."""
        return node_id == self._graph.root

    def _comes_before(self, source: str, reader: str) -> bool:
        reached, frontier = {source}, [source]
        while frontier:
            current = frontier.pop()
            for edge in self._graph.edges:
                if edge.source == current and edge.target not in reached:
                    reached.add(edge.target)
                    frontier.append(edge.target)
        return reader in reached and reader != source


def _contains(value: Any, expected: Any) -> bool:
    return bool(value) and str(expected or "") in value


_OPERATORS: Mapping[str, Callable[[Any, Any], Verdict]] = {
    "empty": lambda value, expected: not value,
    "not empty": lambda value, expected: bool(value),
    "contains": lambda value, expected: (
        _contains(value, expected) if isinstance(value, str) or not value else UNKNOWN
    ),
    "not contains": lambda value, expected: (
        not _contains(value, expected) if isinstance(value, str) or not value else UNKNOWN
    ),
    "is": lambda value, expected: value == expected if isinstance(value, str | None) else UNKNOWN,
    "=": lambda value, expected: (
        value == int(expected) if isinstance(value, int) and expected else UNKNOWN
    ),
    "≤": lambda value, expected: (
        value <= float(expected) if isinstance(value, int | float) and expected else UNKNOWN
    ),
}
"""The operators that real exports use, on texts and numbers; others are beyond this reading."""
