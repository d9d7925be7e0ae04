"""The `variable-aggregator` node; its pure function is in `schema/values/evaluations.py`."""

from collections.abc import Awaitable

from schema.nodes.variable_aggregator import VariableAggregatorNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(
    data: VariableAggregatorNodeData, ctx: NodeContext
) -> NodeResult | Awaitable[NodeResult]:
    """Give the first of several variables that exists."""
    return ctx.evaluate()
