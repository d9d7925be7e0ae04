"""Contracts of the activities that every run may need, and their inputs and outputs.

Contracts of node types stand beside the type's data in `schema/nodes/`.
"""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict

from schema.contracts import ActivityContract, Role
from schema.node_calls import WAITING, NodeInput, NodeOutput
from schema.runs import RunInput, RunResult

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
