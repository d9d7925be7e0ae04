"""Findings: what is wrong with a definition, or worth knowing, before it runs.

A finding with severity `error` stops a run; a warning says how the run will differ from what the
author may expect; a notice says what was done with something. All of them are collected. Codes are
stable: scripts may compare them.
"""

from dataclasses import dataclass
from enum import StrEnum

_SHOWN_CHARACTERS = 60


class Severity(StrEnum):
    """Whether a finding stops a run."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


class FindingCode(StrEnum):
    """What a finding is about."""

    # The document
    DUPLICATE_KEY = "duplicate-key"
    """A mapping has a key twice; the last value counts, as in Dify."""
    DOCUMENT_VERSION = "document-version"
    """The DSL version is newer than those known here, or no version at all; it decides nothing."""
    NOTHING_TO_RUN = "nothing-to-run"
    """The app has no graph that runs: a chat, agent or completion app, or a pipeline."""
    INVALID_VARIABLE = "invalid-variable"
    """An environment or conversation variable has no name, no known type, or a value of another."""
    SECRET_VARIABLE = "secret-variable"
    """A secret environment variable that nodes read has no value in the export: whoever starts a
    run gives it."""
    SECRET_LITERAL = "secret-literal"
    """A text in a node is a secret by its place; it is encrypted and left out of the plan."""
    SHORT_SECRET = "short-secret"
    """A secret is too short to be searched for in results."""
    UNSUPPORTED_VARIABLE_TYPE = "unsupported-variable-type"
    """An environment variable of a type that this version cannot hold."""
    UNSUPPORTED_FEATURE = "unsupported-feature"
    """A feature of the app that would change what a run does, and is left out."""

    # The graph
    EMPTY_GRAPH = "empty-graph"
    """There are no nodes."""
    GRAPH_TOO_LARGE = "graph-too-large"
    """There are more nodes or edges than any editor could show."""
    MALFORMED_NODE = "malformed-node"
    """An entry of `nodes` has no id, no data or no type."""
    DUPLICATE_NODE_ID = "duplicate-node-id"
    """Two nodes have the same id; only the last would exist."""
    INVALID_NODE_DATA = "invalid-node-data"
    """A field of a node is missing or has a value that Dify refuses."""
    DROPPED_EDGE = "dropped-edge"
    """An edge whose ends or handle are not text; Dify drops it silently."""
    DANGLING_EDGE = "dangling-edge"
    """An edge from or to a node that does not exist."""
    NO_ROOT = "no-root"
    """No node that a run could start from."""
    SEVERAL_ROOTS = "several-roots"
    """Several nodes that a run could start from; the first is taken, the others are skipped."""
    EDGE_INTO_ROOT = "edge-into-root"
    """An edge leads back to the node that the run starts from."""
    CYCLE = "cycle"
    """Nodes wait for each other; none of them ever runs."""
    UNREACHABLE_NODE = "unreachable-node"
    """No path leads from the start to the node; it never runs."""
    BLOCKED_NODE = "blocked-node"
    """A node waits for one that is never reached; it never runs."""
    UNKNOWN_HANDLE = "unknown-handle"
    """An edge leaves by a handle that its source does not have; it is never taken."""
    CONTAINER_START = "container-start"
    """An iteration or loop names no node to start from, or one that is not there."""
    CONTAINER_EDGE = "container-edge"
    """An edge connects the inside of an iteration or loop with something outside."""
    CONTAINER_NESTING = "container-nesting"
    """Iterations and loops contain themselves, or are nested too deeply."""

    # What this version runs
    UNSUPPORTED_NODE_TYPE = "unsupported-node-type"
    """The node is of a type that this version cannot run."""
    UNSUPPORTED_TOOL = "unsupported-tool"
    """The node needs a tool that this version cannot call."""
    UNSUPPORTED_MODEL = "unsupported-model"
    """The node needs a model that this version cannot call."""
    UNSUPPORTED_STRATEGY = "unsupported-strategy"
    """The node needs an agent strategy that this version does not have."""
    UNSUPPORTED_INPUT = "unsupported-input"
    """The start node asks for an input of a kind that this version does not take."""

    # What an author wrote, and fails when it runs
    TEMPLATE_SYNTAX = "template-syntax"
    """The template is not Jinja2."""
    CODE_SYNTAX = "code-syntax"
    """The code is not Python."""
    MISSING_PACKAGE = "missing-package"
    """The code imports what is not there for code nodes."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem of a definition.

    Example:
        >>> print(Finding(code=FindingCode.NO_ROOT, severity=Severity.ERROR, message="No start."))
        error no-root: No start.
    """

    code: FindingCode
    severity: Severity
    message: str
    """A sentence for the author; quoted names in it are shortened."""
    node_id: str = ""
    """The author's id of the node, whole; empty when it is about the document."""
    field: str = ""
    """Path of the field: in the node's data if there is a node id, else in the document."""
    accepted: str = ""
    """What would be accepted there, if that can be said in a few words."""

    @property
    def is_error(self) -> bool:
        """Whether the finding stops a run."""
        return self.severity is Severity.ERROR

    def __str__(self) -> str:
        place = "".join(f" {part}" for part in (shorten(self.node_id), self.field) if part)
        accepted = f" Accepted: {self.accepted}." if self.accepted else ""
        return f"{self.severity} {self.code}{place}: {self.message}{accepted}"


def quote(text: object) -> str:
    """Show an author's text inside a message: escaped, in quotes, and never long.

    Example:
        >>> quote("llm"), quote("x" * 100)[-4:]
        ("'llm'", "xx…'")
    """
    if not isinstance(text, str):
        return shorten(repr(text))
    return repr(shorten(text))


def shorten(text: str) -> str:
    """Cut a text to what fits into a message."""
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"
