"""Every activity, in one list."""

from collections.abc import Callable
from typing import Any

from activities.base import ActivityWrapper
from activities.claim import ClaimActivities
from activities.evaluate import EvaluateActivities
from activities.flush import FlushActivities
from activities.http_request import HttpRequestActivities
from activities.runs import RunActivities
from activities.tools.http_client import HttpClient
from schema.db.event_log import EventLog
from schema.values.artifact_ref import ArtifactStore


def build_activities(
    log: EventLog, artifacts: ArtifactStore, wrapper: ActivityWrapper, http: HttpClient
) -> list[Callable[..., Any]]:
    """Build what a worker registers; `finalize` alone is local and not wrapped."""
    runs = RunActivities(log)
    wrapped: list[Callable[..., Any]] = [
        FlushActivities().flush,
        runs.register,
        ClaimActivities(log).claim,
        EvaluateActivities().evaluate,
        HttpRequestActivities(http, artifacts).send,
    ]
    return [*map(wrapper.wrap, wrapped), runs.finalize]
