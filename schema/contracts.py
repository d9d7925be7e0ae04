"""What a workflow needs to know about an activity in order to call it.

Workflows never import an activity: they name it by a contract, whose types both sides check.
"""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Generic, TypeVar

from pydantic import BaseModel

InputT = TypeVar("InputT", bound=BaseModel)
OutputT = TypeVar("OutputT", bound=BaseModel)


class Role(StrEnum):
    """Whose task queue work goes to."""

    RUN = "run"
    IO = "io"
    CODE = "code"


@dataclass(frozen=True, kw_only=True)
class ActivityContract(Generic[InputT, OutputT]):
    """Name, types and bounds of an activity."""

    name: str
    """Registered name: the node type if there is one. In histories, so never reused or renamed."""
    input_type: type[InputT]
    output_type: type[OutputT]
    role: Role
    start_to_close: timedelta
    """Limit of one attempt, the wrapper's waits included (the work's own limit plus an hour)."""
    needs_sandbox: bool = False
    """Whether its effect cannot begin while the sandbox is away."""
