"""One execution of a node by its activity: steps c to i of architecture 3.3, in their order.

It is a piece of living work (`living.py`): done once, for however many attempts wait for it.
"""

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from temporalio import activity

from activities.availability import (
    KEEP_SECONDS,
    WAIT_SECONDS,
    PatientStore,
    Resource,
    wait_for,
    when_available,
)
from activities.living import END_SECONDS, End, Piece
from activities.results import Results
from activities.secrets import CallSecrets, SecretStore
from activities.slots import Slots
from activities.streaming import TextStream
from activities.values import ValueReader
from activities.work import Work
from schema.activities import NodeOutput
from schema.contracts import ActivityContract
from schema.db.event_log import (
    EffectDeferred,
    EffectRefused,
    EffectStart,
    EventLog,
    Outcome,
    RecordedOutcome,
)
from schema.envelope import ActivityCall
from schema.errors import DatabaseUnavailable, InfrastructureError
from schema.facts import NodeStarted
from schema.kill_points import reach
from schema.runs import RunRef
from schema.values.remote_files import RemoteFiles

_KEYS = uuid.UUID("b7a1b0c5-2d0c-5b0e-8a34-0f6f4a3c9d11")
"""Name space of idempotency keys; never changed, as peers remember them."""

Ending: TypeAlias = RecordedOutcome | EffectRefused | EffectDeferred
"""What an execution of a node comes to."""
NodeMethod: TypeAlias = Callable[[Any, Work], Awaitable[NodeOutput]]


@dataclass(frozen=True)
class Services:
    """What executions share; one a process."""

    log: EventLog
    store: PatientStore
    slots: Slots
    secrets: SecretStore | None
    """None where no run has secrets."""
    sandbox: Resource | None
    """Waited for before the effects of contracts that need it."""
    remote_files: RemoteFiles | None
    """Reads files at URLs of authors; None where nothing does."""

    def values_of(self, run: RunRef, secrets: CallSecrets) -> ValueReader:
        """Give what reads the values of a call."""
        return ValueReader(self.store, run.tenant_id, secrets, self.remote_files)

    async def secrets_of(self, call: ActivityCall[Any]) -> CallSecrets:
        """Decrypt what the run of a call was given, waiting for records and keys.

        Raises:
            InfrastructureError: If they stay away.
        """
        secrets = self.secrets
        if secrets is None or not call.has_secrets:
            return CallSecrets()
        return await when_available(lambda: secrets.load(call.run))


