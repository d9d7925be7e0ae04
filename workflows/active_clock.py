"""The time limit of an active run: a timer that stands still in a pause (architecture 7)."""

import asyncio

from temporalio import workflow

from workflows.run_state import RunState


class ActiveClock:
    """Counts the seconds that a run is active; begins at the first wait: short runs pay nothing."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._timer: asyncio.Task[None] | None = None
        self._since = 0.0
        self.expired = False

    def run(self) -> None:
        """Let time count."""
        if self._timer is None and not self.expired:
            self._since = workflow.time()
            self._timer = asyncio.create_task(self._wait(self._state.active_left))

    def stand_still(self) -> None:
        """Let time not count."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._state.active_left -= workflow.time() - self._since

    async def _wait(self, seconds: float) -> None:
        await workflow.sleep(max(0.001, seconds), summary="active timeout")
        self.expired = True
