"""The one wrapper of every regular activity (architecture 3.3); there is no second path.

It waits for the database, writes the facts that rode along, looks for a recorded outcome, counts
the effect start, does the work, bounds the result, records it, and answers with the digest. An
activity is a method that takes its input and a `Work`; it knows nothing of Temporal, facts or the
log.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.secrets import CallSecrets, SecretStore
from activities.values import ValueReader
from schema.activities import NodeOutput
from schema.contracts import ActivityContract, InputT, OutputT
from schema.db.event_log import EffectRefused, EffectStart, EventLog, Head, Outcome, RecordedOutcome
from schema.envelope import ActivityCall, ActivityFailure, ActivityReturn
from schema.errors import DatabaseUnavailable, HoldfastError, InfrastructureError, NodeError
from schema.facts import NodeFailed, NodeFinished, NodeStarted, digest
from schema.kill_points import reach
from schema.limits import MAX_ERROR_MESSAGE_CHARACTERS
from schema.runs import NodeExecutionStatus, RunRef
from schema.values.artifact_ref import ArtifactStore
from schema.values.encoding import from_wire, to_wire
from schema.values.large_values import reference_large
from schema.values.segments import Segment

HEARTBEAT_SECONDS = 0.4
"""Well below the 10 s time-out; a stop comes in a heartbeat's answer (temporal-notes 8.3)."""
DATABASE_WAIT_SECONDS = 15 * 60
_KEYS = uuid.UUID("b7a1b0c5-2d0c-5b0e-8a34-0f6f4a3c9d11")
"""Name space of idempotency keys; never changed, as peers remember them."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0

T = TypeVar("T")
SelfT = TypeVar("SelfT")


@dataclass(frozen=True)
class Work:
    """What an activity knows about the call besides its input."""

    run: RunRef
    start: int
    """Number of this effect start; 0 for activities that execute no node."""
    values: ValueReader
    """Reads what the input refers to."""
    idempotency_key: str = ""
    """For the peer of an effect: the same for every start of one try (the header
    `Idempotency-Key`); empty for activities that execute no node."""


Method: TypeAlias = Callable[[SelfT, InputT, Work], Awaitable[OutputT]]
"""An activity as it is written: a method that takes its input and what else it may know."""


def implements(
    contract: ActivityContract[InputT, OutputT],
) -> Callable[[Method[SelfT, InputT, OutputT]], Method[SelfT, InputT, OutputT]]:
    """Say which contract a method fulfils; `ActivityWrapper.wrap` makes an activity of it."""

    def mark(method: Method[SelfT, InputT, OutputT]) -> Method[SelfT, InputT, OutputT]:
        method.contract = contract  # type: ignore[attr-defined]  # read by `contract_of`
        return method

    return mark


def contract_of(method: Callable[..., Any]) -> ActivityContract[Any, Any]:
    """Give the contract that a bound method fulfils."""
    contract: ActivityContract[Any, Any] = method.contract  # type: ignore[attr-defined]
    return contract


class ActivityWrapper:
    """Makes Temporal activities of methods that implement contracts."""

    def __init__(self, log: EventLog, artifacts: ArtifactStore, secrets: SecretStore) -> None:
        self._log = log
        self._artifacts = artifacts
        self._secrets = secrets

    def wrap(
        self, method: Callable[[Any, Work], Awaitable[Any]]
    ) -> Callable[[ActivityCall[Any]], Awaitable[ActivityReturn[Any]]]:
        """Give the activity to register with a worker."""
        contract = contract_of(method)

        async def run(call: ActivityCall[Any]) -> ActivityReturn[Any]:
            async with _heartbeats():
                return await self._run(method, call)

        # The converter reads these to decode the envelope with the contract's types.
        run.__annotations__ = {
            "call": ActivityCall[contract.input_type],  # type: ignore[name-defined]
            "return": ActivityReturn[contract.output_type],  # type: ignore[name-defined]
        }
        return activity.defn(name=contract.name)(run)

    async def _run(
        self, method: Callable[[Any, Work], Awaitable[Any]], call: ActivityCall[Any]
    ) -> ActivityReturn[Any]:
        """Take the steps in order."""
        written = digest(call.facts)
        if call.facts:
            head = await _when_available(
                lambda: self._log.append(
                    call.run, activity.info().workflow_run_id or "", call.facts, call.acknowledged
                )
            )
            reach("facts written")
            if head.ended is not None or head.stop_requested:
                return _refused(head, written)
        if call.node is None:
            secrets = await self._secrets_of(call)
            work = self._work_of(call, 0, secrets)
            output = await _translate_errors(method(call.params, work), written, secrets)
            if isinstance(output, NodeOutput):
                output = await self._bound(_redacted(output, secrets), call.run.tenant_id)
            return ActivityReturn(output=output, digest=written)
        return await self._execute_node(method, call, call.node, written)

    async def _execute_node(
        self,
        method: Callable[[Any, Work], Awaitable[Any]],
        call: ActivityCall[Any],
        node: NodeStarted,
        written: str,
    ) -> ActivityReturn[Any]:
        """Return the recorded outcome of a try, or make and record one."""
        info = activity.info()
        run_id = info.workflow_run_id or ""
        answer = await _when_available(
            lambda: self._log.begin_effect(call.run, run_id, node, call.path, info.activity_id)
        )
        if isinstance(answer, EffectRefused):
            return _refused(answer.head, written)
        if isinstance(answer, EffectStart):
            reach("effect begun")
            outcome = await self._work(method, call, node, answer.number)
            reach("effect done")
            answer = await _when_available(
                lambda: self._log.record_outcome(
                    call.run, run_id, info.activity_id, answer.number, outcome
                )
            )
            reach("outcome recorded")
        return _answer(answer, written)

    async def _work(
        self,
        method: Callable[[Any, Work], Awaitable[Any]],
        call: ActivityCall[Any],
        node: NodeStarted,
        start: int,
    ) -> Outcome:
        """Do the work once and turn however it ends into an outcome that can be recorded."""
        begun = time.time()
        secrets = await self._secrets_of(call)
        try:
            output: NodeOutput = await method(call.params, self._work_of(call, start, secrets))
            output = await self._bound(_redacted(output, secrets), call.run.tenant_id)
        except asyncio.CancelledError:
            raise
        except InfrastructureError as error:
            raise _without_secrets(error, secrets) from None
        except Exception as error:
            return Outcome(await self._failed(node, error, begun, call.run.tenant_id, secrets))
        finished = NodeFinished(
            at=time.time(),
            node_exec_id=node.node_exec_id,
            node_id=node.node_id,
            attempt=node.attempt,
            status=NodeExecutionStatus.SUCCEEDED,
            handle=output.handle,
            inputs=output.inputs,
            process_data=output.process_data,
            outputs={name: _plain(wire) for name, wire in output.outputs.items()},
            metadata=output.metadata,
            elapsed_time=time.time() - begun,
        )
        return Outcome(finished, output.model_dump())

    async def _secrets_of(self, call: ActivityCall[Any]) -> CallSecrets:
        """Decrypt what the run was given, for this attempt only."""
        if not call.has_secrets:
            return CallSecrets()
        return await _when_available(lambda: self._secrets.load(call.run))

    def _work_of(self, call: ActivityCall[Any], start: int, secrets: CallSecrets) -> Work:
        key = ""
        if call.node is not None:
            key = str(uuid.uuid5(_KEYS, f"{call.node.node_exec_id}:{call.node.attempt}"))
        values = ValueReader(self._artifacts, call.run.tenant_id, secrets)
        return Work(call.run, start, values, key)

    async def _failed(
        self,
        node: NodeStarted,
        error: Exception,
        begun: float,
        tenant_id: str,
        secrets: CallSecrets,
    ) -> NodeFailed:
        """Describe a failed try; an error that nobody translated has Dify's name for it."""
        known = isinstance(error, NodeError)
        inputs = error.inputs if isinstance(error, NodeError) else None
        process_data = error.process_data if isinstance(error, NodeError) else None
        return NodeFailed(
            at=time.time(),
            node_exec_id=node.node_exec_id,
            node_id=node.node_id,
            attempt=node.attempt,
            error=secrets.redact_text(str(error))[:MAX_ERROR_MESSAGE_CHARACTERS],
            error_type=error.error_type if isinstance(error, NodeError) else "WorkflowNodeError",
            inputs=await self._bound_record(_redacted_record(inputs, secrets), tenant_id),
            process_data=await self._bound_record(
                _redacted_record(process_data, secrets), tenant_id
            ),
            metadata={} if known else {"exception": type(error).__name__},
            elapsed_time=time.time() - begun,
        )

    async def _bound(self, output: NodeOutput, tenant_id: str) -> NodeOutput:
        """Move large values out of the result (invariants 8, 15)."""
        return output.model_copy(
            update={
                "outputs": {
                    name: await self._bound_value(wire, tenant_id)
                    for name, wire in output.outputs.items()
                },
                "inputs": await self._bound_record(output.inputs, tenant_id),
                "process_data": await self._bound_record(output.process_data, tenant_id),
            }
        )

    async def _bound_record(self, values: Any, tenant_id: str) -> dict[str, Any] | None:
        if values is None:
            return None
        return {name: await self._bound_value(value, tenant_id) for name, value in values.items()}

    async def _bound_value(self, wire: Any, tenant_id: str) -> Any:
        value = from_wire(wire)
        segment = value if isinstance(value, Segment) else Segment.infer(value)
        bounded = await reference_large(segment, self._artifacts, tenant_id)
        return wire if bounded is segment else to_wire(bounded)


