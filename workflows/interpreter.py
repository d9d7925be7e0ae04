"""The loop over one plan: launch what is ready, settle what is done, obey commands.

One coroutine owns all state. Node tasks and signal handlers only append to queues; there is one
`wait_condition` (temporal-notes 4.2). What a failure means is in `failures.py`, which nodes are
ready in `scheduler.py`, what is under way in `in_flight.py`, what commands do in `commands.py`, how
facts leave in `fact_ledger.py` and `fact_carrier.py`, how a run ends in `ending.py`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable
from dataclasses import replace

from temporalio import workflow

from schema.nodes.base import RESPONSE_TYPES
from schema.runs import NodeExecutionStatus, RunInput, RunStatus
from schema.traversal import leave_of
from workflows import details, node_facts
from workflows.active_clock import ActiveClock
from workflows.activity_calls import ActivityCalls, is_stopped
from workflows.commands import Commands
from workflows.ending import Ending
from workflows.fact_carrier import FactCarrier
from workflows.fact_ledger import FactLedger
from workflows.failures import (
    Absorbed,
    Fatal,
    Retry,
    consequence_of,
    no_branch_selected,
    result_of_error,
)
from workflows.in_flight import Ended, InFlight
from workflows.nodes import EXECUTORS
from workflows.nodes.base import NodeContext, NodeResult
from workflows.run_state import RunState

_MAX_SIGNALS = 5_000
"""Half of what one history may receive; from here on the run continues as new (architecture 6)."""


class Interpreter:
    """Runs one plan until nothing is left to do, or until something ends it."""

    def __init__(self, run_input: RunInput, state: RunState) -> None:
        self.run_input = run_input
        self.state = state
        self.ledger = FactLedger(run_input.resume.facts if run_input.resume else 0)
        self.calls = ActivityCalls(run_input, self.ledger)
        self.commands = Commands(state, self.ledger)
        self.ending: Ending | None = None
        """Why the run ends before its graph does."""
        self.yielding = False
        """The history is long: nothing is launched until the run continues as new."""
        self._carrier = FactCarrier(self.calls, self.ledger)
        self._clock = ActiveClock(state)
        self._nodes = run_input.plan.graph.by_id
        self._work = InFlight()
        self._due: deque[str] = deque()

    async def run(self) -> None:
        """Go on until the run is over, or until it can continue as new."""
        # A cancel that came before the first task is delivered at the first await: a run of inline
        # nodes has no other, and must not win against the stop.
        await asyncio.sleep(0)
        while not self._is_over():
            if self._turn():
                # Node tasks run to their first await; an activity among them takes the open facts.
                await asyncio.sleep(0)
            if self._has_work():
                continue
            self._carrier.start_if_needed()
            self._keep_time()
            self.show(RunStatus.PAUSED if self.state.paused else RunStatus.RUNNING)
            await workflow.wait_condition(lambda: self._has_work() or self._carrier.is_needed)
            self.ledger.begin_activation()
            self.yielding = self.yielding or self._history_is_long()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return not (
            self.state.scheduler.has_ready
            or self._work.running
            or self._work.retries
            or self._due
            or self._work.ended
            or self.commands.are_waiting
        )

    async def abandon_work(self) -> None:
        """Cancel what is in flight and record how it ended; wait for the carrier under way."""
        self.stop_clock()
        await self._work.abandon(self.calls, self._record_late)
        await self._carrier.wait()
        self.commands.refuse_all()

    def show(self, status: RunStatus) -> None:
        """Show the moment in the Temporal Web UI."""
        workflow.set_current_details(details.describe(self.state, status, self._work.retries))

    def stop_clock(self) -> None:
        """Note how much active time is left: the run ends, or its state is carried on."""
        self._clock.stand_still()

    def describe(self) -> dict[str, object]:
        """Give node states, what waits, and the pool's keys for operators; never values."""
        states = self.state.scheduler.traversal.states
        return {
            "paused": self.state.paused,
            "nodes": {node_id: str(state) for node_id, state in states.items()},
            "running": list(self._work.running),
            "ready": list(self.state.scheduler.ready),
            "waiting_for_retry": list(self._work.retries),
            "variables": self.state.pool.names(),
            "steps": self.state.counters.steps,
            "exceptions": self.state.counters.exceptions,
        }

    def _is_over(self) -> bool:
        if self.ending is not None or self.calls.ended is not None or self.is_complete:
            return True
        at_rest = not (
            self._work.running
            or self._work.retries
            or self._work.ended
            or self.commands.are_waiting
        )
        return self.yielding and at_rest and self.ledger.all_acknowledged

    def _has_work(self) -> bool:
        """Whether the loop has something to do now."""
        return bool(
            self.commands.are_waiting
            or self._work.ended
            or self._due
            or self._may_launch()
            or self._is_over()
            or self.calls.stop_requested
            or self._carrier.has_given_up
            or self._clock.expired
        )

    def _turn(self) -> bool:
        """Obey, settle and launch, in this order; say whether a node has to be waited for."""
        while self.commands.are_waiting and self.ending is None:
            self.ending = self.commands.apply_next()
        while self._work.ended and self.ending is None:
            self._settle(self._work.ended.popleft())
        while self._due:
            self.state.scheduler.requeue(self._due.popleft())
        self.ending = self.ending or self._limit_reached()
        if self.ending is None and self._is_at_rest():
            self.commands.announce_pause()
        were_running = len(self._work.running)
        while self._may_launch():
            self._launch(self.state.scheduler.take())
        return len(self._work.running) > were_running

    def _limit_reached(self) -> Ending | None:
        """Give the ending that something but a node or a command asks for."""
        policy, steps = self.run_input.policy, self.state.counters.steps
        if self._clock.expired:
            return Ending.stopped(
                f"Maximum execution time exceeded: {policy.active_timeout:g}s active"
            )
        if steps > policy.max_steps:
            return Ending.stopped(f"Maximum execution steps exceeded: {steps} > {policy.max_steps}")
        if self.calls.stop_requested:
            return Ending.stopped("")
        if self._carrier.has_given_up:
            return Ending.failed("The run's facts cannot be written.", "")
        return None

    def _is_at_rest(self) -> bool:
        """Whether no node runs although some could or will."""
        is_idle = not self._work.running and not self._work.ended
        return is_idle and (self.state.scheduler.has_ready or bool(self._work.retries))

    def _may_launch(self) -> bool:
        return (
            self.state.scheduler.has_ready
            and self.ending is None
            and self.calls.ended is None
            and not self.state.paused
            and not self.yielding
            and not self._carrier.blocks_launching
            and len(self._work.running) < self.run_input.policy.max_parallel
        )

    def _launch(self, node_id: str) -> None:
        node, state = self._nodes[node_id], self.state
        begun = state.deferred.pop(node_id, None) or node_facts.started(
            node, state, self.run_input.run_id, workflow.time()
        )
        if state.counters.steps > self.run_input.policy.max_steps:
            self.ending = self._limit_reached()
            return
        context = NodeContext(
            self.run_input, node, begun, state.pool, self.calls, self.ledger.emit, state.pauses
        )
        try:
            result = EXECUTORS[node.type](node.data, context)
        except Exception as error:  # noqa: BLE001 judged by the loop
            self._work.ended.append(Ended(context, None, error))
            return
        if isinstance(result, NodeResult):
            self._work.ended.append(Ended(context, result))
        else:
            self._work.running[node_id] = (
                context,
                asyncio.create_task(self._wait(context, result)),
            )

    async def _wait(self, context: NodeContext, result: Awaitable[NodeResult]) -> None:
        """Wait for a try; every way it can end goes through the queue to the loop."""
        try:
            self._work.ended.append(Ended(context, await result))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 judged by the loop
            self._work.ended.append(Ended(context, None, error))

    def _settle(self, ended: Ended) -> None:
        """Take a try's result into the run's state and facts (dify-nodes 2.4, 2.7)."""
        context, node, result = ended.context, ended.context.node, ended.result
        if isinstance(ended.error, asyncio.CancelledError) or is_stopped(ended.error):
            return  # `abandon_work` records it: it is still among those that run
        self._work.running.pop(node.id, None)
        if result is None:
            assert ended.error is not None
            result = result_of_error(ended.error)
        if result.deferred:
            self.state.deferred[node.id] = context.started
            self.state.scheduler.requeue(node.id)
        elif result.error is not None:
            self._settle_failure(context, result)
        elif node.compares_handles and not result.handle:
            self._fail(context, result, no_branch_selected(node))
        else:
            self._leave(context, result, NodeExecutionStatus.SUCCEEDED)

    def _settle_failure(self, context: NodeContext, result: NodeResult) -> None:
        self.state.counters.exceptions += 1
        match consequence_of(context.node, result, context.started.attempt):
            case Retry() as retry:
                self._retry(context, result, retry)
            case Absorbed(absorbed):
                self._leave(context, absorbed, NodeExecutionStatus.EXCEPTION)
            case Fatal(error):
                self._fail(context, result, error)

    def _leave(self, context: NodeContext, result: NodeResult, status: NodeExecutionStatus) -> None:
        """Store outputs, decide edges, merge the run's outputs, record, in Dify's order."""
        node, state = context.node, self.state
        state.pool.put_all(node.id, result.outputs)
        state.scheduler.settle(node.id, leave_of(node, result.handle))
        if node.type in RESPONSE_TYPES:
            state.outputs.merge(result.outputs)
        if not result.recorded or status is not NodeExecutionStatus.SUCCEEDED:
            self._record(context, result, status)

    def _fail(self, context: NodeContext, result: NodeResult, error: str) -> None:
        self._record(context, replace(result, outputs={}), NodeExecutionStatus.FAILED)
        self.ending = Ending.failed(error, result.error_type)

    def _record(
        self, context: NodeContext, result: NodeResult, status: NodeExecutionStatus
    ) -> None:
        self.ledger.emit(node_facts.finished(context.started, result, status, workflow.time()))

    def _record_late(
        self, context: NodeContext, result: NodeResult, status: NodeExecutionStatus
    ) -> None:
        """Record a try that ended when the run was over already."""
        self.state.counters.exceptions += status is NodeExecutionStatus.FAILED
        self._record(context, result, status)

    def _retry(self, context: NodeContext, result: NodeResult, retry: Retry) -> None:
        node_id, begun = context.node.id, context.started
        self.state.attempts[node_id] = begun.attempt + 1
        self.ledger.emit(node_facts.retried(begun, result, retry.retry_index, workflow.time()))
        self._work.retries[node_id] = asyncio.create_task(self._wait_for_retry(node_id, retry))

    async def _wait_for_retry(self, node_id: str, retry: Retry) -> None:
        """Wait durably; the node then takes its turn in the ready queue like any other."""
        await workflow.sleep(max(0.001, retry.seconds), summary=f"retry {retry.retry_index}")
        del self._work.retries[node_id]
        self._due.append(node_id)

    def _keep_time(self) -> None:
        if self.state.paused and not self._work.running:
            self._clock.stand_still()
        else:
            self._clock.run()

    def _history_is_long(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.get_current_history_length() >= self.run_input.policy.max_history_events
            or self.commands.received >= _MAX_SIGNALS
        )
