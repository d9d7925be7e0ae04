"""What a run is given, what it carries through continue-as-new, and how it ends.

Fields are only ever added, with a default: runs of older builds are still open.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schema.contracts import Role
from schema.limits import RunPolicy
from schema.plan import Plan, PlanVariable
from schema.values.encoding import to_wire
from schema.values.secret_ref import SecretRef, environment_secret
from schema.values.segments import SegmentType

CURRENT_INTERP = 1
"""Version of the interpreter's semantics that new runs get (architecture 6)."""


RUN_FAILED = "RunFailed"
"""Type of the error by which Temporal shows a failed run as Failed; its detail is the result."""


class RunStatus(StrEnum):
    """States of a run; the last four are terminal (dify-nodes 2.6)."""

    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    PARTIAL_SUCCEEDED = "partial-succeeded"
    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_terminal(self) -> bool:
        """Whether nothing can follow."""
        return self not in (RunStatus.RUNNING, RunStatus.PAUSED)


class NodeExecutionStatus(StrEnum):
    """States of one try of a node."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXCEPTION = "exception"
    """Failed, and absorbed by an error strategy."""
    RETRY = "retry"
    """Failed, and tried again."""
    PAUSED = "paused"
    HELD = "held"
    STOPPED = "stopped"
    SKIPPED = "skipped"


class Queues(BaseModel):
    """Names of the task queues; the embedded stack has one for all roles (architecture 2)."""

    model_config = ConfigDict(frozen=True)

    run: str = "holdfast"
    io: str = "holdfast"
    code: str = "holdfast"

    def of(self, role: Role) -> str:
        """Give the queue of a role.

        Example:
            >>> Queues(code="holdfast-code").of(Role.CODE)
            'holdfast-code'
        """
        return {Role.RUN: self.run, Role.IO: self.io, Role.CODE: self.code}[role]


class RunRef(BaseModel):
    """Which run an activity works for; all of it is checked at every look-up."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    tenant_id: str = "local"
    app_id: str = "local"


class Snapshot(BaseModel):
    """State of a run at a quiescent moment, carried through continue-as-new.

    Values are in wire form. Facts are all acknowledged then, so none is in it.
    """

    model_config = ConfigDict(frozen=True)

    traversal: dict[str, Any]
    """States of nodes and edges (schema/traversal.py)."""
    ready: tuple[str, ...]
    predecessors: dict[str, str]
    variables: tuple[tuple[str, str, Any], ...]
    """(node id, name, typed value) of the pool, in order of first writing."""
    outputs: dict[str, Any]
    counters: dict[str, int]
    attempts: dict[str, int]
    """Tries of nodes that were tried more than once or wait for another try."""
    paused: bool
    pause_announced: bool
    pause_reason: str
    applied_commands: tuple[str, ...]
    facts: int
    """Facts told so far; numbers go on."""
    pauses: int = 0
    """Pauses and resumptions applied so far."""
    deferred: dict[str, Any] = Field(default_factory=dict)
    """NodeStarted of tries that were launched and sent back unstarted, by node id."""
    active_seconds_left: float


class RunInput(BaseModel):
    """The one argument of `GraphRun`; the run row stores all of it."""

    model_config = ConfigDict(frozen=True)

    interp: int = CURRENT_INTERP
    run_id: str
    tenant_id: str = "local"
    app_id: str = "local"
    workflow_id: str = ""
    """Id of the definition (Dify's workflow id)."""
    plan: Plan
    inputs: dict[str, Any] = Field(default_factory=dict)
    """Values of the start node's variables, wire form, validated."""
    system: dict[str, Any] = Field(default_factory=dict)
    """System variables by name without `sys.`, wire form (dify-nodes 3.11)."""
    environment: dict[str, Any] = Field(default_factory=dict)
    """Environment values that replace the definition's, wire form."""
    secrets: dict[str, str] = Field(default_factory=dict)
    """Masks of the run's secrets by name; the values are encrypted in the records."""
    conversation: dict[str, Any] = Field(default_factory=dict)
    """Conversation variables as read when the row was made; missing ones have their first value."""
    trigger: str = "api"
    created_by: str = ""
    created_at: float = 0.0
    """Seconds since the epoch."""
    depth: int = 0
    registered: bool = False
    """True: the row and its RunStarted exist; else the workflow begins with `register`."""
    queues: Queues = Queues()
    policy: RunPolicy = RunPolicy()
    seed_run_id: str = ""
    resume: Snapshot | None = None

    @property
    def ref(self) -> RunRef:
        """The run's identity for activities."""
        return RunRef(run_id=self.run_id, tenant_id=self.tenant_id, app_id=self.app_id)


def first_value(
    variable: PlanVariable, replaced: Mapping[str, Any], secrets: Mapping[str, str]
) -> Any:
    """Give the value of an environment variable before the first node runs, in wire form.

    Args:
        variable: Its declaration.
        replaced: Values that the run was given instead of the definition's.
        secrets: Masks of the run's secrets.

    Example:
        >>> first_value(PlanVariable(name="K", value_type="secret"), {}, {"env.K": "****"})
        {'$holdfast': 'secret', 'name': 'env.K', 'masked': '****'}
    """
    if variable.value_type == SegmentType.SECRET:
        name = environment_secret(variable.name)
        return to_wire(SecretRef(name, secrets.get(name, "")))
    return replaced.get(variable.name, variable.value)


class RunResult(BaseModel):
    """How a run ended."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    status: RunStatus
    outputs: dict[str, Any] | None = None
    """Wire form; null when the run failed."""
    error: str | None = None
    error_type: str | None = None
    exceptions_count: int = 0
    total_steps: int = 0
    total_tokens: int = 0
