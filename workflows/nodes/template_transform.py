"""The `template-transform` node; its pure function is in `schema/values/evaluations.py`."""

from collections.abc import Awaitable

from schema.nodes.template_transform import TemplateTransformNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(
    data: TemplateTransformNodeData, ctx: NodeContext
) -> NodeResult | Awaitable[NodeResult]:
    """Render a template over the selected variables."""
    return ctx.evaluate()
