"""Data of nodes by type, and a finding for every field that Dify would refuse."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from schema.dsl.graph_entries import NodeEntry
from schema.findings import Finding, FindingCode, Severity
from schema.nodes import parse_node_data
from schema.nodes.base import RETRYING_TYPES, NodeData, RetryConfig

_FINDINGS_PER_NODE = 20
_MESSAGE_CHARACTERS = 300


def parse_all(entries: Iterable[NodeEntry]) -> tuple[dict[str, NodeData], tuple[Finding, ...]]:
    """Read the data of every node; unreachable ones too, as Dify does (dify-nodes 1.10)."""
    found: dict[str, NodeData] = {}
    findings: list[Finding] = []
    for entry in entries:
        try:
            found[entry.id] = _resolve_retries(parse_node_data(entry.data))
        except ValidationError as error:
            findings.extend(_findings(entry, error))
    return found, tuple(findings)


def _resolve_retries(data: NodeData) -> NodeData:
    """Drop retries that Dify would not make: switched off, or of a type that has none."""
    if data.retry_config.retry_enabled and data.type in RETRYING_TYPES:
        return data
    return data.model_copy(update={"retry_config": RetryConfig()})


def _findings(entry: NodeEntry, error: ValidationError) -> Iterator[Finding]:
    messages: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        found = messages.setdefault(_field(entry.data, detail), [])
        if detail["msg"] not in found:
            found.append(detail["msg"].removeprefix("Value error, "))
    for field, found in list(messages.items())[:_FINDINGS_PER_NODE]:
        yield Finding(
            code=FindingCode.INVALID_NODE_DATA,
            severity=Severity.ERROR,
            node_id=entry.id,
            field=field,
            message=" or ".join(found)[:_MESSAGE_CHARACTERS],
        )


def _field(data: Mapping[str, Any], detail: ErrorDetails) -> str:
    """Give the path of a field in the document: without the members of unions that were tried."""
    path: list[str] = []
    value: Any = data
    for part in detail["loc"]:
        is_field = isinstance(value, Mapping) and part in value
        is_item = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if is_field or is_item:
            value = value[part]
        elif detail["type"] != "missing":
            break
        path.append(str(part))
    return ".".join(path)
