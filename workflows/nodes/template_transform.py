"""The `template-transform` node; its pure function is in `schema/values/evaluations.py`."""

from schema.nodes.template_transform import TemplateTransformNodeData
from workflows.nodes.base import NodeContext, NodeResult


async def execute(data: TemplateTransformNodeData, ctx: NodeContext) -> NodeResult:
    """Render a template over the selected variables."""
    return await ctx.evaluate()
