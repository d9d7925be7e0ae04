"""The `end` node; its pure function is in `schema/values/evaluations.py`."""

from schema.nodes.end import EndNodeData
from workflows.nodes.base import NodeContext, NodeResult


async def execute(data: EndNodeData, ctx: NodeContext) -> NodeResult:
    """Give the selected values as outputs of the run."""
    return await ctx.evaluate()
