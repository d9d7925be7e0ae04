"""The one wrapper of every regular activity: the steps of an attempt; there is no second path.

The steps are those of architecture 3.3. Facts are written first, then the work is done or joined,
then a small answer goes back. What executes a node is `execution.py`; waiting is `availability.py`
and `slots.py`, work that outlives an attempt `living.py`, what may leave `results.py` and
`answers.py`, streamed text `streaming.py`. What an activity is, `work.py` says.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import answers
from activities.availability import WAIT_SECONDS, PatientStore, Resource, when_available
from activities.execution import Ending, NodeExecution, Services
from activities.heartbeats import heartbeats
from activities.living import End, LivingWork
from activities.results import Results, bounded
from activities.secrets import SecretStore
from activities.slots import Slots
from activities.work import Work, contract_of, implements
from schema.activities import NodeOutput
from schema.contracts import ActivityContract
from schema.db.event_log import EffectDeferred, EffectRefused, EventLog, Head, RecordedOutcome
from schema.envelope import ActivityCall, ActivityReturn
from schema.errors import InfrastructureError
from schema.facts import digest
from schema.kill_points import reach
from schema.values.artifact_ref import ArtifactStore
from schema.values.remote_files import RemoteFiles

__all__ = ["ActivityWrapper", "Work", "contract_of", "implements"]


class ActivityWrapper:
    """Makes Temporal activities of methods that implement contracts; one a process.

    Args:
        log: The run's records.
        artifacts: Where large values go.
        living: The work that is alive in this process.
        slots: How much is done at once.
        secrets: Gives calls the secrets of their runs.
        sandbox: Waited for before the effects of contracts that need it.
    """

    def __init__(
        self,
        log: EventLog,
        artifacts: ArtifactStore,
        living: LivingWork | None = None,
        slots: Slots | None = None,
        secrets: SecretStore | None = None,
        sandbox: Resource | None = None,
        remote_files: RemoteFiles | None = None,
    ) -> None:
        self._living = living or LivingWork(log)
        self._services = Services(
            log,
            PatientStore(artifacts),
            slots or Slots(),
            secrets,
            sandbox,
            remote_files,
        )

    def wrap(
        self, method: Callable[[Any, Work], Awaitable[Any]]
    ) -> Callable[[ActivityCall[Any]], Awaitable[ActivityReturn[Any]]]:
        """Give the activity to register with a worker."""
        contract = contract_of(method)

        async def run(call: ActivityCall[Any]) -> ActivityReturn[Any]:
            async with heartbeats():
                return await self._run(method, contract, call)

        # The converter reads these to decode the envelope with the contract's types.
        run.__annotations__ = {
            "call": ActivityCall[contract.input_type],  # type: ignore[name-defined]
            "return": ActivityReturn[contract.output_type],  # type: ignore[name-defined]
        }
        return activity.defn(name=contract.name)(run)

    async def _run(
        self,
        method: Callable[[Any, Work], Awaitable[Any]],
        contract: ActivityContract[Any, Any],
        call: ActivityCall[Any],
    ) -> ActivityReturn[Any]:
        """Take the steps of an attempt."""
        written = digest(call.facts)
        try:
            head = await self._write_facts(call)
            if call.node is None:
                return await self._do(method, contract, call, head, written)
            if head is not None and (head.ended is not None or head.stop_requested):
                return answers.refused(head, written)
            execution = NodeExecution(
                self._services, method, contract, call, call.node, activity.info()
            )
            ending = await self._living.join(execution.key, call.run, call.pauses, execution.run)
        except ApplicationError:
            raise
        except Exception as error:
            # Without its cause, which would travel along unbounded (invariant 8).
            raise answers.reportable(error, bounded(str(error)), written) from None
        return _answer(ending, written)

    async def _write_facts(self, call: ActivityCall[Any]) -> Head | None:
        """(a, b) Wait for the database and write the facts that rode along."""
        if not call.facts:
            return None
        temporal_run_id = activity.info().workflow_run_id or ""
        head = await when_available(
            lambda: self._services.log.append(
                call.run, temporal_run_id, call.facts, call.acknowledged
            )
        )
        reach("facts written")
        return head

    async def _do(
        self,
        method: Callable[[Any, Work], Awaitable[Any]],
        contract: ActivityContract[Any, Any],
        call: ActivityCall[Any],
        head: Head | None,
        written: str,
    ) -> ActivityReturn[Any]:
        """Do what executes no node, also while the run is being stopped.

        It has no outcome: doing it again changes nothing.

        Raises:
            ApplicationError: If it failed.
        """
        if head is not None and head.ended is not None:
            return answers.refused(head, written)
        services, run = self._services, call.run
        secrets = await services.secrets_of(call)
        results = Results(services.store, run.tenant_id, secrets)
        work = Work(run, 0, services.values_of(run, secrets), secrets)
        try:
            async with services.slots.taken(contract.role, WAIT_SECONDS) as is_taken:
                if not is_taken:
                    raise InfrastructureError(f"No slot of the role {contract.role} became free.")
                output = await when_available(lambda: method(call.params, work))
            if isinstance(output, NodeOutput):
                output = await results.bounded_output(output)
        except Exception as error:
            raise answers.reportable(error, results.error_text(error), written) from None
        stop_requested = head is not None and head.stop_requested
        return ActivityReturn(output=output, digest=written, stop_requested=stop_requested)


def _answer(ending: Ending | End, written: str) -> ActivityReturn[Any]:
    """(j) Answer with a small result, or with an error that can be reported."""
    match ending:
        case RecordedOutcome():
            return answers.of_outcome(ending, written)
        case EffectRefused(head):
            return answers.refused(head, written)
        case EffectDeferred() | End.PAUSE:
            return answers.deferred(written)
        case End.STOP:
            raise answers.stopped(written)
        case End.SHUTDOWN:
            raise answers.shut_down()
