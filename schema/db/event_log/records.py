"""What the event log gives back: heads, effect starts, outcomes, records of runs and nodes."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from schema.facts import NodeFailed, NodeFinished
from schema.runs import NodeExecutionStatus, RunRef, RunResult, RunStatus


@dataclass(frozen=True, slots=True)
class Head:
    """What a writer learns about its run; it must obey it (invariant 5)."""

    status: RunStatus
    stop_requested: bool
    last_seq: int
    ended: RunResult | None = None
    """The terminal state, if there is one: nothing of the writer's was inserted then."""


@dataclass(frozen=True, slots=True)
class RunFlags:
    """What may end the work of a run, or keep it from beginning."""

    must_stop: bool
    """The run has ended, or is being stopped."""
    pauses: int
    """Pauses and resumptions that its workflow has applied: odd while it is paused."""

    def is_paused_after(self, pauses: int) -> bool:
        """Whether the run was paused later than somebody knew who knew of so many.

        Example:
            >>> RunFlags(False, 1).is_paused_after(0), RunFlags(False, 1).is_paused_after(2)
            (True, False)
        """
        return self.pauses % 2 == 1 and self.pauses > pauses


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one try of a node ended, as its activity found it."""

    fact: NodeFinished | NodeFailed
    output: Any = None
    """What the activity returns to the workflow, wire form; null for a failure."""

    @property
    def succeeded(self) -> bool:
        """Whether the activity returns its output instead of raising."""
        fact = self.fact
        return isinstance(fact, NodeFinished) and fact.status is NodeExecutionStatus.SUCCEEDED


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """The outcome that counts; the first one recorded wins."""

    outcome: Outcome
    start: int
    """Number of the effect start that produced it; 0 for one that somebody else claimed."""
    is_new: bool = False
    """Whether this call recorded it."""
    head: Head | None = None


@dataclass(frozen=True, slots=True)
class EffectStart:
    """Leave to begin the effect."""

    number: int
    """From 1, never used twice for one try; fences, voids and `src` use it."""
    head: Head
    told: int = 0
    """Facts that its `src` has told already; what it streams is numbered from there."""


@dataclass(frozen=True, slots=True)
class EffectRefused:
    """Nothing may begin: the run has ended or is being stopped; nothing was counted."""

    head: Head


@dataclass(frozen=True, slots=True)
class EffectDeferred:
    """Nothing was started: the run was paused meanwhile, or what it needs is busy."""


@dataclass(frozen=True, slots=True)
class ChunkAnswer:
    """Whether streamed text was taken."""

    head: Head
    is_fenced: bool = False
    """A later start streams, or the outcome is recorded: nothing of this start counts any more."""


EffectAnswer: TypeAlias = EffectStart | EffectDeferred | EffectRefused | RecordedOutcome
"""What `begin_effect` gives."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as its row has it; values are in wire form."""

    run_id: str
    tenant_id: str
    app_id: str
    workflow_id: str
    conversation_id: str | None
    type: str
    """`workflow` or `chat`."""
    triggered_from: str
    """Dify's word for `trigger`: `app-run`, `webhook`, `schedule`, `plugin`, `debugging`."""
    trigger: str
    version: str
    plan_sha: str
    interp: int
    inputs: dict[str, Any]
    """User inputs by name and system variables as `sys.<name>`."""
    status: RunStatus
    outputs: dict[str, Any] | None
    error: str | None
    error_type: str | None
    elapsed_time: float
    """Seconds; 0 while the run is open."""
    total_tokens: int
    total_steps: int
    exceptions_count: int
    created_by_role: str
    """`account` or `end_user`."""
    created_by: str
    created_at: float
    finished_at: float | None
    parent_run_id: str | None
    seed_run_id: str | None
    temporal_workflow_id: str
    temporal_run_id: str | None
    """The Temporal run that last wrote facts."""
    stop_command_id: str | None
    stop_reason: str | None
    stop_requested: bool
    last_seq: int

    @property
    def ref(self) -> RunRef:
        """The run's identity."""
        return RunRef(run_id=self.run_id, tenant_id=self.tenant_id, app_id=self.app_id)

    @property
    def has_only_started(self) -> bool:
        """Whether RunStarted is its only fact, so that its workflow may have to be started yet."""
        return self.last_seq == 1

    def result(self) -> RunResult:
        """How the run ended, or what is known so far."""
        return RunResult(
            run_id=self.run_id,
            status=self.status,
            outputs=self.outputs,
            error=self.error,
            error_type=self.error_type,
            exceptions_count=self.exceptions_count,
            total_steps=self.total_steps,
            total_tokens=self.total_tokens,
        )


@dataclass(frozen=True, slots=True)
class NodeExecution:
    """One try of a node as its row has it; values are in wire form."""

    run_id: str
    node_exec_id: str
    attempt: int
    path: str
    """Node path: `node[3]`."""
    index: int
    predecessor_node_id: str | None
    node_id: str
    node_type: str
    title: str
    iteration_id: str | None
    iteration_index: int | None
    loop_id: str | None
    loop_index: int | None
    inputs: dict[str, Any] | None
    process_data: dict[str, Any] | None
    outputs: dict[str, Any] | None
    status: NodeExecutionStatus
    handle: str | None
    error: str | None
    error_type: str | None
    elapsed_time: float
    execution_metadata: dict[str, Any]
    total_tokens: int
    created_at: float | None
    finished_at: float | None
    effect_starts: int
    """Effect starts that count against the limit."""
    outcome: Outcome | None
    outcome_start: int | None
    tenant_id: str
    app_id: str
    workflow_id: str
    triggered_from: str
    created_by_role: str
    created_by: str


@dataclass(frozen=True, slots=True)
class PurgeCounts:
    """What `purge` deleted."""

    runs: int = 0
    node_executions: int = 0
    facts: int = 0
    artifacts: tuple[tuple[str, str], ...] = ()
    """(tenant id, SHA-256) of artifacts that no run names any more; the caller deletes them."""
    run_refs: tuple[RunRef, ...] = ()
    """The deleted runs, for whoever keeps more of them (blobs of Temporal's external storage)."""
