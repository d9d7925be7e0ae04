"""The `end` node; its pure function is in `schema/values/evaluations.py`."""

from collections.abc import Awaitable

from schema.nodes.end import EndNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(data: EndNodeData, ctx: NodeContext) -> NodeResult | Awaitable[NodeResult]:
    """Give the selected values as outputs of the run."""
    return ctx.evaluate()
