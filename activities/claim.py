"""Takes the outcomes of tries that a workflow gives up, unless they were recorded meanwhile."""

from temporalio import activity

from activities.base import Work, implements
from schema.activities import CLAIM, ClaimedOutcome, ClaimInput, ClaimOutput, NodeOutput
from schema.db.event_log import EventLog, Outcome
from schema.facts import NodeFailed
from schema.runs import NodeExecutionStatus


class ClaimActivities:
    """Gives tries up in the one place that decides: their rows."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @implements(CLAIM)
    async def claim(self, params: ClaimInput, work: Work) -> ClaimOutput:
        """Claim each try, and say what counts for it; doing it again changes nothing."""
        temporal_run_id = activity.info().workflow_run_id or ""
        recorded = [
            await self._log.claim_outcome(
                work.run, temporal_run_id, each, params.claim_as, params.reason
            )
            for each in params.tries
        ]
        return ClaimOutput(outcomes=tuple(_claimed(each.outcome) for each in recorded))


def _claimed(outcome: Outcome) -> ClaimedOutcome:
    fact = outcome.fact
    if isinstance(fact, NodeFailed):
        return ClaimedOutcome(status=NodeExecutionStatus.FAILED, failure=fact)
    output = NodeOutput.model_validate(outcome.output) if outcome.succeeded else None
    return ClaimedOutcome(status=fact.status, output=output)
