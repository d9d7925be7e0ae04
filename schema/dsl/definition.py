"""A Dify export as it was written: header, graph entries and variables, not yet looked into.

Every version of the format is read the same way: the document's version decides nothing but a
warning (dify-nodes 1.3). Apps without a graph and pipelines are read as such.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from schema.dsl.yaml_reader import Json, read_yaml
from schema.errors import InvalidDocument
from schema.findings import Finding, FindingCode, Severity, quote
from schema.plan import AppMode

KNOWN_VERSION = (0, 6, 0)
"""The newest version of the format that is known here."""
_OLDEST_VERSION = "0.1.0"
_PIPELINE = "rag_pipeline"


class DocumentKind(StrEnum):
    """What an export holds."""

    APP = "app"
    RAG_PIPELINE = "rag_pipeline"


class DocumentMode(StrEnum):
    """Modes of apps in Dify's spelling; pipelines have one of their own here."""

    WORKFLOW = "workflow"
    ADVANCED_CHAT = "advanced-chat"
    CHAT = "chat"
    AGENT_CHAT = "agent-chat"
    AGENT = "agent"
    COMPLETION = "completion"
    CHANNEL = "channel"
    RAG_PIPELINE = "rag-pipeline"


@dataclass(frozen=True, kw_only=True)
class WorkflowDefinition:
    """What an author drew, as the document has it."""

    kind: DocumentKind
    mode: DocumentMode
    version: str = _OLDEST_VERSION
    name: str = ""
    description: str = ""
    nodes: tuple[Json, ...] = field(default=(), repr=False)
    """Entries of `graph.nodes` in file order, notes and malformed ones included."""
    edges: tuple[Json, ...] = ()
    features: Mapping[str, Any] = field(default_factory=dict)
    environment: tuple[Json, ...] = field(default=(), repr=False)
    """Entries of `environment_variables`, secrets among them."""
    conversation: tuple[Json, ...] = ()
    """Entries of `conversation_variables`."""
    findings: tuple[Finding, ...] = ()
    """Warnings about the document itself."""

    @property
    def app_mode(self) -> AppMode | None:
        """The mode if the app has a graph that runs, else None."""
        runs = self.mode in (DocumentMode.WORKFLOW, DocumentMode.ADVANCED_CHAT)
        return AppMode(self.mode.value) if runs else None


def read_definition(data: bytes | str) -> WorkflowDefinition:
    r"""Read an export of any version.

    Raises:
        InvalidDocument: If it is no export, says where and why.

    Example:
        >>> text = "app: {mode: workflow}\nworkflow: {graph: {nodes: [], edges: []}}"
        >>> read_definition(text).mode
        <DocumentMode.WORKFLOW: 'workflow'>
    """
    document = read_yaml(data)
    root = document.value
    if not isinstance(root, dict):
        raise InvalidDocument("Not an export: the document is not a mapping.")
    version = _version(root)
    kind = DocumentKind.RAG_PIPELINE if root.get("kind") == _PIPELINE else DocumentKind.APP
    if kind is DocumentKind.APP and not root.get("app"):
        raise InvalidDocument(
            "Missing app data in YAML content (no `app`): is it an export of Dify?"
        )
    header = _mapping(root, "app" if kind is DocumentKind.APP else _PIPELINE)
    mode = DocumentMode.RAG_PIPELINE if kind is DocumentKind.RAG_PIPELINE else _mode(header)
    workflow = _mapping(root, "workflow")
    if not workflow and mode in (DocumentMode.WORKFLOW, DocumentMode.ADVANCED_CHAT):
        raise InvalidDocument("Missing workflow data for workflow/advanced chat app.")
    graph = _mapping(workflow, "graph", "workflow")
    return WorkflowDefinition(
        kind=kind,
        mode=mode,
        version=version,
        name=_text(header, "name"),
        description=_text(header, "description"),
        nodes=_list(graph, "nodes", "workflow.graph"),
        edges=_list(graph, "edges", "workflow.graph"),
        features=_mapping(workflow, "features", "workflow"),
        environment=_list(workflow, "environment_variables", "workflow"),
        conversation=_list(workflow, "conversation_variables", "workflow"),
        findings=(*document.findings, *_version_findings(version)),
    )


def _version(root: Mapping[str, Json]) -> str:
    version = root.get("version") or _OLDEST_VERSION
    if not isinstance(version, str):
        kind = type(version).__name__
        raise InvalidDocument(
            f"Invalid version type, expected str, got {kind}; write it in quotes, as exports do."
        )
    return version


def _version_findings(version: str) -> tuple[Finding, ...]:
    parsed = re.match(r"(\d{1,6})\.(\d{1,6})(?:\.(\d{1,6}))?", version, re.ASCII)
    if parsed is None:
        message = f"{quote(version)} is no version of the format."
    elif tuple(int(part or 0) for part in parsed.groups()) > KNOWN_VERSION:
        message = f"The format {quote(version)} is newer than those known here."
    else:
        return ()
    known = ".".join(str(part) for part in KNOWN_VERSION)
    return (
        Finding(
            code=FindingCode.DOCUMENT_VERSION,
            severity=Severity.WARNING,
            field="version",
            message=f"{message} It is read like {known}.",
        ),
    )


def _mode(header: Mapping[str, Json]) -> DocumentMode:
    mode = header.get("mode")
    if not mode:
        raise InvalidDocument("The app has no mode (app.mode).")
    apps = [known.value for known in DocumentMode if known is not DocumentMode.RAG_PIPELINE]
    if mode not in apps:
        raise InvalidDocument(f"Invalid app mode {quote(mode)}; accepted: {', '.join(apps)}.")
    return DocumentMode(mode)


def _mapping(parent: Mapping[str, Json], key: str, path: str = "") -> Mapping[str, Json]:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _wrong_type(key, path, "a mapping", value)
    return value


def _list(parent: Mapping[str, Json], key: str, path: str) -> tuple[Json, ...]:
    value = parent.get(key)
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong_type(key, path, "a list", value)
    return tuple(value)


def _text(header: Mapping[str, Json], key: str) -> str:
    """Read a text that only people look at; anything else is shown as it would be written."""
    value = header.get(key)
    return value if isinstance(value, str) else "" if value is None else quote(value)


def _wrong_type(key: str, path: str, expected: str, value: Json) -> InvalidDocument:
    place = f"{path}.{key}" if path else key
    return InvalidDocument(
        f"Not an export: {place} must be {expected}, it is {type(value).__name__}."
    )
