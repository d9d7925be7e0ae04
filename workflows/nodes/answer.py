"""The `answer` node; its pure function is in `schema/values/evaluations.py`."""

from schema.nodes.answer import AnswerNodeData
from workflows.nodes.base import NodeContext, NodeResult


async def execute(data: AnswerNodeData, ctx: NodeContext) -> NodeResult:
    """Give a piece of the chatflow's answer."""
    return await ctx.evaluate()
