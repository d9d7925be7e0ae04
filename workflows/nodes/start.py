"""The `start` node; its pure function is in `schema/values/evaluations.py`."""

from schema.nodes.start import StartNodeData
from workflows.nodes.base import NodeContext, NodeResult


async def execute(data: StartNodeData, ctx: NodeContext) -> NodeResult:
    """Show what the run was given: inputs, system, environment and conversation variables."""
    return await ctx.evaluate()
