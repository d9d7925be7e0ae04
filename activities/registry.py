"""Every activity, in one list."""

from collections.abc import Callable
from typing import Any

from activities.base import ActivityWrapper
from activities.evaluate import EvaluateActivities
from activities.flush import FlushActivities
from activities.runs import RunActivities
from activities.secrets import SecretStore
from schema.db.event_log import EventLog
from schema.key_file import KeySource
from schema.values.artifact_ref import ArtifactStore


def build_activities(
    log: EventLog, artifacts: ArtifactStore, keys: KeySource
) -> list[Callable[..., Any]]:
    """Build what a worker registers; `finalize` alone is local and not wrapped."""
    runs = RunActivities(log)
    wrapper = ActivityWrapper(log, artifacts, SecretStore(log, keys))
    wrapped: list[Callable[..., Any]] = [
        FlushActivities().flush,
        runs.register,
        EvaluateActivities().evaluate,
    ]
    return [*map(wrapper.wrap, wrapped), runs.finalize]
