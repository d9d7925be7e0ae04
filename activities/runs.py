"""The beginning and the end of a run's record: `register` and `finalize`."""

import asyncio
import time

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.base import Work, implements
from schema.activities import (
    FINALIZE,
    REGISTER,
    FinalizeInput,
    FinalizeOutput,
    Nothing,
    RegisterInput,
)
from schema.db.event_log import EventLog
from schema.envelope import ActivityCall, ActivityReturn
from schema.errors import DatabaseUnavailable
from schema.facts import digest
from schema.kill_points import reach

FINALIZE_SECONDS = 5.0
_PAUSE = 0.2


class RunActivities:
    """Writes a run's row where no start request did, and its terminal state."""

    def __init__(self, log: EventLog) -> None:
        self._log = log

    @implements(REGISTER)
    async def register(self, params: RegisterInput, work: Work) -> Nothing:
        """Make the row of a run that was started from outside, once."""
        await self._log.register(params.run_input, time.time())
        return Nothing()

    @activity.defn(name=FINALIZE.name)
    async def finalize(self, call: ActivityCall[FinalizeInput]) -> ActivityReturn[FinalizeOutput]:
        """Write the last facts and the terminal state, as the one local activity that writes.

        The first terminal state wins and is returned. Tries for 5 s; then the workflow waits for
        the database in `flush` and calls again (architecture 3.5).

        Raises:
            ApplicationError: If the database did not answer.
        """
        deadline = time.monotonic() + FINALIZE_SECONDS
        reach("finalize begun")
        while True:
            try:
                result = await self._log.finish(
                    call.run,
                    activity.info().workflow_run_id or "",
                    call.facts,
                    call.acknowledged,
                    call.params.result,
                    call.params.at,
                )
                break
            except DatabaseUnavailable as error:
                if time.monotonic() > deadline:
                    raise ApplicationError(str(error)[:500], type=error.code) from error
            await asyncio.sleep(_PAUSE)
        reach("finalize committed")
        return ActivityReturn(output=FinalizeOutput(result=result), digest=digest(call.facts))
