"""The closed list of node types that this version runs, and how their data is read."""

from collections.abc import Mapping
from typing import Any

from schema.nodes.answer import AnswerNodeData
from schema.nodes.base import NodeData
from schema.nodes.code import CodeNodeData
from schema.nodes.end import EndNodeData
from schema.nodes.foreign import ForeignNodeData
from schema.nodes.http_request import HttpRequestNodeData
from schema.nodes.if_else import IfElseNodeData
from schema.nodes.start import StartNodeData
from schema.nodes.template_transform import TemplateTransformNodeData
from schema.nodes.variable_aggregator import VariableAggregatorNodeData

NODE_DATA: Mapping[str, type[NodeData]] = {
    "start": StartNodeData,
    "end": EndNodeData,
    "answer": AnswerNodeData,
    "if-else": IfElseNodeData,
    "variable-aggregator": VariableAggregatorNodeData,
    "template-transform": TemplateTransformNodeData,
    "code": CodeNodeData,
    "http-request": HttpRequestNodeData,
}
"""Node type in Dify's spelling to its data class; any other type is foreign to this version."""

ALIASES: Mapping[str, str] = {"variable-assigner": "variable-aggregator"}
"""Old names of node types (dify-nodes 1.9)."""


def parse_node_data(data: Mapping[str, Any]) -> NodeData:
    """Read a node's data by its type; foreign types keep what every node has.

    Raises:
        pydantic.ValidationError: If a field has a value that Dify does not accept.
    """
    node_type = ALIASES.get(str(data.get("type")), str(data.get("type")))
    data_class = NODE_DATA.get(node_type, ForeignNodeData)
    return data_class.model_validate({**data, "type": node_type})
