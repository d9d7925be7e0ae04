"""Every activity, in one list."""

from collections.abc import Callable
from typing import Any

from activities.base import ActivityWrapper
from activities.evaluate import EvaluateActivities
from activities.flush import FlushActivities
from activities.runs import RunActivities
from activities.sandbox.job import Sandbox
from schema.db.event_log import EventLog
from schema.values.artifact_ref import ArtifactStore


def build_activities(
    log: EventLog, artifacts: ArtifactStore, sandbox: Sandbox
) -> list[Callable[..., Any]]:
    """Build what a worker registers; `finalize` alone is local and not wrapped.

    Args:
        log: The records.
        artifacts: The store of large values.
        sandbox: Where code of authors runs.
    """
    runs = RunActivities(log)
    wrapper = ActivityWrapper(log, artifacts)
    wrapped: list[Callable[..., Any]] = [
        FlushActivities().flush,
        runs.register,
        EvaluateActivities().evaluate,
    ]
    return [*map(wrapper.wrap, wrapped), runs.finalize]
