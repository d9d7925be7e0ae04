"""The `if-else` node; its pure function is in `schema/values/evaluations.py`."""

from collections.abc import Awaitable

from schema.nodes.if_else import IfElseNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(data: IfElseNodeData, ctx: NodeContext) -> NodeResult | Awaitable[NodeResult]:
    """Leave by the first case that is true, else by `false`."""
    return ctx.evaluate()
