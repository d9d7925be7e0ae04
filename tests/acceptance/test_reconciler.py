"""Rows and workflows that a crash left apart are brought together."""

import uuid
from collections.abc import AsyncIterator

import pytest
from temporalio import activity
from temporalio.worker import Worker

from api.run_requests import RunRequest, build_run_input
from schema.activities import FINALIZE, FinalizeInput, FinalizeOutput
from schema.envelope import Acknowledged, ActivityCall, ActivityReturn
from schema.facts import NodeStarted, OpenFact, digest
from schema.runs import Queues, RunInput, RunStatus
from schema.settings import Settings
from tests.factories import a_branch, a_plan, a_start, an_end
from workers.cli.session import opened_stack
from workers.dependencies import Dependencies
from workers.reconciler import Reconciler
from workers.worker import workflow_runner
from workflows.client import workflow_id_of
from workflows.graph_run import GraphRun


@pytest.fixture
async def dependencies(settings: Settings) -> AsyncIterator[Dependencies]:
    async with opened_stack(settings) as (_, opened):
        yield opened


async def registered(dependencies: Dependencies, age: float = 60.0) -> RunInput:
    """Make the row of a run that has no workflow, as a crash right after it would leave it."""
    plan = a_plan([a_start("s"), an_end("e")], [("s", "e")])
    fresh = await build_run_input(RunRequest(plan=plan), dependencies.artifacts, uuid.uuid4().hex)
    run_input = fresh.model_copy(update={"created_at": fresh.created_at - age})
    await dependencies.log.register(run_input, run_input.created_at)
    return run_input


async def reconciled(dependencies: Dependencies, run_input: RunInput) -> tuple[RunStatus, str]:
    """Reconcile everything, and give the state and error of one run."""
    await Reconciler(dependencies.log, dependencies.runs).reconcile_all()
    record = await dependencies.log.get_run(run_input.tenant_id, run_input.run_id)
    return record.status, record.error or ""


@pytest.mark.anyio
async def test_a_row_without_a_workflow_is_started(dependencies: Dependencies) -> None:
    run_input = await registered(dependencies)

    assert await reconciled(dependencies, run_input) == (RunStatus.RUNNING, "")

    described = await dependencies.runs.describe(run_input.run_id)
    assert described is not None
    assert described.is_open


@pytest.mark.anyio
async def test_a_new_row_is_left_to_whoever_made_it(dependencies: Dependencies) -> None:
    run_input = await registered(dependencies, age=-60)  # still new, however slow this machine is

    await reconciled(dependencies, run_input)

    assert await dependencies.runs.describe(run_input.run_id) is None


@pytest.mark.anyio
async def test_a_row_that_was_stopped_before_it_began_is_closed(
    dependencies: Dependencies,
) -> None:
    run_input = await registered(dependencies)
    await dependencies.log.request_stop(run_input.ref, "c", "changed my mind")

    status, _ = await reconciled(dependencies, run_input)

    assert status is RunStatus.STOPPED
    assert await dependencies.runs.describe(run_input.run_id) is None


@pytest.mark.anyio
async def test_a_run_that_was_terminated_in_temporal_ends_stopped(
    dependencies: Dependencies,
) -> None:
    run_input = await registered(dependencies)
    await dependencies.runs.start(run_input)
    workflow_id = workflow_id_of(run_input.run_id)
    await dependencies.temporal.get_workflow_handle(workflow_id).terminate("by hand")

    status, error = await reconciled(dependencies, run_input)

    assert (status, "terminated in Temporal" in error) == (RunStatus.STOPPED, True)


@pytest.mark.anyio
async def test_a_run_whose_history_is_gone_is_closed_and_says_so(
    dependencies: Dependencies,
) -> None:
    run_input = await registered(dependencies)
    node = NodeStarted(at=1.0, node_exec_id=f"{run_input.run_id}:s", node_id="s", node_type="start")
    await dependencies.log.append(
        run_input.ref, "a-lost-temporal-run", [OpenFact(src_seq=1, fact=node)], Acknowledged()
    )

    status, error = await reconciled(dependencies, run_input)

    assert (status, "no longer knows this run" in error) == (RunStatus.STOPPED, True)


@pytest.mark.anyio
async def test_a_stop_whose_sender_died_is_carried_to_the_workflow(
    dependencies: Dependencies,
) -> None:
    run_input = await registered(dependencies)
    await dependencies.runs.start(run_input)
    await dependencies.log.request_stop(run_input.ref, "c", "")

    for _ in range(2):  # repeating it is harmless
        await reconciled(dependencies, run_input)

    workflow_id = workflow_id_of(run_input.run_id)
    history = await dependencies.temporal.get_workflow_handle(workflow_id).fetch_history()
    names = [event.WhichOneof("attributes") for event in history.events]
    assert names.count("workflow_execution_cancel_requested_event_attributes") == 1


@activity.defn(name=FINALIZE.name)
async def finalize_that_writes_nothing(
    call: ActivityCall[FinalizeInput],
) -> ActivityReturn[FinalizeOutput]:
    """End a run as if our database had not answered for a whole day."""
    output = FinalizeOutput(result=call.params.result)
    return ActivityReturn(output=output, digest=digest(call.facts))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("selector", "status", "error"),
    [
        (["sys", "user_id"], RunStatus.SUCCEEDED, ""),
        (["sys", "nope"], RunStatus.FAILED, "Variable ['sys', 'nope'] not found"),
    ],
)
async def test_a_result_that_its_workflow_could_not_write_is_taken_over(
    dependencies: Dependencies, selector: list[str], status: RunStatus, error: str
) -> None:
    branch = a_branch("b", selector, "not empty")
    plan = a_plan([a_start("s"), branch, an_end("e")], [("s", "b"), ("b", "e", "true")])
    queue = uuid.uuid4().hex
    queues = Queues(run=queue, io=queue, code=queue)
    request = RunRequest(plan=plan, queues=queues)
    run_input = await build_run_input(request, dependencies.artifacts, uuid.uuid4().hex)
    await dependencies.log.register(run_input, run_input.created_at)
    worker = Worker(
        dependencies.temporal,
        task_queue=queue,
        workflows=[GraphRun],
        activities=[finalize_that_writes_nothing],
        workflow_runner=workflow_runner(),
    )
    async with worker:
        await dependencies.runs.start(run_input)
        given = await dependencies.runs.result(run_input.run_id)

    assert await reconciled(dependencies, run_input) == (status, error)
    assert given is not None
    assert given.status is status
