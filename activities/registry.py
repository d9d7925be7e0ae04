"""Every activity, in one list."""

from collections.abc import Callable
from typing import Any

from activities.base import ActivityWrapper
from activities.code import CodeActivities
from activities.evaluate import EvaluateActivities
from activities.flush import FlushActivities
from activities.runs import RunActivities
from activities.sandbox.job import JobLimits, Sandbox
from activities.template_transform import TemplateTransformActivities
from schema.db.event_log import EventLog
from schema.values.artifact_ref import ArtifactStore


def build_activities(
    log: EventLog, artifacts: ArtifactStore, sandbox: Sandbox, code_limits: JobLimits
) -> list[Callable[..., Any]]:
    """Build what a worker registers; `finalize` alone is local and not wrapped."""
    runs = RunActivities(log)
    wrapper = ActivityWrapper(log, artifacts)
    wrapped: list[Callable[..., Any]] = [
        FlushActivities().flush,
        runs.register,
        EvaluateActivities().evaluate,
        CodeActivities(sandbox, code_limits).run,
        TemplateTransformActivities(sandbox, code_limits).render,
    ]
    return [*map(wrapper.wrap, wrapped), runs.finalize]
