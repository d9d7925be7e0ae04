"""Contracts of the activities that every run may need, and their inputs and outputs.

Contracts of node types stand beside the type's data in `schema/nodes/`.
"""

from datetime import timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from schema.contracts import ActivityContract, Role
from schema.limits import MAX_HTTP_SECONDS, LimitsProfile
from schema.plan import PlanNode
from schema.runs import RunInput, RunResult


class Nothing(BaseModel):
    """An input or output without content."""

    model_config = ConfigDict(frozen=True)


class RegisterInput(BaseModel):
    """A run that was started from outside."""

    model_config = ConfigDict(frozen=True)

    run_input: RunInput


class NodeInput(BaseModel):
    """What an activity needs to execute a node: never the pool, never the plan."""

    model_config = ConfigDict(frozen=True)

    node: PlanNode
    variables: tuple[tuple[str, str, Any], ...]
    """(node id, name, wire form) of what the node selects."""
    limits: LimitsProfile


class NodeOutput(BaseModel):
    """What an activity that executes a node returns, large values by reference."""

    model_config = ConfigDict(frozen=True)

    outputs: dict[str, Any] = Field(default_factory=dict)
    """Typed values by name, wire form."""
    inputs: dict[str, Any] | None = None
    process_data: dict[str, Any] | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)
    handle: str = "source"


class FinalizeInput(BaseModel):
    """The end of a run, as its workflow sees it."""

    model_config = ConfigDict(frozen=True)

    result: RunResult
    at: float


class FinalizeOutput(BaseModel):
    """The terminal state that counts: the first one written."""

    model_config = ConfigDict(frozen=True)

    result: RunResult


WAITING = timedelta(hours=1)
"""What start_to_close grants the wrapper's waits above the work's limit (architecture 3.3)."""

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

HTTP_REQUEST = ActivityContract(
    name="http-request",
    input_type=NodeInput,
    output_type=NodeOutput,
    role=Role.IO,
    start_to_close=timedelta(seconds=MAX_HTTP_SECONDS) + WAITING,
)
"""An author's request, sent through the address guard."""

FINALIZE = ActivityContract(
    name="finalize",
    input_type=FinalizeInput,
    output_type=FinalizeOutput,
    role=Role.RUN,
    start_to_close=timedelta(seconds=10),
)
"""The one local activity that writes: remaining facts and the terminal state."""