class NodeExecution:
    """A try of a node on its way from its facts to its recorded outcome.

    Args:
        services: What it works with.
        method: The activity.
        contract: What the activity fulfils.
        call: What it was given.
        node: The try.
        info: Of the attempt that came first.
    """

    def __init__(
        self,
        services: Services,
        method: NodeMethod,
        contract: ActivityContract[Any, Any],
        call: ActivityCall[Any],
        node: NodeStarted,
        info: activity.Info,
    ) -> None:
        self._services = services
        self._log = services.log
        self._method = method
        self._contract = contract
        self._call = call
        self._node = node
        self._temporal_run_id = info.workflow_run_id or ""
        self._activity_id = info.activity_id
        self._secrets = CallSecrets()

    @property
    def key(self) -> str:
        """Name the try."""
        return f"{self._node.node_exec_id}:{self._node.attempt}"

    async def run(self, piece: Piece) -> Ending:
        """Take the steps.

        Raises:
            InfrastructureError: If something of ours stayed away: it is worth trying elsewhere.
        """
        recorded = await self._wait()
        if recorded is not None:
            return recorded
        async with self._services.slots.taken(self._contract.role, WAIT_SECONDS) as is_taken:
            if not is_taken:
                return EffectDeferred()
            piece.may_have_begun = True
            begun = await self._begin()
            if not isinstance(begun, EffectStart):
                return begun
            stream = self._stream(begun, piece)
            try:
                outcome = await self._work(begun.number, stream, piece)
            except (InfrastructureError, asyncio.CancelledError):
                stream.abandon()
                raise
        reach("effect done")
        return await self._record(begun.number, outcome, stream)

    async def _wait(self) -> RecordedOutcome | None:
        """(c, d) Wait for store, sandbox and keys; before any wait look for a recorded outcome."""
        services, contract, node = self._services, self._contract, self._node
        needed: list[Resource] = [services.store]
        if contract.needs_sandbox and services.sandbox is not None:
            needed.append(services.sandbox)
        if any(each.is_suspect for each in needed) or not services.slots.is_free(contract.role):
            found = await when_available(
                lambda: self._log.find_outcome(self._call.run, node.node_exec_id, node.attempt)
            )
            if found is not None:
                return found
        for each in needed:
            await wait_for(each, WAIT_SECONDS)
        # Before the start is counted: a key that is not here must not use starts up.
        self._secrets = await services.secrets_of(self._call)
        return None

    async def _begin(self) -> EffectStart | Ending:
        """(e) Count the effect start, or learn why there is none."""
        call = self._call
        answer = await when_available(
            lambda: self._log.begin_effect(
                call.run,
                self._temporal_run_id,
                self._node,
                call.path,
                self._activity_id,
                call.pauses,
            )
        )
        if isinstance(answer, EffectStart):
            reach("effect begun")
        return answer

    async def _work(self, start: int, stream: TextStream, piece: Piece) -> Outcome:
        """(f, g, h) Do the work once; however it ends becomes an outcome that can be recorded."""
        call, node, begun = self._call, self._node, time.time()
        results = Results(self._services.store, call.run.tenant_id, self._secrets)
        bound = asyncio.timeout(self._contract.start_to_close.total_seconds())
        try:
            async with bound:
                output = await self._method(call.params, self._work_of(start, stream))
            piece.has_result = True
            return await results.success(node, output, begun)
        except asyncio.CancelledError:
            if piece.ended_by is End.SHUTDOWN and not piece.has_result:
                await self._give_back(start)
            raise
        except InfrastructureError as error:
            # Temporal is told what it says.
            raise type(error)(results.error_text(error)) from None
        except Exception as error:
            if bound.expired():  # a node keeps its own limit, which is much shorter
                raise InfrastructureError("The work did not end by itself.") from None
            piece.has_result = True
            return await results.failure(node, error, begun)

    async def _record(self, start: int, outcome: Outcome, stream: TextStream) -> RecordedOutcome:
        """(i) Record the outcome with its fact, keeping it in memory until that succeeds."""
        texts = await stream.close()
        recorded = await when_available(
            lambda: self._log.record_outcome(
                self._call.run, self._temporal_run_id, self._activity_id, start, outcome, texts
            ),
            KEEP_SECONDS,
        )
        reach("outcome recorded")
        return recorded

    async def _give_back(self, start: int) -> None:
        """Not count a start that the worker's orderly shutdown ended."""
        node = self._node
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._log.give_back_effect(
                    self._call.run, node.node_exec_id, node.attempt, start
                )
        except (DatabaseUnavailable, TimeoutError):
            activity.logger.warning(
                "An effect start could not be given back; it counts.",
                extra={"action": "start_not_given_back", "node_id": node.node_id},
            )

    def _stream(self, begun: EffectStart, piece: Piece) -> TextStream:
        return TextStream(
            self._log,
            self._call.run,
            self._node,
            f"{self._temporal_run_id}/{self._activity_id}@{begun.number}",
            begun.number,
            begun.told,
            self._secrets,
            lambda: piece.end(End.STOP),
        )

    def _work_of(self, start: int, stream: TextStream) -> Work:
        values = self._services.values_of(self._call.run, self._secrets)
        key = str(uuid.uuid5(_KEYS, self.key))
        return Work(self._call.run, start, values, self._secrets, key, stream)
