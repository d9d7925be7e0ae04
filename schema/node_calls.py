"""Input and output of the activities that execute nodes.

Apart from `schema/activities.py` because contracts of node types stand beside the type's data: a
plan knows the types of its nodes, so nothing that a type needs may import the plan. Completed by
`schema/plan.py`.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from schema.limits import LimitsProfile

if TYPE_CHECKING:
    from schema.plan import PlanNode

WAITING = timedelta(hours=1)
"""What start_to_close grants the wrapper's waits above the work's limit (architecture 3.3)."""


class NodeInput(BaseModel):
    """What an activity needs to execute a node: never the pool, never the plan."""

    model_config = ConfigDict(frozen=True)

    node: "PlanNode"
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
