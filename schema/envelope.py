"""The envelope of every activity: who calls, which try of which node, and facts that ride along.

`workflows` packs it, the wrapper in `activities/base.py` unpacks it (design 3.3).
"""

from typing import Generic

from pydantic import BaseModel, ConfigDict

from schema.contracts import InputT, OutputT
from schema.facts import NodeStarted, OpenFact
from schema.runs import RunRef, RunResult


class ActivityCall(BaseModel, Generic[InputT]):
    """What an activity is given."""

    model_config = ConfigDict(frozen=True)

    run: RunRef
    node: NodeStarted | None = None
    """The try that the activity executes; the wrapper writes it with the first effect start."""
    path: str = ""
    """Node path of that try, for seeds and operators: `node[3]`."""
    facts: tuple[OpenFact, ...] = ()
    params: InputT


class ActivityReturn(BaseModel, Generic[OutputT]):
    """What comes back from an activity that did not fail."""

    model_config = ConfigDict(frozen=True)

    output: OutputT | None = None
    deferred: bool = False
    """Nothing was started because the run is paused; the node goes back into the ready queue."""
    digest: str
    """Over the facts of the call: they are in the log."""
    ended: RunResult | None = None
    """The terminal state of the run's row, if it has one: the run must obey it (invariant 5)."""
    stop_requested: bool = False


class ActivityFailure(BaseModel):
    """Details of an activity's node failure, inside its bounded ApplicationError."""

    model_config = ConfigDict(frozen=True)

    digest: str
    error: str
    error_type: str = ""
