"""The loop over one plan: launch what is ready, settle what is done, obey commands.

One coroutine owns all state. Node tasks and signal handlers only append to queues; there is one
`wait_condition` (temporal.md 4.2). What a failure means is in `failures.py`, which nodes are ready
in `scheduler.py`, how facts leave in `fact_ledger.py` and `activity_calls.py`, how a run ends in
`ending.py`.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, replace

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from schema.commands import Command, CommandKind
from schema.errors import RunEnded
from schema.facts import (
    CommandApplied,
    CommandRefused,
    NodeFinished,
    NodeRetried,
    NodeStarted,
    RunPaused,
    RunResumed,
)
from schema.nodes.base import RESPONSE_TYPES
from schema.plan import PlanNode
from schema.runs import NodeExecutionStatus, RunInput
from schema.traversal import leave_of
from workflows.active_clock import ActiveClock
from workflows.activity_calls import ActivityCalls
from workflows.ending import Ending
from workflows.fact_ledger import FactLedger
from workflows.failures import (
    Absorbed,
    Fatal,
    Retry,
    consequence_of,
    no_branch_selected,
    result_of_error,
)
from workflows.nodes import EXECUTORS
from workflows.nodes.base import NodeContext, NodeResult, wire_of
from workflows.run_state import RunState

_FLUSH_FAILURES = 3
"""Carriers in a row that may end without a digest before the run gives up."""
_ABANDON_SECONDS = 10
_MAX_SIGNALS = 5_000
"""Half of what one history may receive; from here on the run continues as new (design 6)."""


@dataclass(frozen=True)
class _Ended:
    """A node task that ended."""

    node: PlanNode
    started: NodeStarted
    result: NodeResult | None
    error: BaseException | None = None


class Interpreter:
    """Runs one plan until nothing is left to do, or until something ends it."""

    def __init__(self, run_input: RunInput, state: RunState) -> None:
        self.run_input = run_input
        self.state = state
        self.ledger = FactLedger(run_input.resume.facts if run_input.resume else 0)
        self.calls = ActivityCalls(run_input, self.ledger)
        self.ending: Ending | None = None
        """Why the run ends before its graph does."""
        self.yielding = False
        """The history is long: nothing is launched until the run continues as new."""
        self._clock = ActiveClock(state)
        self._nodes = run_input.plan.graph.by_id
        self._running: dict[str, tuple[NodeContext, asyncio.Task[None]]] = {}
        self._retries: dict[str, asyncio.Task[None]] = {}
        self._ended: deque[_Ended] = deque()
        self._due: deque[str] = deque()
        self._commands: deque[tuple[CommandKind, Command]] = deque()
        self._flush: asyncio.Task[None] | None = None
        self._flush_blocks = False
        self._flush_failures = 0
        self._signals = 0
        self._deferred: dict[str, NodeStarted] = {}

    def command(self, kind: CommandKind, command: Command) -> None:
        """Queue a command; the loop judges it before it launches anything more."""
        self._signals += 1
        if not command.command_id:
            # Sent by hand, for example with the Temporal CLI: numbered within this history.
            number = f"{workflow.info().run_id}-{self._signals}"
            command = command.model_copy(update={"command_id": number})
        self._commands.append((kind, command))

    async def run(self) -> None:
        """Go on until the run is over, or until it can continue as new."""
        while not self._is_over():
            self._turn()
            await asyncio.sleep(
                0
            )  # node tasks run to their first await; an activity takes the facts
            if self._has_work():
                continue
            self._start_flush()
            self._keep_time()
            workflow.set_current_details(self._details())
            await workflow.wait_condition(lambda: self._has_work() or self._needs_flush())
            self.ledger.begin_activation()
            self.yielding = self.yielding or self._history_is_long()

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to do."""
        return not (
            self.state.scheduler.has_ready
            or self._running
            or self._retries
            or self._due
            or self._ended
            or self._commands
        )

    def answer(self, kind: CommandKind, command_id: str, refusal: str = "") -> None:
        """Give a command its one answer."""
        self.state.answered[command_id] = None
        now = workflow.time()
        if refusal:
            self.ledger.emit(
                CommandRefused(at=now, command_id=command_id, command=kind, reason=refusal)
            )
        else:
            self.ledger.emit(CommandApplied(at=now, command_id=command_id, command=kind))

    async def abandon_work(self) -> None:
        """Cancel what is in flight and record it as stopped; wait for the carrier under way."""
        self._clock.stand_still()
        tasks = [task for _, task in self._running.values()] + list(self._retries.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await workflow.wait(tasks, timeout=_ABANDON_SECONDS)
        for ended in self._ended:
            if ended.result is not None and ended.result.error is None:
                del self._running[ended.node.id]
                if not ended.result.recorded:
                    self._record(ended.started, ended.result, NodeExecutionStatus.SUCCEEDED)
        self._ended.clear()
        for context, _ in self._running.values():
            if not context.announced:
                # Its activity may not have begun; a second NodeStarted of a try counts for nothing.
                context.announce()
            self._record(context.started, NodeResult(error="stopped"), NodeExecutionStatus.STOPPED)
        self._running.clear()
        self._retries.clear()
        if self._flush is not None:
            await workflow.wait([self._flush])
        self.refuse_commands()

    def stop_clock(self) -> None:
        """Note how much active time is left: the state is about to be carried on."""
        self._clock.stand_still()

    def refuse_commands(self) -> bool:
        """Answer commands that came too late; say whether there were any."""
        late = bool(self._commands)
        while self._commands:
            kind, command = self._commands.popleft()
            if command.command_id not in self.state.answered:
                self.answer(kind, command.command_id, "run ended")
        return late

    def describe(self) -> dict[str, object]:
        """Give node states, what waits, and the pool's keys for operators; never values."""
        states = self.state.scheduler.traversal.states
        return {
            "paused": self.state.paused,
            "nodes": {node_id: str(state) for node_id, state in states.items()},
            "running": list(self._running),
            "ready": list(self.state.scheduler.ready),
            "waiting_for_retry": list(self._retries),
            "variables": self.state.pool.names(),
            "steps": self.state.counters.steps,
            "exceptions": self.state.counters.exceptions,
        }

    def _is_over(self) -> bool:
        if self.ending is not None or self.calls.ended is not None or self.is_complete:
            return True
        quiet = not self._running and not self._retries and self.ledger.all_acknowledged
        return self.yielding and quiet and not self._ended and not self._commands

    def _has_work(self) -> bool:
        """Whether the loop has something to do now."""
        return (
            bool(
                self._commands
                or self._ended
                or self._due
                or self._may_launch()
                or self._is_over()
                or self.calls.stop_requested
            )
            or self._clock.expired
        )

    def _turn(self) -> None:
        """Obey, settle and launch, in this order."""
        while self._commands and self.ending is None:
            self._apply(*self._commands.popleft())
        while self._ended and self.ending is None:
            self._settle(self._ended.popleft())
        while self._due:
            self.state.scheduler.requeue(self._due.popleft())
        if self._clock.expired and self.ending is None:
            limit = self.run_input.policy.active_timeout
            self.ending = Ending.stopped(f"Maximum execution time exceeded: {limit:g}s active")
        if self.calls.stop_requested and self.ending is None:
            self.ending = Ending.stopped("")
        if self.ending is None:
            self._rest()
        while self._may_launch():
            self._launch(self.state.scheduler.take())

    def _may_launch(self) -> bool:
        return (
            self.state.scheduler.has_ready
            and self.ending is None
            and self.calls.ended is None
            and not self.state.paused
            and not self.yielding
            and not self.ledger.is_full
            and not (self._flush is not None and self._flush_blocks)
            and len(self._running) < self.run_input.policy.max_parallel
        )

    # Commands.

    def _apply(self, kind: CommandKind, command: Command) -> None:
        if command.command_id in self.state.answered:
            return
        state = self.state
        match kind:
            case CommandKind.PAUSE if state.paused:
                self.answer(kind, command.command_id, "run is paused already")
            case CommandKind.PAUSE:
                state.paused, state.pause_reason = True, command.reason
                self.answer(kind, command.command_id)
            case CommandKind.RESUME if not state.paused:
                self.answer(kind, command.command_id, "run is not paused")
            case CommandKind.RESUME:
                state.paused = False
                self.answer(kind, command.command_id)
                if state.pause_announced:
                    state.pause_announced = False
                    self.ledger.emit(RunResumed(at=workflow.time()))
            case CommandKind.STOP:
                self.answer(kind, command.command_id)
                self.ending = Ending.stopped(command.reason)

    def _rest(self) -> None:
        """Say that the run is paused once the last running node has ended."""
        state = self.state
        if not state.paused or state.pause_announced or self._running or self._ended:
            return
        if not state.scheduler.has_ready and not self._retries:
            return
        state.pause_announced = True
        reason = {"type": "scheduled_pause", "message": state.pause_reason}
        self.ledger.emit(
            RunPaused(at=workflow.time(), reasons=[reason], outputs=state.outputs.to_wire())
        )

    # Nodes.

    def _launch(self, node_id: str) -> None:
        node = self._nodes[node_id]
        started = self._deferred.pop(node_id, None) or self._begin(node)
        if self.state.counters.steps > (limit := self.run_input.policy.max_steps):
            self.ending = Ending.stopped(
                f"Maximum execution steps exceeded: {self.state.counters.steps} > {limit}"
            )
            return
        context = NodeContext(
            self.run_input, node, started, self.state.pool, self.calls, self.ledger.emit
        )
        self._running[node_id] = (context, asyncio.create_task(self._execute(node, context)))

    def _begin(self, node: PlanNode) -> NodeStarted:
        counters = self.state.counters
        counters.index += 1
        counters.steps += 1
        return NodeStarted(
            at=workflow.time(),
            node_exec_id=f"{self.run_input.run_id}:{node.public_id}",
            node_id=node.id,
            attempt=self.state.attempts.get(node.id, 1),
            node_type=node.type,
            title=node.title,
            index=counters.index,
            predecessor=self.state.scheduler.predecessors.get(node.id),
        )

    async def _execute(self, node: PlanNode, context: NodeContext) -> None:
        """Run one try; every way it can end goes through the queue to the loop."""
        try:
            result = await EXECUTORS[node.type](node.data, context)
            self._ended.append(_Ended(node, context.started, result))
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 judged by the loop
            self._ended.append(_Ended(node, context.started, None, error))

    def _settle(self, ended: _Ended) -> None:
        """Take a try's result into the run's state and facts (dify-nodes 2.4, 2.7)."""
        node, started = ended.node, ended.started
        if ended.error is not None and is_cancelled_exception(ended.error):
            return  # `abandon_work` records it; it is still in `_running`
        del self._running[node.id]
        result = ended.result if ended.result else result_of_error(ended.error or RunEnded())
        if result.deferred:
            self._deferred[node.id] = started
            self.state.scheduler.requeue(node.id)
        elif result.error is None and node.compares_handles and not result.handle:
            self._fail(started, result, no_branch_selected(node))
        elif result.error is None:
            self._leave(node, started, result, NodeExecutionStatus.SUCCEEDED)
        else:
            self._settle_failure(node, started, result)

    def _settle_failure(self, node: PlanNode, started: NodeStarted, result: NodeResult) -> None:
        self.state.counters.exceptions += 1
        match consequence_of(node, result, started.attempt):
            case Retry() as retry:
                self._retry(node, started, result, retry)
            case Absorbed(absorbed):
                self._leave(node, started, absorbed, NodeExecutionStatus.EXCEPTION)
            case Fatal(error):
                self._fail(started, result, error)

    def _leave(
        self,
        node: PlanNode,
        started: NodeStarted,
        result: NodeResult,
        status: NodeExecutionStatus,
    ) -> None:
        """Store outputs, decide edges, merge the run's outputs, record, in Dify's order."""
        state = self.state
        state.pool.put_all(node.id, result.outputs)
        state.scheduler.settle(node.id, leave_of(node, result.handle))
        if node.type in RESPONSE_TYPES:
            state.outputs.merge(result.outputs)
        if not result.recorded or status is not NodeExecutionStatus.SUCCEEDED:
            self._record(started, result, status)

    def _fail(self, started: NodeStarted, result: NodeResult, error: str) -> None:
        self._record(started, replace(result, outputs={}), NodeExecutionStatus.FAILED)
        self.ending = Ending.failed(error, result.error_type)

    def _record(
        self, started: NodeStarted, result: NodeResult, status: NodeExecutionStatus
    ) -> None:
        left = status in (NodeExecutionStatus.SUCCEEDED, NodeExecutionStatus.EXCEPTION)
        now = workflow.time()
        self.ledger.emit(
            NodeFinished(
                at=now,
                node_exec_id=started.node_exec_id,
                node_id=started.node_id,
                attempt=started.attempt,
                status=status,
                handle=result.handle if left else None,
                inputs=result.inputs,
                process_data=result.process_data,
                outputs=wire_of({n: s.value for n, s in result.outputs.items()}) if left else None,
                error=result.error,
                error_type=result.error_type if result.error is not None else None,
                metadata=result.metadata,
                elapsed_time=max(0.0, now - started.at),
            )
        )

    def _retry(
        self, node: PlanNode, started: NodeStarted, result: NodeResult, retry: Retry
    ) -> None:
        self.state.attempts[node.id] = started.attempt + 1
        self.ledger.emit(
            NodeRetried(
                at=workflow.time(),
                node_exec_id=started.node_exec_id,
                node_id=started.node_id,
                attempt=started.attempt,
                retry_index=retry.retry_index,
                error=result.error or "",
                error_type=result.error_type,
                inputs=result.inputs,
                process_data=result.process_data,
            )
        )
        self._retries[node.id] = asyncio.create_task(self._wait_for_retry(node, retry))

    async def _wait_for_retry(self, node: PlanNode, retry: Retry) -> None:
        """Wait durably; the node then takes its turn in the ready queue like any other."""
        await workflow.sleep(max(0.001, retry.seconds), summary=f"retry {retry.retry_index}")
        del self._retries[node.id]
        self._due.append(node.id)

    # Before a wait.

    def _needs_flush(self) -> bool:
        """Whether open facts wait and no carrier of ours is under way."""
        return self._flush is None and self.ledger.has_open

    def _start_flush(self) -> None:
        """Send open facts that no activity took, one carrier at a time."""
        if self._needs_flush():
            self._flush_blocks = self.ledger.is_full
            self._flush = asyncio.create_task(self._carry())

    async def _carry(self) -> None:
        try:
            await self.calls.flush()
            self._flush_failures = 0
        except ActivityError:
            self._flush_failures += 1
            if self._flush_failures >= _FLUSH_FAILURES:
                self.ending = self.ending or Ending.failed("The run's facts cannot be written.", "")
        finally:
            self._flush = None
            self._flush_blocks = False
            self.ledger.begin_activation()

    def _keep_time(self) -> None:
        if self.state.paused and not self._running:
            self._clock.stand_still()
        else:
            self._clock.run()

    def _details(self) -> str:
        """Describe the moment for the Temporal Web UI; titles and states, never values."""
        lines = [f"**{'paused' if self.state.paused else 'running'}**", ""]
        lines += [
            f"- running: {context.node.title or context.node.id} (`{context.node.type}`)"
            for context, _ in self._running.values()
        ]
        lines += [f"- waits for a retry: {self._nodes[n].title or n}" for n in self._retries]
        done = self.state.counters.index - len(self._running)
        return "\n".join([*lines, f"- finished: {done} of {len(self._nodes)} nodes"])

    def _history_is_long(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.get_current_history_length() >= self.run_input.policy.max_history_events
            or self._signals >= _MAX_SIGNALS
        )
