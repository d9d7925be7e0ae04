"""What people and programs may ask of a living run.

A command is a Temporal signal with an id, answered by exactly one fact: CommandApplied or
CommandRefused (architecture 7). The command line and the Temporal CLI use the same shapes; the
argument may be left out, and the workflow then numbers the command itself.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class CommandKind(StrEnum):
    """Names of the signals."""

    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"


class Command(BaseModel):
    """The argument of a command's signal."""

    model_config = ConfigDict(frozen=True)

    command_id: str = ""
    """Given by the sender; a repeated id is dropped. Empty: numbered by the workflow."""
    reason: str = ""


class Pause(Command):
    """Let running nodes finish and start none."""


class Resume(Command):
    """Go on after a pause."""


class Stop(Command):
    """End the run as `stopped`; Temporal's cancel means the same."""
