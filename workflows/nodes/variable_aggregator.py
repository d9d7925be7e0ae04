"""The `variable-aggregator` node; its pure function is in `schema/values/evaluations.py`."""

from schema.nodes.variable_aggregator import VariableAggregatorNodeData
from workflows.nodes.base import NodeContext, NodeResult


async def execute(data: VariableAggregatorNodeData, ctx: NodeContext) -> NodeResult:
    """Give the first of several variables that exists."""
    return await ctx.evaluate()