def _redacted(output: NodeOutput, secrets: CallSecrets) -> NodeOutput:
    """Take secrets out of everything that an activity gives (invariant 17)."""
    return NodeOutput(
        outputs={name: secrets.redact_value(wire) for name, wire in output.outputs.items()},
        inputs=_redacted_record(output.inputs, secrets),
        process_data=_redacted_record(output.process_data, secrets),
        metadata=secrets.redact_record(output.metadata),
        handle=output.handle,
    )


def _redacted_record(
    record: Mapping[str, Any] | None, secrets: CallSecrets
) -> dict[str, Any] | None:
    if record is None:
        return None
    return {name: secrets.redact_value(wire) for name, wire in record.items()}


def _plain(wire: Any) -> Any:
    """Give a value without its type, as records and clients have it."""
    value = from_wire(wire)
    return to_wire(value.value) if isinstance(value, Segment) else wire


def _answer(recorded: RecordedOutcome, written: str) -> ActivityReturn[Any]:
    """Return a recorded success, raise a recorded failure."""
    fact = recorded.outcome.fact
    if isinstance(fact, NodeFailed):
        failure = ActivityFailure(
            digest=written,
            error=fact.error,
            error_type=fact.error_type,
            inputs=fact.inputs,
            process_data=fact.process_data,
        )
        raise ApplicationError(
            fact.error, failure, type=fact.error_type or "NodeFailed", non_retryable=True
        )
    ended = recorded.head.ended if recorded.head is not None else None
    output = NodeOutput.model_validate(recorded.outcome.output)
    return ActivityReturn(output=output, digest=written, ended=ended)


