"""The envelope of every activity: who calls, which try of which node, and facts that ride along.

`workflows` packs it, the wrapper in `activities/base.py` unpacks it (architecture 3.3).
"""

from typing import Any, Generic

from pydantic import BaseModel, ConfigDict

from schema.contracts import InputT, OutputT
from schema.facts import WORKFLOW_SRC, NodeStarted, OpenFact
from schema.runs import RunRef, RunResult


class Acknowledged(BaseModel):
    """Which workflow facts had come back when a carrier set out.

    The writer needs it for the first batch of a new Temporal run: after a reset, what was not
    acknowledged will be told again by the new run, so it is void where an older run told it.
    Numbers go on through continue-as-new, so that the same rule voids nothing there.
    """

    model_config = ConfigDict(frozen=True)

    src: str = WORKFLOW_SRC
    """Whose numbers these are; a child workflow's facts have a `src` of their own."""
    through: int = 0
    """Every number up to this one was acknowledged."""
    beyond: tuple[int, ...] = ()
    """Numbers above it that were acknowledged too, as a later carrier came back first."""


class ActivityCall(BaseModel, Generic[InputT]):
    """What an activity is given."""

    model_config = ConfigDict(frozen=True)

    run: RunRef
    node: NodeStarted | None = None
    """The try that the activity executes; the wrapper writes it with the first effect start."""
    path: str = ""
    """Node path of that try, for seeds and operators: `node[3]`."""
    facts: tuple[OpenFact, ...] = ()
    acknowledged: Acknowledged = Acknowledged()
    has_secrets: bool = False
    """Whether the run was given secrets, so that results have to be searched for them."""
    pauses: int = 0
    """Pauses and resumptions that the workflow had applied; a later pause defers the node."""
    params: InputT


class ActivityReturn(BaseModel, Generic[OutputT]):
    """What comes back from an activity that did not fail."""

    model_config = ConfigDict(frozen=True)

    output: OutputT | None = None
    deferred: bool = False
    """Nothing was started: the run was paused or its part of this system is busy; the node goes
    back into the ready queue."""
    digest: str
    """Over the facts of the call: they are in the log."""
    ended: RunResult | None = None
    """The terminal state of the run's row, if it has one: the run must obey it (invariant 5)."""
    stop_requested: bool = False


STOPPED = "Stopped"
"""Type of the error of an activity that ended because its run is being stopped or has ended."""


class ActivityFailure(BaseModel):
    """Details of an activity's node failure, inside its bounded ApplicationError."""

    model_config = ConfigDict(frozen=True)

    digest: str
    error: str
    error_type: str = ""
    inputs: dict[str, Any] | None = None
    process_data: dict[str, Any] | None = None
