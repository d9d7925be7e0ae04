"""The `template-transform` node: text and names here, the rest of Jinja2 in the sandbox.

The pure function of the first kind is in `schema/values/evaluations.py`.
"""

from collections.abc import Awaitable

from schema.nodes.template_transform import TEMPLATE_TRANSFORM, TemplateTransformNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(
    data: TemplateTransformNodeData, ctx: NodeContext
) -> NodeResult | Awaitable[NodeResult]:
    """Render a template over the selected variables."""
    return ctx.execute(TEMPLATE_TRANSFORM) if data.plain is None else ctx.evaluate()
