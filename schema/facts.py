"""What is in a run's log: one class a fact, their union, and their digest.

A fact says what happened, in the past tense; it is written once by `schema/db/event_log.py` and
never changed. What a client sees is folded from facts (`schema/response_stream.py`). Values are in
wire form (`schema/values/encoding.py`). Two places write facts: workflow code (`wf`: inline nodes,
decisions, commands, variables, the end) and activities (their own node's start, text and outcome).
"""

import hashlib
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from schema.runs import NodeExecutionStatus, RunStatus
from schema.values.encoding import encode

WORKFLOW_SRC = "wf"
"""`src` of workflow facts as a carrier has it; the writer puts the Temporal run id before it."""
START_SRC = "start"
"""`src` of RunStarted, written by whoever makes the row."""


def command_src(command_id: str) -> str:
    """Give the `src` of a command's one answer; its number is 1, so a second answer is dropped."""
    return f"command/{command_id}"


class FactBase(BaseModel):
    """What all facts have."""

    model_config = ConfigDict(frozen=True)

    at: float
    """When it happened, seconds since the epoch; workflow time for workflow facts."""


class NodeFact(FactBase):
    """A fact about one try of one node execution."""

    node_exec_id: str
    """`{run_id}:{node path}`; names one execution of a node in a run."""
    node_id: str
    """The author's id."""
    attempt: int = 1
    """The author's or operator's try, from 1."""


class RunStarted(FactBase):
    """The run's row exists; everything else follows it."""

    type: Literal["RunStarted"] = "RunStarted"
    inputs: dict[str, Any] = Field(default_factory=dict)
    """User inputs by name and system variables as `sys.<name>` (dify-nodes 8.2)."""
    plan_sha: str = ""


class RunReset(FactBase):
    """A Temporal reset: facts of `old_src` numbered above `after` never happened."""

    type: Literal["RunReset"] = "RunReset"
    old_src: str
    after: int


class NodeStarted(NodeFact):
    """A try of a node began."""

    type: Literal["NodeStarted"] = "NodeStarted"
    node_type: str
    title: str = ""
    index: int = 0
    """1-based order of start within the run."""
    predecessor: str | None = None
    """Id of the node whose edge made this one ready."""
    iteration_id: str | None = None
    iteration_index: int | None = None
    loop_id: str | None = None
    loop_index: int | None = None


class NodeFailed(NodeFact):
    """An activity's try failed; what it means is decided by the workflow and follows as a fact."""

    type: Literal["NodeFailed"] = "NodeFailed"
    error: str
    error_type: str = ""
    inputs: dict[str, Any] | None = None
    process_data: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    elapsed_time: float = 0.0


class NodeRetried(NodeFact):
    """A failed try is followed by another one of the author's `retry_config`."""

    type: Literal["NodeRetried"] = "NodeRetried"
    retry_index: int
    error: str
    error_type: str = ""
    inputs: dict[str, Any] | None = None
    process_data: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    elapsed_time: float = 0.0


class NodeFinished(NodeFact):
    """A node execution is over."""

    type: Literal["NodeFinished"] = "NodeFinished"
    status: NodeExecutionStatus
    """`succeeded`, `failed`, `exception` or `stopped`."""
    handle: str | None = None
    """The handle it left by; null when it did not leave."""
    inputs: dict[str, Any] | None = None
    process_data: dict[str, Any] | None = None
    outputs: dict[str, Any] | None = None
    error: str | None = None
    error_type: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    elapsed_time: float = 0.0
    """Seconds."""


class NodeHeld(NodeFact):
    """A failed node waits for `resolve`."""

    type: Literal["NodeHeld"] = "NodeHeld"
    path: str
    error: str
    error_type: str = ""
    deadline: float | None = None


class TextProduced(NodeFact):
    """A chunk of a node's streamed output."""

    type: Literal["TextProduced"] = "TextProduced"
    start: int = 1
    """Number of the effect start that produced it; a later start voids it."""
    name: str = "text"
    """The output that the text belongs to."""
    text: str
    final: bool = False
    """The stream of this output is closed."""


class ReasoningProduced(NodeFact):
    """A chunk of a model's reasoning; never part of the answer."""

    type: Literal["ReasoningProduced"] = "ReasoningProduced"
    start: int = 1
    text: str
    final: bool = False


class TextVoided(NodeFact):
    """Chunks of this try that an effect start below `before_start` produced do not count."""

    type: Literal["TextVoided"] = "TextVoided"
    before_start: int


class TextReplaced(NodeFact):
    """The whole text of an output, in place of every chunk of this try so far."""

    type: Literal["TextReplaced"] = "TextReplaced"
    name: str = "text"
    text: str


class RetrieverResourcesFound(NodeFact):
    """Citations that a node found."""

    type: Literal["RetrieverResourcesFound"] = "RetrieverResourcesFound"
    resources: list[dict[str, Any]]


class AgentLogged(NodeFact):
    """An entry of an agent's log, as clients get it."""

    type: Literal["AgentLogged"] = "AgentLogged"
    entry: dict[str, Any]


