"""What an executor is given and what it returns.

`NodeContext` offers capabilities and knows no node type; a node type is one file beside this one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from temporalio.exceptions import ActivityError, TimeoutError

from schema.activities import (
    EVALUATE,
    ClaimAs,
    ClaimedOutcome,
    GivenUpTry,
    NodeInput,
    NodeOutput,
)
from schema.contracts import ActivityContract, InputT
from schema.errors import NodeError, ValueBehindReference
from schema.facts import NodeStarted
from schema.limits import INLINE_VALUE_BYTES, MAX_ERROR_MESSAGE_CHARACTERS
from schema.plan import PlanNode
from schema.runs import RunInput
from schema.values.encoding import encode, to_wire
from schema.values.evaluations import RENDERING_TYPES, evaluate
from schema.values.segments import Segment
from workflows.activity_calls import ActivityCalls, failure_of
from workflows.variable_pool import VariablePool, segment_of


@dataclass(frozen=True)
class NodeResult:
    """How one try of a node ended."""

    outputs: Mapping[str, Segment] = field(default_factory=dict)
    inputs: dict[str, Any] | None = None
    """What is recorded, wire form; so is `process_data`."""
    process_data: dict[str, Any] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    handle: str = "source"
    error: str | None = None
    """Why the try failed; null when it succeeded."""
    error_type: str = ""
    recorded: bool = False
    """An activity has written the NodeStarted and NodeFinished of this try already."""
    deferred: bool = False
    """Nothing was started, as the run is paused."""


class NodeContext:
    """What a node may do, for one try of one node execution."""

    def __init__(
        self,
        run_input: RunInput,
        node: PlanNode,
        started: NodeStarted,
        pool: VariablePool,
        calls: ActivityCalls,
        announce: Callable[[NodeStarted], None],
        pauses: int = 0,
    ) -> None:
        self.run_input = run_input
        self.node = node
        self.started = started
        self._pool = pool
        self._calls = calls
        self._announce = announce
        self._pauses = pauses
        self.is_abandoned = False
        """Whether the run does not wait for the try any more; then it claims the try itself."""
        self.given_up: GivenUpTry | None = None
        """The try as it is claimed, once an activity executes it."""
        self.announced = False
        """Whether workflow code has told that the try began."""

    def announce(self) -> None:
        """Tell that the node has started; an activity that executes a node does it itself."""
        self.announced = True
        self._announce(self.started)

    def evaluate(self) -> NodeResult | Awaitable[NodeResult]:
        """Run the node's pure function, here or, over references, in the `evaluate` activity.

        Raises:
            NodeError: If the function cannot say why the node failed.
        """
        if not self._is_large():
            try:
                result = self._evaluate_inline()
            except ValueBehindReference:
                return self.execute(EVALUATE)
            except NodeError:
                self.announce()
                raise
            if result is not None:
                self.announce()
                return result
        return self.execute(EVALUATE)

    def _is_large(self) -> bool:
        """Whether the node renders more than one activation may."""
        if self.node.type not in RENDERING_TYPES:
            return False
        total = 0
        for selector in self.node.data.selectors():
            total += self._pool.size(selector)
        return total > INLINE_VALUE_BYTES

    def _evaluate_inline(self) -> NodeResult | None:
        """Evaluate in the workflow; None when a result is too large for it."""
        profile = self.run_input.policy.limits
        made = evaluate(self.node.data, self._pool.variables, profile, self.node.id)
        if self.node.type in RENDERING_TYPES and any(
            len(encode(to_wire(segment.value))) > INLINE_VALUE_BYTES
            for segment in made.outputs.values()
        ):
            return None
        return NodeResult(
            outputs=made.outputs,
            inputs=wire_of(made.inputs),
            process_data=wire_of(made.process_data),
            handle=made.handle,
            error=made.error,
            error_type=made.error_type,
        )

    async def call(
        self, contract: ActivityContract[InputT, NodeOutput], params: InputT
    ) -> NodeResult:
        """Execute the node in an activity, whose wrapper records its start and its outcome.

        Raises:
            ActivityError: If the node failed, or the activity was stopped with the run.
        """
        activity_id = activity_id_of(self.started)
        self.given_up = GivenUpTry(
            node=self.started, path=path_of(self.started), activity_id=activity_id
        )
        try:
            answer = await self._calls.call(
                contract,
                params,
                node=self.started,
                path=self.given_up.path,
                activity_id=activity_id,
                summary=f"{self.node.type} · {self.node.title}",
                pauses=self._pauses,
            )
        except ActivityError as error:
            if self.is_abandoned or failure_of(error) is not None:
                raise
            return await self._claim(self.given_up, error)
        if answer.deferred or answer.output is None:
            return NodeResult(deferred=True)
        return _result_of(answer.output)

    async def _claim(self, given_up: GivenUpTry, error: ActivityError) -> NodeResult:
        """Give the try up, because Temporal has; what its activity had recorded counts.

        Raises:
            ActivityError: If it cannot be claimed either.
        """
        reason = lost_text(error)
        for outcome in await self._calls.claim([given_up], ClaimAs.LOST, reason):
            return result_of_claim(outcome)
        return NodeResult(deferred=True)  # the run has ended

    async def execute(self, contract: ActivityContract[NodeInput, NodeOutput]) -> NodeResult:
        """Execute the node in its activity, over the variables that it selects."""
        selected = self._pool.select(self.node.data.selectors())
        variables = tuple(
            (node_id, name, to_wire(segment)) for (node_id, name), segment in selected.items()
        )
        params = NodeInput(node=self.node, variables=variables, limits=self.run_input.policy.limits)
        return await self.call(contract, params)


Executor: TypeAlias = Callable[[Any, NodeContext], NodeResult | Awaitable[NodeResult]]
"""Runs one try of a node: its data and its context to how the try ended, now or after a wait."""


def wire_of(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Bring recorded values into wire form."""
    return None if values is None else {name: to_wire(value) for name, value in values.items()}


def path_of(started: NodeStarted) -> str:
    """Give the node path out of a node execution id."""
    return started.node_exec_id.partition(":")[2]


def activity_id_of(started: NodeStarted) -> str:
    """Name the activity of a try: `node`, `node[3]`, `node#2` (temporal-notes 4.5)."""
    path = path_of(started)
    return path if started.attempt == 1 else f"{path}#{started.attempt}"


def lost_text(error: ActivityError) -> str:
    """Say why Temporal gave an activity up."""
    if error.cause is None or isinstance(error.cause, TimeoutError):
        return "The worker was lost while the node ran."
    return f"The node was given up: {error.cause}"[:MAX_ERROR_MESSAGE_CHARACTERS]


def result_of_claim(outcome: ClaimedOutcome) -> NodeResult:
    """Turn what counts for a claimed try into its result."""
    if outcome.output is not None:
        return _result_of(outcome.output)
    failure = outcome.failure
    if failure is None:
        return NodeResult(error="stopped")
    return NodeResult(
        error=failure.error,
        error_type=failure.error_type,
        inputs=failure.inputs,
        process_data=failure.process_data,
    )


def _result_of(output: NodeOutput) -> NodeResult:
    return NodeResult(
        outputs={name: segment_of(wire) for name, wire in output.outputs.items()},
        inputs=output.inputs,
        process_data=output.process_data,
        metadata=output.metadata,
        handle=output.handle,
        recorded=True,
    )
