"""GraphRun: the one Temporal workflow that runs every plan.

It delegates everything: the loop is `interpreter.py`, the end `ending.py`. Here are the messages
that operators and the product send (architecture 7), and continue-as-new.
"""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from schema.activities import REGISTER, RegisterInput
    from schema.commands import Command, CommandKind, Pause, Resume, Stop
    from schema.errors import HoldfastError
    from schema.runs import RUN_FAILED, RunInput, RunResult, RunStatus
    from workflows.ending import Ending, finalize, join_answer, result_of
    from workflows.interpreter import Interpreter
    from workflows.run_state import RunState

RUN_STATE = SearchAttributeKey.for_keyword("HoldfastRunState")
"""Set when it says more than Temporal's own status: every terminal state but `succeeded`."""


@workflow.defn(name="GraphRun", failure_exception_types=[HoldfastError])
class GraphRun:
    """One run of one plan."""

    @workflow.init
    def __init__(self, run_input: RunInput) -> None:
        self._run_input = run_input
        self._state = RunState.of_run(run_input)
        self._interpreter = Interpreter(run_input, self._state)

    @workflow.run
    async def run(self, run_input: RunInput) -> RunResult:
        """Run the plan to its terminal state.

        Raises:
            ApplicationError: Of type `RunFailed`, so that Temporal shows a failed run as Failed.
            asyncio.CancelledError: After Temporal's cancel, when the stop is recorded.
        """
        cancelled = False
        interpreter = self._interpreter
        try:
            if not run_input.registered:
                await interpreter.calls.call(REGISTER, RegisterInput(run_input=run_input))
            await interpreter.run()
            if self._continues():
                await self._continue_as_new()
        except asyncio.CancelledError:
            cancelled = True
            self._stop_by_cancel()
        result = await self._finish_whatever_comes()
        if cancelled and result.status is RunStatus.STOPPED:
            raise asyncio.CancelledError
        if result.status is RunStatus.FAILED:
            raise ApplicationError(
                result.error or "failed", result, type=RUN_FAILED, non_retryable=True
            )
        return result

    @workflow.signal(name="pause", description="Let running nodes finish and start none.")
    def pause(self, command: Pause | None = None) -> None:
        """Pause the run."""
        self._receive(CommandKind.PAUSE, command)

    @workflow.signal(name="resume", description="Go on after a pause.")
    def resume(self, command: Resume | None = None) -> None:
        """Resume the run."""
        self._receive(CommandKind.RESUME, command)

    @workflow.signal(name="stop", description="End the run as stopped, like Temporal's cancel.")
    def stop(self, command: Stop | None = None) -> None:
        """Stop the run."""
        self._receive(CommandKind.STOP, command)

    @workflow.query(name="state", description="Node states and what waits; never values.")
    def state(self) -> dict[str, object]:
        """Describe the run for operators."""
        return self._interpreter.describe()

    def _receive(self, kind: CommandKind, command: Command | None) -> None:
        self._interpreter.commands.receive(kind, command or Command())

    def _stop_by_cancel(self) -> None:
        """Temporal's cancel means stop; its reason is the command's id when the product sent it."""
        reason = workflow.cancellation_reason() or ""
        interpreter = self._interpreter
        command_id = reason or f"{workflow.info().run_id}-cancel"
        if interpreter.ending is None and command_id not in self._state.answered:
            interpreter.commands.answer(CommandKind.STOP, command_id)
        interpreter.ending = interpreter.ending or Ending.stopped("")

    def _continues(self) -> bool:
        interpreter = self._interpreter
        over = interpreter.ending or interpreter.calls.ended or interpreter.is_complete
        return interpreter.yielding and not over

    async def _continue_as_new(self) -> None:
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._interpreter.stop_clock()
        workflow.continue_as_new(
            self._run_input.model_copy(
                update={
                    "resume": self._state.snapshot(self._interpreter.ledger.told),
                    "registered": True,
                }
            ),
            task_timeout=timedelta(seconds=3),
        )

    async def _finish_whatever_comes(self) -> RunResult:
        """Finish even if Temporal's cancel arrives now: once, and too late to mean a stop."""
        finishing = asyncio.create_task(self._finish())
        try:
            return await asyncio.shield(finishing)
        except asyncio.CancelledError:
            return await finishing

    async def _finish(self) -> RunResult:
        """Write the terminal state; the first one written counts, and the run obeys it."""
        interpreter = self._interpreter
        await interpreter.abandon_work()
        if interpreter.calls.ended is not None:
            return interpreter.calls.ended
        await join_answer(self._run_input, self._state, interpreter.calls)
        result = result_of(self._run_input, self._state, interpreter.ending)
        if result.status is not RunStatus.SUCCEEDED:
            workflow.upsert_search_attributes([RUN_STATE.value_set(str(result.status))])
        interpreter.show(result.status)
        final = await finalize(interpreter.calls, result)
        while interpreter.commands.refuse_all():
            await interpreter.calls.flush()
        return final
