"""Every activity, in one list."""

from collections.abc import Callable
from typing import Any

from activities.base import ActivityWrapper
from activities.claim import ClaimActivities
from activities.evaluate import EvaluateActivities
from activities.flush import FlushActivities
from activities.runs import RunActivities
from schema.db.event_log import EventLog


def build_activities(log: EventLog, wrapper: ActivityWrapper) -> list[Callable[..., Any]]:
    """Build what a worker registers; `finalize` alone is local and not wrapped."""
    runs = RunActivities(log)
    wrapped: list[Callable[..., Any]] = [
        FlushActivities().flush,
        runs.register,
        ClaimActivities(log).claim,
        EvaluateActivities().evaluate,
    ]
    return [*map(wrapper.wrap, wrapped), runs.finalize]
