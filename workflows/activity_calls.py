"""How workflow code calls activities: one place for options, envelopes and digests.

Every regular activity takes the open facts along and acknowledges them (invariants 3, 4, 9, 11).
"""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError

from schema.activities import (
    CLAIM,
    FINALIZE,
    FLUSH,
    ClaimAs,
    ClaimedOutcome,
    ClaimInput,
    FinalizeInput,
    FinalizeOutput,
    GivenUpTry,
    Nothing,
)
from schema.contracts import ActivityContract, InputT, OutputT, Role
from schema.envelope import STOPPED, ActivityCall, ActivityFailure, ActivityReturn
from schema.facts import NodeStarted
from schema.runs import RunInput, RunResult
from workflows.fact_ledger import NOTHING_CARRIED, Carried, FactLedger

INFRASTRUCTURE = RetryPolicy(
    initial_interval=timedelta(seconds=1),
    backoff_coefficient=2.0,
    maximum_interval=timedelta(seconds=60),
    maximum_attempts=100_000,
)
"""A bound, not the budget: stopping workers use attempts up (temporal-notes 8.1)."""
HEARTBEAT_TIMEOUT = timedelta(seconds=10)
_FINALIZE_ONCE = RetryPolicy(maximum_attempts=1)
_SUMMARY_BYTES = 180


class ActivityCalls:
    """Calls activities for one run."""

    def __init__(self, run_input: RunInput, ledger: FactLedger) -> None:
        self._run_input = run_input
        self._ledger = ledger
        self.ended: RunResult | None = None
        """The terminal state that a writer found in the row; the run obeys it."""
        self.stop_requested = False
        """Whether the row says that the run is to stop; Temporal's cancel may not have come yet."""

    async def call(
        self,
        contract: ActivityContract[InputT, OutputT],
        params: InputT,
        *,
        node: NodeStarted | None = None,
        path: str = "",
        activity_id: str | None = None,
        summary: str | None = None,
        pauses: int = 0,
    ) -> ActivityReturn[OutputT]:
        """Run an activity with the open facts in its envelope.

        Raises:
            ActivityError: If it failed; its facts are acknowledged or open again.
        """
        carried = self._ledger.take() if self._carries(contract.role) else NOTHING_CARRIED
        envelope = ActivityCall[InputT](
            run=self._run_input.ref,
            node=node,
            path=path,
            facts=carried.facts,
            acknowledged=self._ledger.acknowledged,
            has_secrets=bool(self._run_input.secrets),
            pauses=pauses,
            params=params,
        )
        settled = False
        try:
            answer: ActivityReturn[OutputT] = await workflow.execute_activity(
                contract.name,
                envelope,
                result_type=ActivityReturn[contract.output_type],  # type: ignore[name-defined]
                task_queue=self._run_input.queues.of(contract.role),
                activity_id=activity_id,
                start_to_close_timeout=contract.start_to_close,
                schedule_to_close_timeout=self._remaining(),
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                retry_policy=INFRASTRUCTURE,
                cancellation_type=workflow.ActivityCancellationType.TRY_CANCEL,
                summary=None if summary is None else _cut(summary),
            )
            settled = True
            self._ledger.acknowledge(carried, answer.digest)
        except ActivityError as error:
            settled = self._acknowledge_failure(carried, error)
            self.stop_requested = self.stop_requested or is_stopped(error)
            raise
        finally:
            if not settled:
                self._ledger.put_back(carried)
        self.ended = self.ended or answer.ended
        self.stop_requested = self.stop_requested or answer.stop_requested
        return answer

    async def flush(self) -> None:
        """Write the open facts now.

        Raises:
            ActivityError: If the carrier ended; its facts are open again.
        """
        await self.call(FLUSH, Nothing(), summary="facts")

    async def claim(
        self, tries: Sequence[GivenUpTry], claim_as: ClaimAs, reason: str
    ) -> Sequence[ClaimedOutcome]:
        """Give tries up, and learn what counts for each: a recorded outcome, or the claim.

        Raises:
            ActivityError: If even that could not be done.
        """
        params = ClaimInput(tries=tuple(tries), claim_as=claim_as, reason=reason)
        answer = await self.call(CLAIM, params, summary=f"claim · {claim_as}")
        return () if answer.output is None else answer.output.outcomes

    async def finalize(self, result: RunResult) -> RunResult:
        """Write the last facts and the terminal state; give the state that counts.

        Raises:
            ActivityError: If the database did not answer in 5 s; the facts are open again.
        """
        carried = self._ledger.take()
        envelope = ActivityCall[FinalizeInput](
            run=self._run_input.ref,
            facts=carried.facts,
            acknowledged=self._ledger.acknowledged,
            params=FinalizeInput(result=result, at=workflow.time()),
        )
        try:
            answer: ActivityReturn[FinalizeOutput] = await workflow.execute_local_activity(
                FINALIZE.name,
                envelope,
                result_type=ActivityReturn[FinalizeOutput],
                start_to_close_timeout=FINALIZE.start_to_close,
                retry_policy=_FINALIZE_ONCE,
            )
        except ActivityError:
            self._ledger.put_back(carried)
            raise
        self._ledger.acknowledge(carried, answer.digest)
        if answer.output is None:
            raise ApplicationError("finalize returned no state", non_retryable=True)
        return answer.output.result

    def _carries(self, role: Role) -> bool:
        """Whether facts ride along: not behind sandboxed work (architecture 6)."""
        queues = self._run_input.queues
        return role is not Role.CODE or queues.code == queues.run

    def _remaining(self) -> timedelta:
        """The run's remaining time: an outage of any length fails nothing (invariant 9)."""
        deadline = self._run_input.created_at + self._run_input.policy.run_timeout
        return timedelta(seconds=max(1.0, deadline - workflow.time()))

    def _acknowledge_failure(self, carried: Carried, error: ActivityError) -> bool:
        """A node failure was recorded together with the facts that rode along."""
        failure = failure_of(error)
        if failure is None:
            return False
        self._ledger.acknowledge(carried, failure.digest)
        return True


def is_stopped(error: BaseException | None) -> bool:
    """Whether an activity ended itself because the row says that its run is to stop."""
    cause = error.cause if isinstance(error, ActivityError) else None
    return isinstance(cause, ApplicationError) and cause.type == STOPPED


def failure_of(error: ActivityError) -> ActivityFailure | None:
    """Read what an activity itself reported; None for anything else that ended it."""
    cause = error.cause
    if not isinstance(cause, ApplicationError) or not cause.details:
        return None
    return ActivityFailure.model_validate(cause.details[0])


def _cut(summary: str) -> str:
    """Keep a summary below the server's 400 bytes, whatever the codec adds."""
    return summary.encode(errors="replace")[:_SUMMARY_BYTES].decode(errors="ignore")
