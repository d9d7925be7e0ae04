"""How a run ends: its terminal state, its outputs, and how they are written (architecture 3.5)."""

from dataclasses import dataclass

from temporalio.exceptions import ActivityError

from schema.activities import EVALUATE, NodeInput
from schema.errors import DatabaseUnavailable
from schema.nodes.answer import AnswerNodeData
from schema.plan import PlanNode
from schema.runs import RunInput, RunResult, RunStatus
from schema.values.encoding import to_wire
from workflows.activity_calls import ActivityCalls
from workflows.run_state import RunState
from workflows.variable_pool import segment_of

_FINALIZE_ROUNDS = 1_000
"""Rounds of waiting for the database and trying again; each waits up to 15 minutes."""
DEFAULT_STOP_REASON = "User requested abort"


@dataclass(frozen=True)
class Ending:
    """Why a run ends before its graph does."""

    status: RunStatus
    error: str
    error_type: str = ""

    @classmethod
    def failed(cls, error: str, error_type: str) -> "Ending":
        """End as failed, with the failing node's text."""
        return cls(RunStatus.FAILED, error, error_type)

    @classmethod
    def stopped(cls, reason: str) -> "Ending":
        """End as stopped; Dify's wording of the reason (dify-nodes 2.6, 2.9)."""
        return cls(RunStatus.STOPPED, f"Aborted: {reason or DEFAULT_STOP_REASON}")


def result_of(run_input: RunInput, state: RunState, ending: Ending | None) -> RunResult:
    """Give the terminal state (dify-nodes 2.6): a failed run reports no outputs."""
    exceptions = state.counters.exceptions
    if ending is not None:
        status = ending.status
    else:
        status = RunStatus.PARTIAL_SUCCEEDED if exceptions else RunStatus.SUCCEEDED
    return RunResult(
        run_id=run_input.run_id,
        status=status,
        outputs=None if status is RunStatus.FAILED else state.outputs.to_wire(),
        error=ending.error if ending else None,
        error_type=ending.error_type if ending else None,
        exceptions_count=exceptions,
        total_steps=state.counters.steps,
        total_tokens=state.counters.tokens,
    )


async def join_answer(run_input: RunInput, state: RunState, calls: ActivityCalls) -> None:
    """Concatenate pieces of an answer of which one is a reference, in an activity."""
    if not state.outputs.needs_joining():
        return
    pieces = state.outputs.answer_pieces
    template = "".join(f"{{{{#answer.piece_{index}#}}}}" for index in range(len(pieces)))
    answer = await calls.call(
        EVALUATE,
        NodeInput(
            node=PlanNode(id="answer", public_id="answer", data=AnswerNodeData(answer=template)),
            variables=tuple(
                ("answer", f"piece_{index}", to_wire(piece)) for index, piece in enumerate(pieces)
            ),
            limits=run_input.policy.limits,
        ),
        summary="answer",
    )
    if answer.output is not None:
        state.outputs.set_answer(segment_of(answer.output.outputs["answer"]))


async def finalize(calls: ActivityCalls, result: RunResult) -> RunResult:
    """Write the terminal state, waiting for the database as long as it takes.

    Raises:
        DatabaseUnavailable: If it never came; the reconciler closes the row from Temporal's result.
    """
    for _ in range(_FINALIZE_ROUNDS):
        try:
            return await calls.finalize(result)
        except ActivityError:
            # A regular activity's wrapper waits for the database at no cost in events.
            await calls.flush()
    raise DatabaseUnavailable("The database did not answer at the end of the run.")
