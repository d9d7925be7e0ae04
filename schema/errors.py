"""Every exception the project raises, by who can act on it.

The branch of the tree decides what follows and nothing else does: a definition is refused before a
run starts, a node failure belongs to the author, infrastructure is waited for or retried, and a
setup error tells the operator what to do. `code` is stable: it is Temporal's error type and the
key of tables that translate errors for an audience.

    HoldfastError
      DefinitionError              the document is wrong or unsupported; raised before a run exists
        InvalidDocument, UnsupportedNodeType, InvalidGraph, InvalidSelector, InvalidInputs
      NodeError                    a node failed for a reason its author can act on
        InvalidNodeInput, VariableNotFound, ConditionFailed, EvaluationFailed, PayloadTooLarge,
        CodeFailed, TemplateFailed, JobKilled, WorkerLost, SecretMissing, RequestFailed,
        AddressRefused
      InfrastructureError          not the author's business; waited for or retried
        DatabaseUnavailable, ArtifactStoreUnavailable, SandboxUnavailable, TemporalUnavailable,
        SecretUnreadable
      SetupError                   this machine is not ready; the message says what to do
        DevServerUnavailable, DataDirectoryInUse, IsolationMissing, PackagesNotInstalled
      NotFound, Conflict, NotPermitted
      ValueBehindReference         pure code needs a value that only activities can resolve
      RunEnded                     the run reached another terminal state; its writer must obey it
"""

from collections.abc import Mapping, Sequence
from typing import Any


class HoldfastError(Exception):
    """An error that this project knows and names."""

    code = "holdfast_error"


class DefinitionError(HoldfastError):
    """The document or its inputs cannot become a run."""

    code = "definition_error"


class InvalidDocument(DefinitionError):
    """The text is not a Dify export."""

    code = "invalid_document"


class UnsupportedNodeType(DefinitionError):
    """The graph has a node type that this version cannot run."""

    code = "unsupported_node_type"


class InvalidGraph(DefinitionError):
    """The graph cannot be compiled; every finding is part of the message."""

    code = "invalid_graph"


class InvalidSelector(DefinitionError):
    """A selector has fewer than two parts or parts that are not strings."""

    code = "invalid_selector"

    def __init__(self, parts: object) -> None:
        super().__init__(f"A selector needs a node id and a name, got {parts!r}.")


class InvalidInputs(DefinitionError):
    """The inputs of a run do not fit its start node; one message a problem."""

    code = "invalid_inputs"

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class NodeError(HoldfastError):
    """A node failed; what follows is decided in workflows/failures.py.

    `error_type` is Dify's name of the failure where Dify has one, else empty.
    """

    code = "node_error"
    error_type = ""
    inputs: Mapping[str, Any] | None = None
    """What the node had read when it failed, for its record; so is `process_data`."""
    process_data: Mapping[str, Any] | None = None


class InvalidNodeInput(NodeError):
    """A node was given a value that it cannot use."""

    code = "invalid_node_input"


class VariableNotFound(NodeError):
    """A selector that must exist has no value."""

    code = "variable_not_found"


class ConditionFailed(NodeError):
    """A condition could not be evaluated (dify-nodes 4.3)."""

    code = "condition_failed"


class EvaluationFailed(NodeError):
    """An inline node's function, run in an activity, says that the node failed."""

    code = "evaluation_failed"

    def __init__(
        self,
        message: str,
        error_type: str,
        inputs: Mapping[str, Any] | None,
        process_data: Mapping[str, Any] | None,
    ) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.inputs = inputs
        self.process_data = process_data


class PayloadTooLarge(NodeError):
    """A value is larger than the limits profile allows."""

    code = "payload_too_large"


class CodeFailed(NodeError):
    """The code of an author failed, or what it returned is not what was declared."""

    code = "code_failed"

    def __init__(self, message: str, error_type: str = "CodeExecutionError") -> None:
        super().__init__(message)
        self.error_type = error_type


class TemplateFailed(NodeError):
    """A Jinja2 template could not be rendered, or its text is too long."""

    code = "template_failed"


class JobKilled(NodeError):
    """A limit of the sandbox ended a node's code; the message names the limit."""

    code = "job_killed"


class RequestFailed(NodeError):
    """A request of an author could not be made or answered; `error_type` is Dify's."""

    code = "request_failed"

    def __init__(self, message: str, error_type: str = "HttpRequestNodeError") -> None:
        super().__init__(message)
        self.error_type = error_type


class AddressRefused(NodeError):
    """An author's URL leads to an address that is not for authors (invariant 20)."""

    code = "address_refused"
    error_type = "HttpRequestNodeError"

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"Access to {host!r} was blocked by SSRF protection: {reason}. An operator can allow "
            "it with HOLDFAST_ALLOWED_ADDRESSES."
        )


class WorkerLost(NodeError):
    """Three effect starts of one attempt ended without an outcome."""

    code = "worker_lost"
    error_type = "WorkerLost"


class SecretMissing(NodeError):
    """A node needs a secret that its run was not given."""

    code = "secret_missing"

    def __init__(self, name: str) -> None:
        super().__init__(f"The run was started without a value for the secret {name!r}.")


class InfrastructureError(HoldfastError):
    """Something of ours is away; the same call is worth repeating."""

    code = "infrastructure_error"


class DatabaseUnavailable(InfrastructureError):
    """Our records cannot be reached."""

    code = "database_unavailable"


class ArtifactStoreUnavailable(InfrastructureError):
    """The artifact store cannot be reached."""

    code = "artifact_store_unavailable"


class SandboxUnavailable(InfrastructureError):
    """No child of the sandbox could be had."""

    code = "sandbox_unavailable"


class TemporalUnavailable(InfrastructureError):
    """The Temporal server cannot be reached."""

    code = "temporal_unavailable"


class SecretUnreadable(InfrastructureError):
    """A secret is encrypted with a key that this process does not have."""

    code = "secret_unreadable"


class SetupError(HoldfastError):
    """This machine is not ready; the message ends with the one thing to do."""

    code = "setup_error"


class DevServerUnavailable(SetupError):
    """No Temporal dev server could be found, downloaded or built."""

    code = "dev_server_unavailable"

    def __init__(self, attempts: Sequence[tuple[str, str]], remedy: str) -> None:
        tried = "\n".join(f"  {way}: {reason}" for way, reason in attempts)
        super().__init__(f"No Temporal server could be had. Tried:\n{tried}\nTo do: {remedy}")
        self.attempts = tuple(attempts)
        self.remedy = remedy


class DataDirectoryInUse(SetupError):
    """Another version of Holdfast, or a stranger, holds the data directory."""

    code = "data_directory_in_use"


class IsolationMissing(SetupError):
    """No sandbox layer is available for untrusted code."""

    code = "isolation_missing"


class PackagesNotInstalled(SetupError):
    """Packages for code nodes could not be installed."""

    code = "packages_not_installed"

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} To do: {remedy}.")


class NotFound(HoldfastError):
    """The object does not exist for this tenant."""

    code = "not_found"


class Conflict(HoldfastError):
    """The object is not in a state that allows this."""

    code = "conflict"


class NotPermitted(HoldfastError):
    """The caller may not do this."""

    code = "not_permitted"


class RunEnded(HoldfastError):
    """The row of a run is terminal already; the workflow ends with that state."""

    code = "run_ended"


class ValueBehindReference(HoldfastError):
    """A pure function met a reference or a secret; evaluate it in an activity instead."""

    code = "value_behind_reference"