def _refused(head: Head, written: str) -> ActivityReturn[Any]:
    """Begin nothing: the run has ended or is being stopped."""
    return ActivityReturn(
        digest=written, ended=head.ended, deferred=True, stop_requested=head.stop_requested
    )


def _without_secrets(error: InfrastructureError, secrets: CallSecrets) -> InfrastructureError:
    """Let Temporal repeat the call, and tell it no secret."""
    return type(error)(secrets.redact_text(str(error))[:MAX_ERROR_MESSAGE_CHARACTERS])


async def _translate_errors(work: Awaitable[T], written: str, secrets: CallSecrets) -> T:
    """Turn an error of ours into a bounded one that Temporal can report (invariant 8)."""
    try:
        return await work
    except HoldfastError as error:
        message = secrets.redact_text(str(error))[:MAX_ERROR_MESSAGE_CHARACTERS]
        retryable = isinstance(error, InfrastructureError)
        failure = ActivityFailure(digest=written, error=message)
        raise ApplicationError(
            message, failure, type=error.code, non_retryable=not retryable
        ) from None


async def _when_available(write: Callable[[], Awaitable[T]]) -> T:
    """Repeat a write while the database is away; writes are idempotent by their numbers.

    Raises:
        ApplicationError: Retryable, after 15 minutes.
    """
    deadline = time.monotonic() + DATABASE_WAIT_SECONDS
    pause = _FIRST_PAUSE
    while True:
        try:
            return await write()
        except DatabaseUnavailable as error:
            if time.monotonic() > deadline:
                raise ApplicationError(
                    str(error)[:MAX_ERROR_MESSAGE_CHARACTERS],
                    type=error.code,
                    category=ApplicationErrorCategory.BENIGN,
                ) from error
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


@asynccontextmanager
async def _heartbeats() -> Any:
    """Heartbeat in the background as long as the activity lives."""
    beating = asyncio.create_task(_beat())
    try:
        yield
    finally:
        beating.cancel()


async def _beat() -> None:
    while True:
        await asyncio.sleep(HEARTBEAT_SECONDS)
        activity.heartbeat()
