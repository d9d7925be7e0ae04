"""The facts that workflow code tells about a try of a node; pure."""

from schema.facts import NodeFinished, NodeRetried, NodeStarted
from schema.plan import PlanNode
from schema.runs import NodeExecutionStatus
from workflows.nodes.base import NodeResult, wire_of
from workflows.run_state import RunState

_LEFT = (NodeExecutionStatus.SUCCEEDED, NodeExecutionStatus.EXCEPTION)


def started(node: PlanNode, state: RunState, run_id: str, now: float) -> NodeStarted:
    """Begin a try: count it and say who it is."""
    state.counters.index += 1
    state.counters.steps += 1
    return NodeStarted(
        at=now,
        node_exec_id=f"{run_id}:{node.public_id}",
        node_id=node.id,
        attempt=state.attempts.get(node.id, 1),
        node_type=node.type,
        title=node.title,
        index=state.counters.index,
        predecessor=state.scheduler.predecessors.get(node.id),
    )


def finished(
    begun: NodeStarted, result: NodeResult, status: NodeExecutionStatus, now: float
) -> NodeFinished:
    """Say how a node execution ended; outputs and handle only of one that was left."""
    left = status in _LEFT
    outputs = {name: segment.value for name, segment in result.outputs.items()}
    return NodeFinished(
        at=now,
        node_exec_id=begun.node_exec_id,
        node_id=begun.node_id,
        attempt=begun.attempt,
        status=status,
        handle=result.handle if left else None,
        inputs=result.inputs,
        process_data=result.process_data,
        outputs=wire_of(outputs) if left else None,
        error=result.error,
        error_type=result.error_type if result.error is not None else None,
        metadata=result.metadata,
        elapsed_time=max(0.0, now - begun.at),
    )


def retried(begun: NodeStarted, result: NodeResult, retry_index: int, now: float) -> NodeRetried:
    """Say that a failed try is followed by another."""
    return NodeRetried(
        at=now,
        node_exec_id=begun.node_exec_id,
        node_id=begun.node_id,
        attempt=begun.attempt,
        retry_index=retry_index,
        error=result.error or "",
        error_type=result.error_type,
        inputs=result.inputs,
        process_data=result.process_data,
        elapsed_time=max(0.0, now - begun.at),
    )
