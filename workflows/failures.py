"""What a node failure means, in this order: retry, error strategy, the end of the run; pure.

Hold and the error modes of iterations join this order when they exist (architecture 11).
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

from temporalio.exceptions import ActivityError, TimeoutError

from schema.errors import NodeError, WorkerLost
from schema.limits import MAX_ERROR_MESSAGE_CHARACTERS
from schema.nodes.base import BRANCH_TYPES, RETRYING_TYPES, ErrorStrategy
from schema.plan import PlanNode
from schema.values.encoding import from_wire
from schema.values.segments import Segment, SegmentType
from workflows.activity_calls import failure_of
from workflows.nodes.base import NodeResult


@dataclass(frozen=True)
class Retry:
    """Try the node again after a while."""

    seconds: float
    retry_index: int


@dataclass(frozen=True)
class Absorbed:
    """An error strategy gives the node other outputs; the run goes on."""

    result: NodeResult


@dataclass(frozen=True)
class Fatal:
    """Nothing absorbs the failure: the run fails with this text."""

    error: str


Consequence: TypeAlias = Retry | Absorbed | Fatal


def consequence_of(node: PlanNode, result: NodeResult, attempt: int) -> Consequence:
    """Decide what follows a failed try (dify-nodes 2.7, 2.8)."""
    config = node.data.retry_config
    retries = node.type in RETRYING_TYPES and config.retry_enabled
    # A lost worker is no failure of the node's that its author reckoned with (temporal-notes 8.1).
    is_lost = result.error_type == WorkerLost.error_type
    if retries and not is_lost and attempt <= config.max_retries:
        return Retry(config.retry_interval / 1000, attempt)
    match node.data.error_strategy:
        case ErrorStrategy.FAIL_BRANCH:
            return Absorbed(_absorb(result, {}, ErrorStrategy.FAIL_BRANCH, "fail-branch"))
        case ErrorStrategy.DEFAULT_VALUE if node.type in BRANCH_TYPES:
            return Fatal(no_branch_selected(node))
        case ErrorStrategy.DEFAULT_VALUE:
            defaults = {
                name: Segment.infer(from_wire(value))
                for name, value in node.data.default_value.items()
            }
            return Absorbed(_absorb(result, defaults, ErrorStrategy.DEFAULT_VALUE, "source"))
        case None:
            return Fatal(result.error or "")


def no_branch_selected(node: PlanNode) -> str:
    """Give the engine's error for a branch node that leaves by no handle (dify-nodes 2.2)."""
    return f"Branch node {node.id} completed without selecting a branch"


def result_of_error(error: BaseException) -> NodeResult:
    """Turn what ended a node's task into a failed try.

    Raises:
        BaseException: The error itself, if it is a bug of ours: the workflow task then fails and is
            retried until the build is fixed.
    """
    if isinstance(error, ActivityError):
        failure = failure_of(error)
        if failure is not None:
            return NodeResult(
                error=failure.error,
                error_type=failure.error_type,
                inputs=failure.inputs,
                process_data=failure.process_data,
            )
        if isinstance(error.cause, TimeoutError):
            return NodeResult(
                error="The worker was lost while the node ran.", error_type=WorkerLost.error_type
            )
        cause = error.cause or error
        return NodeResult(error=bounded(str(cause)), error_type="WorkflowNodeError")
    if isinstance(error, NodeError):
        return NodeResult(
            error=bounded(str(error)), error_type=error.error_type or "WorkflowNodeError"
        )
    raise error


def bounded(message: str) -> str:
    """Cut an error's text so that it can always be reported (invariant 8)."""
    return message[:MAX_ERROR_MESSAGE_CHARACTERS]


def _absorb(
    result: NodeResult, outputs: dict[str, Segment], strategy: ErrorStrategy, handle: str
) -> NodeResult:
    return replace(
        result,
        outputs={
            **outputs,
            "error_message": Segment(SegmentType.STRING, result.error or ""),
            "error_type": Segment(SegmentType.STRING, result.error_type),
        },
        metadata={"error_strategy": str(strategy)},
        handle=handle,
    )
