"""Carries facts that no other activity carries: the wrapper writes them, the body is empty."""

from activities.base import Work, implements
from schema.activities import FLUSH, Nothing


class FlushActivities:
    """The activity without an effect."""

    @implements(FLUSH)
    async def flush(self, params: Nothing, work: Work) -> Nothing:
        """Do nothing: the facts of the call are in the log already."""
        return params
