"""Start a run; send a command to one and wait for its answer (architecture 3.1, 7).

No web library: the command line uses this too. What a request has to fulfil is `run_requests.py`.
"""

import asyncio
import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from schema.commands import Command, CommandKind
from schema.db.event_log import EventLog
from schema.errors import TemporalUnavailable
from schema.facts import CommandApplied, CommandRefused, LoggedFact
from schema.kill_points import reach
from schema.run_secrets import StoredSecret
from schema.runs import RunInput, RunRef
from workflows.client import GraphRunClient

LOG = logging.getLogger(__name__)

ANSWER_SECONDS = 5.0
"""How long a sender waits for the answer to a command."""
RUN_ENDED = "run ended"


class Answer(StrEnum):
    """What became of a command."""

    APPLIED = "applied"
    REFUSED = "refused"
    ACCEPTED = "accepted, not yet applied"
    """It is durable; a worker will answer it."""


@dataclass(frozen=True)
class CommandAnswer:
    """The answer to one command."""

    answer: Answer
    command_id: str
    reason: str = ""
    """Why it was refused."""


async def start(
    run_input: RunInput,
    log: EventLog,
    client: GraphRunClient,
    *,
    secrets: Sequence[StoredSecret] = (),
    eager: bool = False,
) -> bool:
    """Make the row of a run with its first fact and its secrets, then start its workflow.

    The row is the guarantee: where Temporal does not take the workflow, the reconciler starts it.

    Args:
        run_input: From `run_requests.build_run_input`.
        log: Where the row goes.
        client: Where the workflow goes.
        secrets: From `run_requests.encrypt_request_secrets`.
        eager: Whether a worker of this very client may take the first task at once.

    Returns:
        Whether the workflow is started; else it will be.

    Raises:
        DatabaseUnavailable: If the row could not be made: then there is no run.
    """
    await log.register(run_input, run_input.created_at, secrets=secrets)
    reach("run registered")
    try:
        await client.start(run_input, eager=eager)
    except TemporalUnavailable as error:
        LOG.warning(
            "The run is recorded, but Temporal did not take it yet: %s",
            error,
            extra={"action": "start_delayed", "run_id": run_input.run_id},
        )
        return False
    return True


async def send_command(
    run: RunRef,
    kind: CommandKind,
    log: EventLog,
    client: GraphRunClient,
    *,
    reason: str = "",
    wait_seconds: float = ANSWER_SECONDS,
) -> CommandAnswer:
    """Send a command and wait for its one answer.

    Args:
        run: Whose.
        kind: What is asked.
        log: Where the answer comes from.
        client: How the command gets there.
        reason: For whoever reads the log.
        wait_seconds: How long; without a living worker there is nothing to wait for.

    Raises:
        NotFound: If the tenant has no such run.
        DatabaseUnavailable: If the records cannot be reached.
        TemporalUnavailable: If Temporal did not take it; a stop is kept nevertheless.
    """
    command_id = str(uuid.uuid4())
    before = (await log.get_head(run)).last_seq
    if kind is CommandKind.STOP:
        # The flag in the row works without Temporal; its cancel wakes the workflow.
        status = await log.request_stop(run, command_id, reason)
        delivered = not status.is_terminal and await client.cancel(run.run_id, command_id)
    else:
        command = Command(command_id=command_id, reason=reason)
        delivered = await client.signal(run.run_id, kind, command)
    if not delivered and (await log.get_head(run)).ended is not None:
        return CommandAnswer(Answer.REFUSED, command_id, RUN_ENDED)
    try:
        async with asyncio.timeout(wait_seconds):
            return await _answer_in_log(run, command_id, log, before)
    except TimeoutError:
        return CommandAnswer(Answer.ACCEPTED, command_id)


async def _answer_in_log(run: RunRef, command_id: str, log: EventLog, after: int) -> CommandAnswer:
    async for facts in log.follow(run, after):
        for logged in facts:
            if (answer := _answer_of(logged, command_id)) is not None:
                return answer
    # The run ended otherwise, and its workflow never saw the command.
    return CommandAnswer(Answer.REFUSED, command_id, RUN_ENDED)


def _answer_of(logged: LoggedFact, command_id: str) -> CommandAnswer | None:
    match logged.fact:
        case CommandApplied(command_id=answered) if answered == command_id:
            return CommandAnswer(Answer.APPLIED, command_id)
        case CommandRefused(command_id=answered, reason=reason) if answered == command_id:
            return CommandAnswer(Answer.REFUSED, command_id, reason)
        case _:
            return None
