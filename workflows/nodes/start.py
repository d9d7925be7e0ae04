"""The `start` node; its pure function is in `schema/values/evaluations.py`."""

from collections.abc import Awaitable

from schema.nodes.start import StartNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(data: StartNodeData, ctx: NodeContext) -> NodeResult | Awaitable[NodeResult]:
    """Show what the run was given: inputs, system, environment and conversation variables."""
    return ctx.evaluate()
