"""What a run has in flight: node tasks, retries that wait, and tries that have just ended.

The interpreter adds and settles; here is what happens to all of it when the run ends first.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from temporalio import workflow
from temporalio.exceptions import ActivityError

from schema.activities import ClaimAs, ClaimedOutcome
from schema.runs import NodeExecutionStatus
from workflows.activity_calls import ActivityCalls
from workflows.nodes.base import NodeContext, NodeResult, result_of_claim

_ABANDON_SECONDS = 10
"""Longest wait for node tasks that were cancelled."""


@dataclass(frozen=True)
class Ended:
    """A node task that ended: with a result, or with an error that the loop judges."""

    context: NodeContext
    result: NodeResult | None
    error: BaseException | None = None


Record = Callable[[NodeContext, NodeResult, NodeExecutionStatus], None]
"""Tells how a try ended."""


@dataclass
class InFlight:
    """Everything that is under way, by node id."""

    running: dict[str, tuple[NodeContext, "asyncio.Task[None]"]] = field(default_factory=dict)
    retries: "dict[str, asyncio.Task[None]]" = field(default_factory=dict)
    ended: deque[Ended] = field(default_factory=deque)
    """In the order of their end; the loop has not settled them yet."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is under way."""
        return not (self.running or self.retries or self.ended)

    async def abandon(self, calls: ActivityCalls, record: Record) -> None:
        """Cancel everything and record how it ended.

        What has ended meanwhile counts as it ended; everything else was stopped.
        """
        for context, _ in self.running.values():
            context.is_abandoned = True
        tasks = [task for _, task in self.running.values()] + list(self.retries.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await workflow.wait(tasks, timeout=_ABANDON_SECONDS)
        for ended in self.ended:
            self._take_late(ended, record)
        self.ended.clear()
        await self._claim(calls, record)
        for context, _ in self.running.values():
            if not context.announced:
                # A second NodeStarted of a try counts for nothing.
                context.announce()
            record(context, NodeResult(error="stopped"), NodeExecutionStatus.STOPPED)
        self.running.clear()
        self.retries.clear()

    def _take_late(self, ended: Ended, record: Record) -> None:
        """Record a try that ended when the run was over already; nothing follows from it."""
        context, result = ended.context, ended.result
        if result is None or result.deferred:
            return
        self.running.pop(context.node.id, None)
        if result.error is not None:
            record(context, result, NodeExecutionStatus.FAILED)
        elif not result.recorded:
            record(context, result, NodeExecutionStatus.SUCCEEDED)

    async def _claim(self, calls: ActivityCalls, record: Record) -> None:
        """Claim the tries that activities still execute: the log says one thing about each."""
        claimed = [
            (context, context.given_up)
            for context, _ in self.running.values()
            if context.given_up is not None
        ]
        if not claimed or calls.ended is not None:
            return
        try:
            outcomes = await calls.claim(
                [given_up for _, given_up in claimed], ClaimAs.STOPPED, "stopped"
            )
        except ActivityError:
            return  # workflow code says itself that they were stopped
        for (context, _), outcome in zip(claimed, outcomes, strict=False):
            self._take_claimed(context, outcome, record)

    def _take_claimed(self, context: NodeContext, outcome: ClaimedOutcome, record: Record) -> None:
        del self.running[context.node.id]
        if outcome.failure is not None:
            record(context, result_of_claim(outcome), NodeExecutionStatus.FAILED)
