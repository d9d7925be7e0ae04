"""Contracts of the activities that every run may need, and their inputs and outputs.

Contracts of node types stand beside the type's data in `schema/nodes/`.
"""

from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from schema.contracts import ActivityContract, Role
from schema.facts import NodeFailed, NodeStarted
from schema.node_calls import WAITING, NodeInput, NodeOutput
from schema.runs import NodeExecutionStatus, RunInput, RunResult

__all__ = [
    "EVALUATE",
    "FINALIZE",
    "FLUSH",
    "REGISTER",
    "FinalizeInput",
    "FinalizeOutput",
    "NodeInput",
    "NodeOutput",
    "Nothing",
    "RegisterInput",
]


class Nothing(BaseModel):
    """An input or output without content."""

    model_config = ConfigDict(frozen=True)


class RegisterInput(BaseModel):
    """A run that was started from outside."""

    model_config = ConfigDict(frozen=True)

    run_input: RunInput


class FinalizeInput(BaseModel):
    """The end of a run, as its workflow sees it."""

    model_config = ConfigDict(frozen=True)

    result: RunResult
    at: float


class FinalizeOutput(BaseModel):
    """The terminal state that counts: the first one written."""

    model_config = ConfigDict(frozen=True)

    result: RunResult


class ClaimAs(StrEnum):
    """What a try becomes that somebody gives up."""

    LOST = "lost"
    """A node failure: its worker was lost, or Temporal has given it up."""
    STOPPED = "stopped"
    """Its run ends, or is being stopped."""


class GivenUpTry(BaseModel):
    """A try of a node whose activity is not waited for any more."""

    model_config = ConfigDict(frozen=True)

    node: NodeStarted
    path: str
    """Its node path."""
    activity_id: str


class ClaimInput(BaseModel):
    """Tries that are given up together."""

    model_config = ConfigDict(frozen=True)

    tries: tuple[GivenUpTry, ...]
    claim_as: ClaimAs
    reason: str
    """The error's text, bounded."""


class ClaimedOutcome(BaseModel):
    """What counts for one try: what its activity had recorded, or the claim."""

    model_config = ConfigDict(frozen=True)

    status: NodeExecutionStatus
    """`succeeded`, `failed` or `stopped`."""
    output: NodeOutput | None = None
    """Of a success that was found."""
    failure: NodeFailed | None = None
    """Of a failure, found or claimed."""


class ClaimOutput(BaseModel):
    """The outcomes that count, in the order of the tries."""

    model_config = ConfigDict(frozen=True)

    outcomes: tuple[ClaimedOutcome, ...]


FLUSH = ActivityContract(
    name="flush",
    input_type=Nothing,
    output_type=Nothing,
    role=Role.RUN,
    start_to_close=WAITING,
)
"""Carries facts that no other activity carries."""

REGISTER = ActivityContract(
    name="register",
    input_type=RegisterInput,
    output_type=Nothing,
    role=Role.RUN,
    start_to_close=WAITING,
)
"""Makes the row of a run that was started from outside."""

CLAIM = ActivityContract(
    name="claim",
    input_type=ClaimInput,
    output_type=ClaimOutput,
    role=Role.RUN,
    start_to_close=WAITING,
)
"""Takes the outcomes of tries that the workflow gives up; what was recorded counts instead."""

EVALUATE = ActivityContract(
    name="evaluate",
    input_type=NodeInput,
    output_type=NodeOutput,
    role=Role.CODE,
    start_to_close=timedelta(minutes=5) + WAITING,
)
"""An inline node's function over values behind references."""

FINALIZE = ActivityContract(
    name="finalize",
    input_type=FinalizeInput,
    output_type=FinalizeOutput,
    role=Role.RUN,
    start_to_close=timedelta(seconds=10),
)
"""The one local activity that writes: remaining facts and the terminal state."""
