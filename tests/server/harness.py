"""Runs plans on a real Temporal server with real records, and gives what they left."""

import asyncio
import contextlib
import json
import re
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowHandle, WorkflowHistory

import api.runs
from api.run_requests import RunRequest, build_run_input, encrypt_request_secrets
from schema.commands import Command, CommandKind
from schema.facts import Fact, LoggedFact, NodeFinished
from schema.plan import Plan
from schema.response_stream import Event, ResponseStream, RunInfo, fold_result
from schema.run_secrets import StoredSecret
from schema.runs import NodeExecutionStatus, Queues, RunInput, RunRef, RunResult, RunStatus
from workers.dependencies import Dependencies
from workers.peers import open_peers
from workers.worker import build_crew, running
from workflows.client import workflow_id_of

SECONDS = 60.0
"""Longest wait for anything."""


@dataclass
class RunHarness:
    """Starts runs on the session's worker."""

    dependencies: Dependencies
    queues: Queues
    started: list[RunRef] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Of histories that are worth keeping, by run id."""

    async def start(self, plan: Plan, **fields: Any) -> RunInput:
        """Register and start a run."""
        run_input = RunInput(
            run_id=fields.pop("run_id", uuid.uuid4().hex),
            plan=plan,
            queues=fields.pop("queues", self.queues),
            created_at=time.time(),
            **{"registered": True, **fields},
        )
        await self.launch(run_input)
        return run_input

    async def launch(self, run_input: RunInput, secrets: Sequence[StoredSecret] = ()) -> None:
        """Start a run as the product does; one that is to register itself, as an outsider does."""
        if run_input.registered:
            await api.runs.start(
                run_input, self.dependencies.log, self.dependencies.runs, secrets=secrets
            )
        else:
            await self.dependencies.runs.start(run_input)
        self.started.append(run_input.ref)

    async def run(self, plan: Plan, **fields: Any) -> "FinishedRun":
        """Run a plan to its end."""
        run_input = await self.start(plan, **fields)
        return await self.finished(run_input)

    async def run_request(self, request: RunRequest) -> "FinishedRun":
        """Check a request as the product does and run it to its end.

        Raises:
            InvalidInputs: If the inputs do not fit.
        """
        request = replace(request, queues=self.queues)
        run_input = await build_run_input(request, self.dependencies.artifacts)
        secrets = encrypt_request_secrets(request, run_input.ref, self.dependencies.keys)
        await self.launch(run_input, secrets)
        return await self.finished(run_input)

    async def finished(self, run_input: RunInput) -> "FinishedRun":
        """Wait for a run's workflow to close, and read what it left."""
        await self.closed(run_input)
        log = self.dependencies.log
        record = await log.get_run(run_input.tenant_id, run_input.run_id)
        facts = await log.read(run_input.ref, limit=100_000)
        return FinishedRun(run_input, record.result(), facts)

    async def closed(self, run_input: RunInput) -> RunResult | None:
        """Wait for the workflow; None when it ended with an error."""
        try:
            async with asyncio.timeout(SECONDS):
                result: RunResult = await self.handle(run_input).result()
        except WorkflowFailureError:
            return None
        return result

    def handle(self, run_input: RunInput) -> WorkflowHandle[Any, RunResult]:
        """Give the workflow of a run."""
        return self.dependencies.temporal.get_workflow_handle(
            workflow_id_of(run_input.run_id), result_type=RunResult
        )

    async def signal(self, run_input: RunInput, kind: CommandKind, command_id: str) -> None:
        """Send a command as the product does."""
        await self.dependencies.runs.signal(
            run_input.run_id, kind, Command(command_id=command_id, reason="test")
        )

    def keep_history(self, run_input: RunInput, name: str) -> None:
        """Give the history of a run a name, by which it is recorded for later builds."""
        self.names[run_input.run_id] = name

    async def histories(self) -> dict[str, str]:
        """Give the history of every started run, as JSON, by its name or id.

        A run that continued as new has several; the older ones count backwards: `name.1`, `name.2`.
        """
        found = {}
        for ref in self.started:
            name = self.names.get(ref.run_id, ref.run_id)
            async for age, history in self._chain(ref):
                found[f"{name}.{age}" if age else name] = _without_origin(history)
        return found

    async def _chain(self, ref: RunRef) -> AsyncIterator[tuple[int, WorkflowHistory]]:
        """Give a run's histories, the newest first."""
        temporal, age, execution = self.dependencies.temporal, 0, None
        while age == 0 or execution:
            handle = temporal.get_workflow_handle(workflow_id_of(ref.run_id), run_id=execution)
            history = await handle.fetch_history()
            yield age, history
            began = history.events[0].workflow_execution_started_event_attributes
            age, execution = age + 1, began.continued_execution_run_id


@dataclass(frozen=True)
class FinishedRun:
    """What a run left in the records."""

    run_input: RunInput
    result: RunResult
    log: list[LoggedFact]

    @property
    def status(self) -> RunStatus:
        return self.result.status

    @property
    def outputs(self) -> dict[str, Any] | None:
        return self.result.outputs

    @property
    def facts(self) -> list[Fact]:
        return [entry.fact for entry in self.log]

    @property
    def types(self) -> list[str]:
        return [entry.fact.type for entry in self.log]

    def finished_nodes(self) -> dict[str, NodeExecutionStatus]:
        """Status of every node that finished, in order."""
        return {f.node_id: f.status for f in self.facts if isinstance(f, NodeFinished)}

    def node(self, node_id: str) -> NodeFinished:
        return next(f for f in self.facts if isinstance(f, NodeFinished) and f.node_id == node_id)

    def folded(self) -> dict[str, Any]:
        """The run as one object, as `run --json` prints it."""
        return fold_result(self.run_input.plan, RunInfo.of(self.run_input), self.log, {})

    def events(self) -> list[Event]:
        """What a client sees of the run; it has no values behind references."""
        stream = ResponseStream(self.run_input.plan, RunInfo.of(self.run_input), {})
        return [event for entry in self.log for event in stream.feed(entry)]


def exactly(value: object) -> str:
    """Write a value so that 1, 1.0 and true differ."""
    return json.dumps(value, sort_keys=True)


_ORIGIN = re.compile(r'"(identity|stackTrace)": "(?:[^"\\]|\\.)*"')
_STICKY_QUEUE = re.compile(r'"name": "[0-9]+@[^"]*"')


def _without_origin(history: WorkflowHistory) -> str:
    """Write a history as JSON that does not tell on which machine it came to be."""
    text = _ORIGIN.sub(r'"\1": ""', history.to_json())
    return _STICKY_QUEUE.sub('"name": "sticky"', text)


@contextlib.asynccontextmanager
async def working(
    dependencies: Dependencies, queue: str, *, workflows: bool = False
) -> AsyncIterator[None]:
    """One more worker, of one queue, for as long as the block."""
    async with (
        open_peers(dependencies.settings, dependencies.artifacts) as peers,
        running(build_crew(dependencies, peers, {queue: workflows})),
    ):
        yield
