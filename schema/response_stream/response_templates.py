"""What a response node will say, in the order in which it says it (dify-nodes 2.14)."""

from collections.abc import Iterable
from typing import Any, TypeAlias

from schema.nodes.answer import AnswerNodeData
from schema.nodes.end import EndNodeData
from schema.plan import PlanGraph, PlanNode
from schema.values.templates import Template

ResponsePart: TypeAlias = str | tuple[str, ...]
"""Literal text, or the parts of a selector."""

_ASSIGNER = "assigner"


def response_parts(node: PlanNode) -> tuple[ResponsePart, ...]:
    """Split what a response node says: an answer's template, an end's values line by line.

    Example:
        >>> data = AnswerNodeData(answer="Hi {{#sys.query#}}!")
        >>> response_parts(PlanNode(id="a", public_id="a", data=data))
        ('Hi ', ('sys', 'query'), '!')
    """
    match node.data:
        case AnswerNodeData():
            return tuple(
                part.text if part.selector is None else tuple(part.selector.parts)
                for part in Template.parse(node.data.answer).segments
            )
        case EndNodeData():
            return _end_parts(node.data)
        case _:
            return ()


def blocking_assigners(graph: PlanGraph, parts: Iterable[ResponsePart]) -> tuple[str, ...]:
    """Give the assigners that write what is said; until they ran, the value may be an old one."""
    said = {part[:2] for part in parts if not isinstance(part, str)}
    return tuple(
        node.id for node in graph.nodes if node.type == _ASSIGNER and said & _written(node)
    )


def _end_parts(data: EndNodeData) -> tuple[ResponsePart, ...]:
    parts: list[ResponsePart] = []
    for index, output in enumerate(data.outputs):
        if index:
            parts.append("\n")
        if output.value_selector:
            parts.append(tuple(output.value_selector))
    if parts and isinstance(parts[-1], str):
        parts.pop()
    return tuple(parts)


def _written(node: PlanNode) -> set[tuple[str, ...]]:
    """Read the targets of an assigner of either version (dify-nodes 5.15, 5.16)."""
    fields: dict[str, Any] = getattr(node.data, "config", None) or node.data.model_dump()
    targets = [fields.get("assigned_variable_selector")]
    items = fields.get("items")
    for item in items if isinstance(items, list | tuple) else ():
        targets.append(item.get("variable_selector") if isinstance(item, dict) else None)
    return {tuple(target)[:2] for target in targets if isinstance(target, list | tuple)}
