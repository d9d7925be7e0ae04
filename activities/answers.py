"""What goes back to the workflow: a small result, or an error that can always be reported."""

from datetime import timedelta
from typing import Any

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from schema.activities import NodeOutput
from schema.db.event_log import Head, RecordedOutcome
from schema.envelope import STOPPED, ActivityFailure, ActivityReturn
from schema.errors import HoldfastError, InfrastructureError
from schema.facts import NodeFailed
from schema.values.encoding import encode

_AFTER_SHUTDOWN = timedelta(seconds=1)
_MAX_DETAILS_CHARACTERS = 256 * 1024


def of_outcome(recorded: RecordedOutcome, digest: str) -> ActivityReturn[Any]:
    """Return a recorded success.

    Raises:
        ApplicationError: A recorded failure, or that the try was stopped.
    """
    fact = recorded.outcome.fact
    if isinstance(fact, NodeFailed):
        raise ApplicationError(
            fact.error,
            _failure(fact, digest),
            type=fact.error_type or "NodeFailed",
            non_retryable=True,
            category=ApplicationErrorCategory.BENIGN,
        )
    if not recorded.outcome.succeeded:
        raise stopped(digest)
    ended = recorded.head.ended if recorded.head is not None else None
    output = NodeOutput.model_validate(recorded.outcome.output)
    return ActivityReturn(output=output, digest=digest, ended=ended)


def refused(head: Head, digest: str) -> ActivityReturn[Any]:
    """Say that nothing began: the run has ended or is being stopped."""
    return ActivityReturn(
        digest=digest, ended=head.ended, deferred=True, stop_requested=head.stop_requested
    )


def deferred(digest: str) -> ActivityReturn[Any]:
    """Say that nothing began: the node goes back into the ready queue."""
    return ActivityReturn(digest=digest, deferred=True)


def stopped(digest: str) -> ApplicationError:
    """Make the error of work that ended itself because its run is being stopped.

    A bare CancelledError before Temporal's cancel has come would be a failed attempt, and retried.
    """
    return ApplicationError(
        "stopped",
        ActivityFailure(digest=digest, error="stopped"),
        type=STOPPED,
        non_retryable=True,
        category=ApplicationErrorCategory.BENIGN,
    )


def reportable(error: Exception, text: str, digest: str) -> ApplicationError:
    """Make the error that Temporal is told: bounded, and retryable if it is not of the node.

    It is raised without the original as its cause: that would travel along, unbounded.
    """
    is_ours = isinstance(error, HoldfastError) and not isinstance(error, InfrastructureError)
    code = error.code if isinstance(error, HoldfastError) else type(error).__name__
    details = [ActivityFailure(digest=digest, error=text)] if is_ours else []
    return ApplicationError(
        text,
        *details,
        type=code,
        non_retryable=is_ours,
        category=ApplicationErrorCategory.BENIGN
        if isinstance(error, InfrastructureError)
        else ApplicationErrorCategory.UNSPECIFIED,
    )


def shut_down() -> ApplicationError:
    """Make the error of work that the worker's orderly shutdown ended; it is tried again."""
    return ApplicationError(
        "The worker shuts down.",
        type="WorkerShutdown",
        # Whoever starts next should not wait longer, the more workers were replaced.
        next_retry_delay=_AFTER_SHUTDOWN,
        category=ApplicationErrorCategory.BENIGN,
    )


def _failure(fact: NodeFailed, digest: str) -> ActivityFailure:
    failure = ActivityFailure(
        digest=digest,
        error=fact.error,
        error_type=fact.error_type,
        inputs=fact.inputs,
        process_data=fact.process_data,
    )
    if len(encode([fact.inputs, fact.process_data])) > _MAX_DETAILS_CHARACTERS:
        # The log has them: whoever reads the node finds them there.
        return failure.model_copy(update={"inputs": None, "process_data": None})
    return failure
