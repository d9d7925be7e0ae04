"""GraphRunClient: start runs, signal commands, cancel, query; the only user of Temporal ids.

Used by the API, the command line and the reconciler. What a command means and who answers it is
architecture 7; records are `schema/db/event_log.py`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from schema.commands import Command, CommandKind
from schema.errors import TemporalUnavailable
from schema.runs import RUN_FAILED, RunInput, RunResult

WORKFLOW_TYPE = "GraphRun"
_RPC_TIMEOUT = timedelta(seconds=10)
_TASK_TIMEOUT = timedelta(seconds=3)


def workflow_id_of(run_id: str) -> str:
    """Name the Temporal workflow of a run.

    Example:
        >>> workflow_id_of("0192")
        'run-0192'
    """
    return f"run-{run_id}"


@dataclass(frozen=True)
class WorkflowState:
    """What Temporal knows about a run's workflow."""

    is_open: bool
    status: str
    """Temporal's name: RUNNING, COMPLETED, FAILED, CANCELED, TERMINATED, TIMED_OUT."""
    temporal_run_id: str

    @property
    def has_result(self) -> bool:
        """Whether it ended by itself."""
        return self.status in ("COMPLETED", "FAILED")


class GraphRunClient:
    """What the product asks of Temporal."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def start(self, run_input: RunInput, *, eager: bool = False) -> str:
        """Start the workflow of a registered run, once; give the Temporal run id.

        Raises:
            TemporalUnavailable: If the server did not take it; the reconciler will.
        """
        try:
            handle = await self.client.start_workflow(
                WORKFLOW_TYPE,
                run_input,
                id=workflow_id_of(run_input.run_id),
                task_queue=run_input.queues.run,
                execution_timeout=timedelta(seconds=run_input.policy.run_timeout),
                task_timeout=_TASK_TIMEOUT,
                id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                search_attributes=_search_attributes(run_input),
                static_summary=_summary(run_input),
                static_details=_details(run_input),
                request_eager_start=eager,
                rpc_timeout=_RPC_TIMEOUT,
            )
        except WorkflowAlreadyStartedError as error:
            return error.run_id or ""
        except RPCError as error:
            raise TemporalUnavailable(f"Temporal did not start the run: {error.message}") from error
        return handle.first_execution_run_id or ""

    async def signal(self, run_id: str, kind: CommandKind, command: Command) -> bool:
        """Send a command; False if the workflow has ended or never began.

        Raises:
            TemporalUnavailable: If the server could not be asked.
        """
        try:
            await self._handle(run_id).signal(str(kind), command, rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            return _absent_or_raise(error)
        return True

    async def cancel(self, run_id: str, command_id: str) -> bool:
        """Stop a run; False if the workflow has ended or never began.

        Raises:
            TemporalUnavailable: If the server could not be asked.
        """
        try:
            await self._handle(run_id).cancel(reason=command_id, rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            return _absent_or_raise(error)
        return True

    async def state(self, run_id: str) -> Mapping[str, Any]:
        """Ask a living worker for node states; for operators, never for the product."""
        answer: Mapping[str, Any] = await self._handle(run_id).query(
            "state", rpc_timeout=_RPC_TIMEOUT
        )
        return answer

    async def describe(self, run_id: str) -> WorkflowState | None:
        """Give what Temporal knows of the workflow; None if it knows nothing.

        Raises:
            TemporalUnavailable: If the server could not be asked.
        """
        try:
            described = await self._handle(run_id).describe(rpc_timeout=_RPC_TIMEOUT)
        except RPCError as error:
            _absent_or_raise(error)
            return None
        status = described.status or WorkflowExecutionStatus.RUNNING
        return WorkflowState(
            is_open=status is WorkflowExecutionStatus.RUNNING,
            status=status.name,
            temporal_run_id=described.run_id,
        )

    async def is_open(self, run_id: str) -> bool:
        """Whether Temporal still executes a run.

        Raises:
            TemporalUnavailable: If the server could not be asked.
        """
        state = await self.describe(run_id)
        return state is not None and state.is_open

    async def result(self, run_id: str) -> RunResult | None:
        """Give what the closed workflow of a run returned; None if it returned nothing.

        Raises:
            TemporalUnavailable: If the server could not be asked.
        """
        try:
            async with asyncio.timeout(_RPC_TIMEOUT.total_seconds()):
                result: RunResult = await self.client.get_workflow_handle(
                    workflow_id_of(run_id), result_type=RunResult
                ).result()
        except WorkflowFailureError as error:
            return _failed_result(error.cause)
        except (RPCError, TimeoutError) as error:
            raise TemporalUnavailable(f"Temporal did not give the result: {error}") from error
        return result

    def _handle(self, run_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(workflow_id_of(run_id))


def _failed_result(cause: BaseException) -> RunResult | None:
    """Read the result that a failed run carries in its error."""
    if not isinstance(cause, ApplicationError) or cause.type != RUN_FAILED or not cause.details:
        return None
    return RunResult.model_validate(cause.details[0])


def _absent_or_raise(error: RPCError) -> bool:
    if error.status is RPCStatusCode.NOT_FOUND:
        return False
    raise TemporalUnavailable(f"Temporal did not answer: {error.message}") from error


def _search_attributes(run_input: RunInput) -> TypedSearchAttributes:
    values = {
        "HoldfastApp": run_input.app_id,
        "HoldfastTenant": run_input.tenant_id,
        "HoldfastTrigger": run_input.trigger,
        "HoldfastMode": str(run_input.plan.mode),
    }
    return TypedSearchAttributes(
        [
            SearchAttributePair(SearchAttributeKey.for_keyword(name), value)
            for name, value in values.items()
            if value
        ]
    )


def _summary(run_input: RunInput) -> str:
    text = f"{run_input.plan.app_name or 'app'} · {run_input.trigger}"
    return text.encode(errors="replace")[:180].decode(errors="ignore")


def _details(run_input: RunInput) -> str:
    """Describe the run for the Web UI: names of inputs, never values."""
    inputs = ", ".join(f"`{name}`" for name in list(run_input.inputs)[:50]) or "none"
    lines = [
        f"**{run_input.plan.app_name}** ({run_input.plan.mode})",
        f"- run `{run_input.run_id}`",
        f"- plan `{run_input.plan.plan_sha[:12]}`",
        f"- inputs: {inputs}",
    ]
    return "\n".join(lines).encode(errors="replace")[:15_000].decode(errors="ignore")
