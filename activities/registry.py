"""Every activity, in one list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from activities.base import ActivityWrapper
from activities.claim import ClaimActivities
from activities.code import CodeActivities
from activities.evaluate import EvaluateActivities
from activities.flush import FlushActivities
from activities.http_request import HttpRequestActivities
from activities.runs import RunActivities
from activities.sandbox.job import JobLimits, Sandbox
from activities.template_transform import TemplateTransformActivities
from activities.tools.http_client import HttpClient
from schema.db.event_log import EventLog
from schema.values.artifact_ref import ArtifactStore

BARE: list[Callable[..., Any]] = [FlushActivities().flush, EvaluateActivities().evaluate]
"""Activities that need nothing but their `Work`."""


@dataclass(frozen=True)
class Peers:
    """What effects reach."""

    artifacts: ArtifactStore
    http: HttpClient
    """For requests of authors."""
    sandbox: Sandbox
    """For their code."""
    code_limits: JobLimits


def build_activities(
    log: EventLog, wrapper: ActivityWrapper, peers: Peers
) -> list[Callable[..., Any]]:
    """Build what a worker registers; `finalize` alone is local and not wrapped."""
    runs = RunActivities(log)
    wrapped: list[Callable[..., Any]] = [
        *BARE,
        runs.register,
        ClaimActivities(log).claim,
        HttpRequestActivities(peers.http, peers.artifacts).send,
        CodeActivities(peers.sandbox, peers.code_limits).run,
        TemplateTransformActivities(peers.sandbox, peers.code_limits).render,
    ]
    return [*map(wrapper.wrap, wrapped), runs.finalize]
