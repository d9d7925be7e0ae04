"""What of a graph this version cannot run, by name: node types, tools, models, inputs.

A node that no run can come to stops nothing: for it the same findings are warnings.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schema.findings import Finding, FindingCode, Severity, quote
from schema.graph import find_runnable
from schema.nodes import NODE_DATA
from schema.nodes.base import NodeData
from schema.nodes.foreign import ForeignNodeData
from schema.nodes.start import InputType, InputVariable, StartNodeData
from schema.plan import PlanGraph

_BODY_STARTS = frozenset({"iteration-start", "loop-start"})
"""Bookkeeping of a container, which is named itself."""
_REFUSED_INPUTS = frozenset({InputType.EXTERNAL_DATA_TOOL})


@dataclass(frozen=True)
class _Lack:
    """Something that a node needs and this version does not have."""

    code: FindingCode
    field: str
    message: str
    accepted: str = ""
    is_optional: bool = False
    """Whether a run does well without it."""


def check_support(graph: PlanGraph) -> Iterator[Finding]:
    """Name what stops a graph, the insides of its containers included."""
    yield from _check(graph, find_runnable(graph))


def _check(graph: PlanGraph, runnable: frozenset[str]) -> Iterator[Finding]:
    for node in graph.nodes:
        is_start_of_body = node.id == graph.root and node.type in _BODY_STARTS
        for lack in () if is_start_of_body else _lacks(node.data):
            stops = node.id in runnable and not lack.is_optional
            yield Finding(
                code=lack.code,
                severity=Severity.ERROR if stops else Severity.WARNING,
                node_id=node.id,
                field=lack.field,
                message=lack.message,
                accepted=lack.accepted,
            )
        if node.body is not None:
            # As deep as `containers.MAX_NESTING`.
            inside = find_runnable(node.body) if node.id in runnable else frozenset()
            yield from _check(node.body, inside)


def _lacks(data: NodeData) -> Iterator[_Lack]:
    match data:
        case ForeignNodeData():
            yield _Lack(
                FindingCode.UNSUPPORTED_NODE_TYPE,
                "type",
                f"Nodes of the type {quote(data.type)} do not run in this version.",
                ", ".join(NODE_DATA),
            )
            requirements = _REQUIREMENTS.get(data.type)
            if requirements is not None:
                yield from requirements(data.config)
        case StartNodeData():
            for index, variable in enumerate(data.variables):
                yield from _input_lacks(f"variables.{index}", variable)


def _input_lacks(field: str, variable: InputVariable) -> Iterator[_Lack]:
    if variable.type in _REFUSED_INPUTS:
        yield _Lack(
            FindingCode.UNSUPPORTED_INPUT,
            f"{field}.type",
            f"The input {quote(variable.variable)} is of the kind {variable.type}, which this "
            "version does not take.",
            ", ".join(kind for kind in InputType if kind not in _REFUSED_INPUTS),
            is_optional=not variable.required,
        )
    if variable.type is InputType.JSON_OBJECT and variable.json_schema is not None:
        yield _Lack(
            FindingCode.UNSUPPORTED_INPUT,
            f"{field}.json_schema",
            f"The input {quote(variable.variable)} has a JSON schema, which this version does not "
            "check.",
            "json_object without a schema",
        )


def _tool_of(config: Mapping[str, Any]) -> Iterator[_Lack]:
    provider = config.get("provider_id") or config.get("provider_name")
    yield _tool(provider, config.get("tool_name"), "tool_name")


def _model_of(config: Mapping[str, Any]) -> Iterator[_Lack]:
    model = config.get("model")
    if isinstance(model, Mapping):
        yield _model(model.get("provider"), model.get("name"), "model")


def _agent_needs(config: Mapping[str, Any]) -> Iterator[_Lack]:
    strategy = config.get("agent_strategy_name")
    provider = config.get("agent_strategy_provider_name")
    yield _Lack(
        FindingCode.UNSUPPORTED_STRATEGY,
        "agent_strategy_name",
        f"It needs the agent strategy {quote(strategy)} of {quote(provider)}.",
    )
    for name, value in _parameters(config):
        field = f"agent_parameters.{name}"
        if isinstance(value, Mapping) and "model" in value:
            yield _model(value.get("provider"), value.get("model"), field)
        for tool in value if isinstance(value, list) else ():
            if isinstance(tool, Mapping) and tool.get("enabled", True) and "tool_name" in tool:
                provider = tool.get("provider_name") or tool.get("provider")
                yield _tool(provider, tool["tool_name"], field)


def _parameters(config: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    parameters = config.get("agent_parameters")
    for name, parameter in parameters.items() if isinstance(parameters, Mapping) else ():
        yield name, parameter.get("value") if isinstance(parameter, Mapping) else None


def _tool(provider: object, tool: object, field: str) -> _Lack:
    return _Lack(
        FindingCode.UNSUPPORTED_TOOL,
        field,
        f"It needs the tool {quote(tool)} of {quote(provider)}.",
    )


def _model(provider: object, model: object, field: str) -> _Lack:
    return _Lack(
        FindingCode.UNSUPPORTED_MODEL,
        field,
        f"It needs the model {quote(model)} of {quote(provider)}.",
    )


_REQUIREMENTS: Mapping[str, Callable[[Mapping[str, Any]], Iterator[_Lack]]] = {
    "tool": _tool_of,
    "llm": _model_of,
    "question-classifier": _model_of,
    "parameter-extractor": _model_of,
    "agent": _agent_needs,
}
"""Node type to what else its configuration asks for."""
