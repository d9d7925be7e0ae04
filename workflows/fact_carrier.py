"""Sends facts that no other activity took: one `flush` at a time, before the run waits."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows.activity_calls import ActivityCalls
from workflows.fact_ledger import FactLedger

_MAX_FAILURES = 3
"""Carriers in a row that may end without a digest before the run gives up."""


class FactCarrier:
    """The flush under way, if any."""

    def __init__(self, calls: ActivityCalls, ledger: FactLedger) -> None:
        self._calls = calls
        self._ledger = ledger
        self._task: asyncio.Task[None] | None = None
        self._took_a_full_ledger = False
        self._failures = 0

    @property
    def is_needed(self) -> bool:
        """Whether open facts wait and no carrier of ours is under way."""
        return self._task is None and self._ledger.has_open

    @property
    def blocks_launching(self) -> bool:
        """Whether this activation has made all the facts it may (invariant 1)."""
        return self._ledger.is_full or (self._task is not None and self._took_a_full_ledger)

    @property
    def has_given_up(self) -> bool:
        """Whether facts cannot be written."""
        return self._failures >= _MAX_FAILURES

    def start_if_needed(self) -> None:
        """Send what is open, in a task of its own."""
        if self.is_needed:
            self._took_a_full_ledger = self._ledger.is_full
            self._task = asyncio.create_task(self._carry())

    async def wait(self) -> None:
        """Wait for the carrier under way: a run must not end while facts are in flight."""
        if self._task is not None:
            await workflow.wait([self._task])

    async def _carry(self) -> None:
        try:
            await self._calls.flush()
            self._failures = 0
        except ActivityError:
            self._failures += 1
        finally:
            self._task = None
            self._ledger.begin_activation()
