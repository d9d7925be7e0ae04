"""The work of a data directory's one worker: its workflows, its activities, and reconciling.

Who that worker is, the lock in `workers/worker_lock.py` decides: `holdfast up` for as long as it
lives, else a waiting `run` or `attach`.
"""

import logging
from collections.abc import Callable

from activities.registry import Peers
from workers.dependencies import Dependencies
from workers.reconciler import Reconciler
from workers.worker import WorkerRole, build_workers, running

LOG = logging.getLogger(__name__)


async def work(
    dependencies: Dependencies,
    peers: Peers,
    begun: Callable[[], None],
    role: WorkerRole = WorkerRole.ALL,
) -> None:
    """Work until cancelled; leaving lets running activities finish within `drain_seconds`.

    Args:
        dependencies: What the work needs; the database is migrated.
        peers: What its effects reach.
        begun: Called when tasks are taken.
        role: Whose tasks; runs are reconciled where workflows run.
    """
    async with running(build_workers(dependencies, peers, role)):
        LOG.info("Tasks are taken.", extra={"action": "worker_started", "role": str(role)})
        begun()
        await Reconciler(dependencies.log, dependencies.runs).run()
