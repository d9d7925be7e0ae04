"""Brings rows of runs and Temporal's workflows together after crashes (architecture 8).

A row that has only its first fact and no workflow is started; one whose workflow ended elsewhere,
or whose history is gone, is closed and says so. Every step may be repeated, by several processes at
once.
"""

import asyncio
import logging
import time
from typing import Literal

from schema.db.event_log import EventLog, RunRecord
from schema.errors import DatabaseUnavailable, NotFound, TemporalUnavailable
from schema.runs import RunStatus
from workflows.client import GraphRunClient, WorkflowState

LOG = logging.getLogger(__name__)

PERIOD_SECONDS = 10.0
SHARE = 0.05
"""Most of its time that reconciling may take when many runs are open."""
START_GRACE_SECONDS = 5.0
"""How long a new row is left to whoever made it."""

_HISTORY_GONE = "Temporal no longer knows this run; what it had recorded is kept."
_ENDINGS: dict[str, tuple[Literal[RunStatus.FAILED, RunStatus.STOPPED], str]] = {
    "COMPLETED": (RunStatus.FAILED, "The workflow completed without a result."),
    "FAILED": (RunStatus.FAILED, "The workflow failed in Temporal; its Web UI shows why."),
    "CANCELED": (RunStatus.STOPPED, "Aborted: cancelled in Temporal"),
    "TERMINATED": (RunStatus.STOPPED, "Aborted: terminated in Temporal"),
    "TIMED_OUT": (RunStatus.STOPPED, "Aborted: the run's time limit was reached"),
}


class Reconciler:
    """Looks after the open runs of a database."""

    def __init__(self, log: EventLog, client: GraphRunClient) -> None:
        self._log = log
        self._client = client
        self._has_new_rows = False
        """Whether the last round left rows without a workflow to whoever had just made them."""

    async def run(self) -> None:
        """Go on in rounds until cancelled; trouble is logged and met again in the next round."""
        while True:
            begun = time.monotonic()
            try:
                await self.reconcile_all()
            except (DatabaseUnavailable, TemporalUnavailable) as error:
                LOG.warning(
                    "Runs could not be reconciled: %s", error, extra={"action": "reconcile"}
                )
            took = time.monotonic() - begun
            period = START_GRACE_SECONDS if self._has_new_rows else PERIOD_SECONDS
            await asyncio.sleep(max(period, took / SHARE))

    async def reconcile_all(self) -> None:
        """Look at every open run once.

        Raises:
            DatabaseUnavailable: If the records cannot be reached.
            TemporalUnavailable: If the server cannot be asked.
        """
        self._has_new_rows = False
        for record in await self._log.list_open_runs():
            await self.reconcile(record)

    async def reconcile(self, record: RunRecord) -> None:
        """Look at one open run.

        Raises:
            DatabaseUnavailable: If the records cannot be reached.
            TemporalUnavailable: If the server cannot be asked.
        """
        state = await self._client.describe(record.run_id)
        if state is None and record.has_only_started:
            await self._start(record)
        elif state is None:
            await self._close(record, RunStatus.STOPPED, _HISTORY_GONE)
        elif not state.is_open:
            await self._adopt(record, state)
        elif record.stop_requested:
            # Whoever set the flag may have died before it cancelled.
            await self._client.cancel(record.run_id, record.stop_command_id or "")

    async def _start(self, record: RunRecord) -> None:
        if record.stop_requested:
            await self._close(record, RunStatus.STOPPED, "Aborted: stopped before it began")
        elif time.time() - record.created_at < START_GRACE_SECONDS:
            self._has_new_rows = True
        else:
            await self._client.start(await self._log.get_run_input(record.ref))
            LOG.info(
                "A recorded run had no workflow; it is started.",
                extra={"action": "run_started_late", "run_id": record.run_id},
            )

    async def _adopt(self, record: RunRecord, state: WorkflowState) -> None:
        """End a row as its workflow ended, which could not write that itself."""
        result = await self._client.result(record.run_id) if state.has_result else None
        if result is not None:
            await self._log.adopt_result(record.ref, result)
            LOG.warning(
                "The result of a run's workflow was not recorded; it is now.",
                extra={"action": "run_adopted", "run_id": record.run_id},
            )
            return
        status, error = _ENDINGS.get(state.status, (RunStatus.FAILED, _HISTORY_GONE))
        await self._close(record, status, error)

    async def _close(
        self,
        record: RunRecord,
        status: Literal[RunStatus.FAILED, RunStatus.STOPPED],
        error: str,
    ) -> None:
        """Close a row; one that was closed by its own workflow meanwhile stays as it is."""
        try:
            result = await self._log.close_run(record.ref, status, error)
        except NotFound:
            return  # purged meanwhile
        if result.error == error:
            LOG.warning(
                "A run was closed: %s",
                error,
                extra={"action": "run_closed", "run_id": record.run_id, "status": str(status)},
            )
