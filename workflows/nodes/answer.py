"""The `answer` node; its pure function is in `schema/values/evaluations.py`."""

from collections.abc import Awaitable

from schema.nodes.answer import AnswerNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(data: AnswerNodeData, ctx: NodeContext) -> NodeResult | Awaitable[NodeResult]:
    """Give a piece of the chatflow's answer."""
    return ctx.evaluate()
