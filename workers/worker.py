"""The Temporal worker: what it registers, and the options that keep it fast and stoppable.

One worker serves all roles on one queue by default, because eager activities work only there; with
queues of their own there is one worker a role (architecture 2, temporal-notes 10).
"""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from activities.base import ActivityWrapper
from activities.living import LivingWork
from activities.registry import Peers, build_activities
from activities.secrets import SecretStore
from activities.slots import Slots
from activities.tools.remote_files import GuardedFiles
from schema.contracts import Role
from workers.dependencies import Dependencies
from workflows.graph_run import GraphRun

MAX_CONCURRENT_ACTIVITIES = 2_000
"""How many may wait; how many work at once is a matter of the wrapper's slots."""
CACHED_WORKFLOWS = 1000
STICKY_TIMEOUT = timedelta(seconds=1.5)
"""How long a run of a lost worker waits before another one takes its next task."""
HEARTBEAT_THROTTLE = timedelta(seconds=0.5)
"""A stop reaches an activity in a heartbeat's answer, so heartbeats must not be held back."""

_PASSED_THROUGH = ("schema", "workflows")
"""Not loaded again in the sandbox: every class would exist twice, and each run would pay for it."""


class WorkerRole(StrEnum):
    """What `holdfast worker --role` accepts."""

    RUN = "run"
    IO = "io"
    CODE = "code"
    ALL = "all"


@dataclass(frozen=True)
class Crew:
    """The workers of a process, and the work of activities that is alive in it."""

    workers: Sequence[Worker]
    living: LivingWork


def build_workers(
    dependencies: Dependencies,
    peers: Peers,
    role: WorkerRole = WorkerRole.ALL,
    cached_workflows: int = CACHED_WORKFLOWS,
) -> Crew:
    """Build a worker for each task queue of a role; they are not started.

    Args:
        dependencies: What activities work with.
        peers: What their effects reach.
        role: Which queues to serve.
        cached_workflows: Runs kept in memory between tasks; 0 replays at every task, for tests.

    Raises:
        ValueError: If the role is none of ours.
    """
    roles = list(Role) if role is WorkerRole.ALL else [Role(role)]
    queues = {dependencies.queues.of(each): False for each in reversed(roles)}
    if Role.RUN in roles:
        queues[dependencies.queues.of(Role.RUN)] = True
    return build_crew(dependencies, peers, queues, cached_workflows)


def build_crew(
    dependencies: Dependencies,
    peers: Peers,
    queues: Mapping[str, bool],
    cached_workflows: int = CACHED_WORKFLOWS,
) -> Crew:
    """Build the workers of some task queues; they share one wrapper, its slots and living work.

    Args:
        dependencies: What activities work with.
        peers: What their effects reach.
        queues: Where tasks come from, and whether workflows are run there besides activities.
        cached_workflows: Runs kept in memory between tasks.
    """
    settings = dependencies.settings
    living = LivingWork(dependencies.log, dependencies.runs.is_open)
    wrapper = ActivityWrapper(
        dependencies.log,
        dependencies.artifacts,
        living,
        Slots(settings.io_slots, settings.code_slots),
        SecretStore(dependencies.log, dependencies.keys),
        sandbox=peers.sandbox,
        remote_files=GuardedFiles(peers.http),
    )
    activities = build_activities(dependencies.log, wrapper, peers)
    workers = [
        Worker(
            dependencies.temporal,
            task_queue=queue,
            workflows=[GraphRun] if runs_workflows else [],
            activities=activities,
            workflow_runner=workflow_runner(),
            max_cached_workflows=cached_workflows,
            max_concurrent_activities=MAX_CONCURRENT_ACTIVITIES,
            sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
            max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
            default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
            graceful_shutdown_timeout=timedelta(seconds=settings.drain_seconds),
        )
        for queue, runs_workflows in queues.items()
    ]
    return Crew(workers, living)


def workflow_runner() -> SandboxedWorkflowRunner:
    """Build the runner of workflow code, for workers and replay alike."""
    return SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_passthrough_modules(*_PASSED_THROUGH)
    )


@contextlib.asynccontextmanager
async def running(crew: Crew) -> AsyncIterator[None]:
    """Run workers as long as the block; leaving it drains them, then ends what is left."""
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(crew.living.close)
        for worker in crew.workers:
            await stack.enter_async_context(worker)
        yield
