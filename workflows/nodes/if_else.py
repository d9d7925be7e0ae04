"""The `if-else` node; its pure function is in `schema/values/evaluations.py`."""

from schema.nodes.if_else import IfElseNodeData
from workflows.nodes.base import NodeContext, NodeResult


async def execute(data: IfElseNodeData, ctx: NodeContext) -> NodeResult:
    """Leave by the first case that is true, else by `false`."""
    return await ctx.evaluate()
