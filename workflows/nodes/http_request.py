"""The `http-request` node; its effect is `activities/http_request.py`."""

from collections.abc import Awaitable

from schema.nodes.http_request import HTTP_REQUEST, HttpRequestNodeData
from workflows.nodes.base import NodeContext, NodeResult


def execute(data: HttpRequestNodeData, ctx: NodeContext) -> Awaitable[NodeResult]:
    """Send a request and give status, headers, text or files of the answer."""
    return ctx.execute(HTTP_REQUEST)
