"""The two sides of a comparison: how each starts a run and waits for Temporal's result."""

import contextlib
import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import GrpcCompression
from temporalio.worker import Worker

from api.run_requests import RunRequest, build_run_input
from api.runs import start
from benchmarks.graphs import TEXT, Graph
from benchmarks.handwritten import Bare, HandWritten
from benchmarks.handwritten_rows import Rows, Task
from schema.facts import RunFinished
from schema.plan import Plan
from schema.runs import RunResult, RunStatus
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import encode, from_wire
from schema.values.references import find_references
from workers.dependencies import Dependencies
from workers.stack import StackAddresses
from workers.worker import (
    CACHED_WORKFLOWS,
    HEARTBEAT_THROTTLE,
    MAX_CONCURRENT_ACTIVITIES,
    STICKY_TIMEOUT,
    workflow_runner,
)
from workflows.client import workflow_id_of

QUEUE = "handwritten"
RunOnce: TypeAlias = Callable[[], Awaitable[None]]
"""Makes one run and waits for its end.

Raises:
    UnexpectedOutcome: If it did not give what the graph has to give.
"""


class UnexpectedOutcome(Exception):
    """A run that was measured did not do its work."""


class Product:
    """Our runs, started as the API starts them in a process that also works."""

    def __init__(self, dependencies: Dependencies) -> None:
        self._dependencies = dependencies

    def until_result(self, graph: Graph) -> RunOnce:
        """Runs of a graph, each until Temporal gives its result."""
        plan = graph.plan()

        async def run_once() -> None:
            run_id = await self._start(plan, graph.text)
            handle = self._dependencies.temporal.get_workflow_handle(
                workflow_id_of(run_id), result_type=RunResult
            )
            _check(graph, await handle.result())

        return run_once

    def until_told(self, graph: Graph) -> RunOnce:
        """Runs of a graph, each until the log tells its end, as our own clients wait."""
        plan = graph.plan()
        log = self._dependencies.log

        async def run_once() -> None:
            request = RunRequest(plan=plan, inputs={"q": graph.text})
            run_input = await build_run_input(request, self._dependencies.artifacts)
            await start(run_input, log, self._dependencies.runs, eager=True)
            async for facts in log.follow(run_input.ref):
                for entry in facts:
                    if isinstance(entry.fact, RunFinished):
                        _check(graph, entry.fact)

        return run_once

    async def _start(self, plan: Plan, text: str) -> str:
        dependencies = self._dependencies
        request = RunRequest(plan=plan, inputs={"q": text})
        run_input = await build_run_input(request, dependencies.artifacts)
        await start(run_input, dependencies.log, dependencies.runs, eager=True)
        return run_input.run_id


@dataclass(frozen=True)
class Yardstick:
    """Hand-written runs, and runs of two activities that do nothing at all."""

    client: Client
    rows: Rows

    def until_result(self, graph: Graph) -> RunOnce:
        """Runs of a graph, with the effects of ours."""

        async def run_once() -> None:
            task = Task(uuid.uuid4().hex, graph.shape, graph.size, TEXT, url=graph.url)
            await self.rows.begin(task.run_id, task.text)
            if await self._run(task, eager=True) != graph.output:
                raise UnexpectedOutcome(graph.name)

        return run_once

    async def known_shape(self) -> None:
        """Run the shape whose figures are known: local write, two activities, local write."""
        await self._run(Task(uuid.uuid4().hex, "empty", 0, TEXT, activities=2))

    async def bare(self) -> None:
        """Run two activities without any effect."""
        await self.client.execute_workflow(Bare.run, id=uuid.uuid4().hex, task_queue=QUEUE)

    async def _run(self, task: Task, *, eager: bool = False) -> str:
        return await self.client.execute_workflow(
            HandWritten.run,
            task,
            id=f"hand-{task.run_id}",
            task_queue=QUEUE,
            task_timeout=timedelta(seconds=3),
            request_eager_start=eager,
        )


@contextlib.asynccontextmanager
async def open_yardstick(addresses: StackAddresses, file: Path) -> AsyncIterator[Yardstick]:
    """Start the hand-written workflow's worker: settings and options are the product's."""
    client = await Client.connect(
        addresses.temporal_address,
        namespace=addresses.namespace,
        data_converter=pydantic_data_converter,
        grpc_compression=GrpcCompression.NONE,
    )
    rows = Rows(file)
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=[HandWritten, Bare],
        activities=[rows.begin, rows.work, rows.request, rows.finish],
        workflow_runner=workflow_runner(),
        max_cached_workflows=CACHED_WORKFLOWS,
        max_concurrent_activities=MAX_CONCURRENT_ACTIVITIES,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
    )
    try:
        async with worker:
            yield Yardstick(client, rows)
    finally:
        await rows.close()


def _check(graph: Graph, ended: RunResult | RunFinished) -> None:
    outputs = ended.outputs or {}
    references = find_references(from_wire(outputs))
    if references:
        # A large one is told by its digest, which is that of its encoded text.
        stored = [ref.sha256 for ref in references if isinstance(ref, ArtifactRef)]
        is_right = stored == [hashlib.sha256(encode(graph.output).encode()).hexdigest()]
    else:
        is_right = "".join(outputs.values()) == graph.output
    if ended.status is not RunStatus.SUCCEEDED or not is_right:
        raise UnexpectedOutcome(f"{graph.name}: {ended.status}, {ended.error}")