class IterationStarted(NodeFact):
    """An iteration knows its items."""

    type: Literal["IterationStarted"] = "IterationStarted"
    length: int
    inputs: dict[str, Any] | None = None


class IterationNext(NodeFact):
    """An item's round begins."""

    type: Literal["IterationNext"] = "IterationNext"
    index: int


class IterationFinished(NodeFact):
    """An iteration is over."""

    type: Literal["IterationFinished"] = "IterationFinished"
    status: NodeExecutionStatus
    steps: int
    outputs: dict[str, Any] | None = None
    error: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class LoopStarted(NodeFact):
    """A loop knows its variables and the most rounds it may take."""

    type: Literal["LoopStarted"] = "LoopStarted"
    length: int
    inputs: dict[str, Any] | None = None


class LoopNext(NodeFact):
    """A round after the first begins."""

    type: Literal["LoopNext"] = "LoopNext"
    index: int
    pre_loop_output: dict[str, Any] | None = None


class LoopFinished(NodeFact):
    """A loop is over."""

    type: Literal["LoopFinished"] = "LoopFinished"
    status: NodeExecutionStatus
    steps: int
    outputs: dict[str, Any] | None = None
    error: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class VariableUpdated(NodeFact):
    """A conversation variable was written; the same transaction updates its row."""

    type: Literal["VariableUpdated"] = "VariableUpdated"
    name: str
    value_type: str
    value: Any


class FormOpened(NodeFact):
    """A human-input node waits for people."""

    type: Literal["FormOpened"] = "FormOpened"
    form_id: str
    definition: dict[str, Any]
    deadline: float | None = None


class FormSubmitted(NodeFact):
    """People answered a form."""

    type: Literal["FormSubmitted"] = "FormSubmitted"
    form_id: str
    action: str
    data: dict[str, Any] = Field(default_factory=dict)


class FormExpired(NodeFact):
    """Nobody answered a form in time."""

    type: Literal["FormExpired"] = "FormExpired"
    form_id: str


class CommandApplied(FactBase):
    """A command took effect."""

    type: Literal["CommandApplied"] = "CommandApplied"
    command_id: str
    command: str


class CommandRefused(FactBase):
    """A command had no effect."""

    type: Literal["CommandRefused"] = "CommandRefused"
    command_id: str
    command: str
    reason: str


class RunPaused(FactBase):
    """Nothing runs until a command or a person answers; all reasons are listed."""

    type: Literal["RunPaused"] = "RunPaused"
    reasons: list[dict[str, Any]]
    outputs: dict[str, Any] = Field(default_factory=dict)
    """The run's outputs so far."""


class RunResumed(FactBase):
    """The run goes on."""

    type: Literal["RunResumed"] = "RunResumed"


class RunFinished(FactBase):
    """The terminal state; nothing but CommandRefused follows it."""

    type: Literal["RunFinished"] = "RunFinished"
    status: RunStatus
    outputs: dict[str, Any] | None = None
    error: str | None = None
    error_type: str | None = None
    exceptions_count: int = 0
    total_steps: int = 0
    total_tokens: int = 0


Fact: TypeAlias = Annotated[
    RunStarted
    | RunReset
    | NodeStarted
    | NodeFailed
    | NodeRetried
    | NodeFinished
    | NodeHeld
    | TextProduced
    | ReasoningProduced
    | TextVoided
    | TextReplaced
    | RetrieverResourcesFound
    | AgentLogged
    | IterationStarted
    | IterationNext
    | IterationFinished
    | LoopStarted
    | LoopNext
    | LoopFinished
    | VariableUpdated
    | FormOpened
    | FormSubmitted
    | FormExpired
    | CommandApplied
    | CommandRefused
    | RunPaused
    | RunResumed
    | RunFinished,
    Field(discriminator="type"),
]
"""Any fact."""


class OpenFact(BaseModel):
    """A fact on its way to the log, under the number it keeps until it is acknowledged."""

    model_config = ConfigDict(frozen=True)

    src: str = WORKFLOW_SRC
    src_seq: int
    fact: Fact


class LoggedFact(BaseModel):
    """A fact as it stands in the log."""

    model_config = ConfigDict(frozen=True)

    seq: int
    """Order within the run; holes are harmless."""
    src: str
    src_seq: int
    fact: Fact


def digest(facts: Iterable[OpenFact]) -> str:
    """Hash what facts say, so that a replay notices changed semantics (invariant 4).

    Covers number, type, node execution, attempt, handle and values: a list fixed for interp 1, so
    that a new optional field changes no digest.

    Example:
        >>> digest([]) == digest([])
        True
    """
    return hashlib.sha256(encode([_digested(entry) for entry in facts]).encode()).hexdigest()[:32]


def _digested(entry: OpenFact) -> list[Any]:
    told = (
        entry.fact.__dict__
    )  # many facts have few of these; a model is slow to say that it has not
    return [
        entry.src,
        entry.src_seq,
        told["type"],
        told.get("node_exec_id", ""),
        told.get("attempt", 0),
        told.get("handle"),
        told.get("status"),
        told.get("outputs"),
        told.get("value"),
    ]
