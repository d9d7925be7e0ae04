"""RunInfo: what the fold needs of a run that is not in its log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schema.runs import RunInput


@dataclass(frozen=True)
class RunInfo:
    """Ids that the API layer made for a run, and the values it began with, in wire form."""

    run_id: str
    workflow_id: str = ""
    task_id: str = ""
    message_id: str = ""
    """Chatflows only, as is the next one."""
    conversation_id: str = ""
    created_by: Mapping[str, Any] = field(default_factory=dict)
    """`{"id", "user"}` for end users, `{"id", "name", "email"}` for accounts."""
    created_at: float = 0.0
    """Seconds since the epoch."""
    system: Mapping[str, Any] = field(default_factory=dict)
    """System variables by name without `sys.`."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Environment values that replace the definition's."""
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Masks of the run's secrets by name."""
    conversation: Mapping[str, Any] = field(default_factory=dict)
    """Conversation variables as the run found them."""

    @classmethod
    def of(
        cls,
        run_input: RunInput,
        task_id: str = "",
        message_id: str = "",
        conversation_id: str = "",
    ) -> "RunInfo":
        """Take what the run's row has; a run without a task of its own is its own task."""
        return cls(
            run_id=run_input.run_id,
            workflow_id=run_input.workflow_id,
            task_id=task_id or run_input.run_id,
            message_id=message_id,
            conversation_id=conversation_id,
            created_by={"id": run_input.created_by, "user": run_input.created_by},
            created_at=run_input.created_at,
            system=run_input.system,
            environment=run_input.environment,
            secrets=run_input.secrets,
            conversation=run_input.conversation,
        )
