"""The `code` node: runs in the sandbox, in an activity."""

from collections.abc import Awaitable

from schema.nodes.code import CODE, CodeNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(data: CodeNodeData, ctx: NodeContext) -> Awaitable[NodeResult]:
    """Run the author's code over the selected variables."""
    return ctx.execute(CODE)
