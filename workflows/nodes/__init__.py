"""EXECUTORS: which function runs which node type."""

from collections.abc import Mapping

from workflows.nodes import (
    answer,
    code,
    end,
    http_request,
    if_else,
    start,
    template_transform,
    variable_aggregator,
)
from workflows.nodes.base import Executor

EXECUTORS: Mapping[str, Executor] = {
    "start": start.execute,
    "end": end.execute,
    "answer": answer.execute,
    "if-else": if_else.execute,
    "variable-aggregator": variable_aggregator.execute,
    "template-transform": template_transform.execute,
    "http-request": http_request.execute,
    "code": code.execute,
}
"""Node type in Dify's spelling to its executor; one line a type."""
