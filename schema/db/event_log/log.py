"""EventLog: the one reader and writer of the tables of runs (invariant 12)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal, TypeVar

from sqlalchemy import Connection, text

from schema.activities import ClaimAs, GivenUpTry
from schema.db.engine import Database, Job
from schema.db.event_log import (
    appending,
    chunks,
    claims,
    effects,
    ending,
    heads,
    purging,
    reading,
    registration,
    run_secrets,
)
from schema.db.event_log.committer import GroupCommitter
from schema.db.event_log.records import (
    ChunkAnswer,
    EffectAnswer,
    Head,
    NodeExecution,
    Outcome,
    PurgeCounts,
    RecordedOutcome,
    RunFlags,
    RunRecord,
)
from schema.db.event_log.wakeups import Wakeups
from schema.envelope import Acknowledged
from schema.errors import DatabaseUnavailable, NotFound
from schema.facts import (
    LoggedFact,
    NodeStarted,
    OpenFact,
    ReasoningProduced,
    RunFinished,
    TextProduced,
    VariableUpdated,
)
from schema.run_secrets import StoredSecret
from schema.runs import RunInput, RunRef, RunResult, RunStatus

T = TypeVar("T")

AVAILABILITY_POLL_SECONDS = 0.5


class EventLog:
    """Writes facts and records of runs, and reads them back.

    One a process and database. Every method raises `DatabaseUnavailable` when the database is away,
    and `NotFound` when the run is not the tenant's and app's; repeating a call is always safe.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wakeups = Wakeups(database)
        self._committer = GroupCommitter(database, self._wakeups.committed)
        self._stop_listeners: list[Callable[[str], None]] = []

    async def close(self) -> None:
        """Stop waking others; the database stays open, it is its opener's."""
        await self._wakeups.close()

    @contextmanager
    def telling_stops(self, stopped: Callable[[str], None]) -> Iterator[None]:
        """Tell somebody, by run id, when this process stops or closes a run; for the block."""
        self._stop_listeners.append(stopped)
        try:
            yield
        finally:
            self._stop_listeners.remove(stopped)

    async def wait_until_available(self) -> None:
        """Return once the database answers; heartbeats and a bound are the caller's."""
        while True:
            try:
                await self._database.read(_ask)
            except DatabaseUnavailable:
                await asyncio.sleep(AVAILABILITY_POLL_SECONDS)
            else:
                return

    async def register(
        self,
        run_input: RunInput,
        at: float,
        parent_run_id: str | None = None,
        secrets: Sequence[StoredSecret] = (),
    ) -> bool:
        """Make the row of a run with its input, secrets and RunStarted; true if it was new."""
        row, started = registration.to_row(run_input, at, parent_run_id)
        job = partial(registration.register, row=row, started=started, secrets=secrets)
        return await self._committer.commit(run_input.run_id, job)

    async def append(
        self,
        run: RunRef,
        temporal_run_id: str,
        facts: Sequence[OpenFact],
        acknowledged: Acknowledged,
    ) -> Head:
        """Write the facts that a carrier brings; repeated ones are dropped.

        Once the run has ended nothing is inserted but refusals of its commands, and the head says
        how it ended.

        Args:
            run: Whose facts.
            temporal_run_id: The Temporal run of the carrier, from `activity.info()`.
            facts: In order of their numbers.
            acknowledged: What had been acknowledged when the carrier set out; tells resets.
        """
        job = partial(
            appending.append,
            ref=run,
            temporal_run_id=temporal_run_id,
            facts=facts,
            acknowledged=acknowledged,
        )
        return await self._commit_facts(run, facts, job)

    async def begin_effect(
        self,
        run: RunRef,
        temporal_run_id: str,
        node: NodeStarted,
        path: str,
        activity_id: str,
        pauses: int = 0,
    ) -> EffectAnswer:
        """Ask for leave to begin a node's effect.

        Args:
            run: Whose node.
            temporal_run_id: The activity's Temporal run.
            node: The try, as it is told with the first start.
            path: Its node path.
            activity_id: The activity's id.
            pauses: Pauses and resumptions that the workflow had applied when it launched the node.

        Returns:
            The recorded outcome if there is one (also a loss of the worker: after three starts
            without an outcome this records it); else a counted start, the first of which inserts
            the NodeStarted; or a refusal because the run has ended or is being stopped; or, before
            the first start, a deferral because it was paused since.
        """
        job = partial(
            effects.begin_effect,
            ref=run,
            temporal_run_id=temporal_run_id,
            node=node,
            path=path,
            activity_id=activity_id,
            pauses=pauses,
        )
        return await self._committer.commit(run.run_id, job)

    async def give_back_effect(
        self, run: RunRef, node_exec_id: str, attempt: int, start: int
    ) -> bool:
        """Do not count a start that the worker's orderly shutdown ended; true if it was last."""
        job = partial(
            effects.give_back, ref=run, node_exec_id=node_exec_id, attempt=attempt, start=start
        )
        return await self._committer.commit(run.run_id, job)

    async def append_chunks(
        self,
        run: RunRef,
        src: str,
        first: int,
        chunks_of_start: Sequence[TextProduced | ReasoningProduced],
    ) -> ChunkAnswer:
        """Write what one effect start streamed; repeated chunks are dropped.

        Args:
            run: Whose text.
            src: `{temporal run}/{activity id}@{start}`.
            first: Number of the first chunk; the others follow it.
            chunks_of_start: All of one try and one start.

        Returns:
            That nothing was taken, if the start is not the latest one or the outcome is recorded.
        """
        job = partial(chunks.append_chunks, ref=run, src=src, first=first, chunks=chunks_of_start)
        return await self._committer.commit(run.run_id, job)

    async def record_outcome(
        self,
        run: RunRef,
        temporal_run_id: str,
        activity_id: str,
        start: int,
        outcome: Outcome,
        texts: Mapping[str, str] | None = None,
    ) -> RecordedOutcome:
        """Record how a try ended, with its fact; the first outcome wins and is returned.

        Args:
            run: Whose try.
            temporal_run_id: The activity's Temporal run.
            activity_id: The activity's id.
            start: The effect start that made it.
            outcome: NodeFinished with the output, or NodeFailed.
            texts: All that it streamed, by output; told again as a whole if it is not the latest.
        """
        job = partial(
            effects.record_outcome,
            ref=run,
            temporal_run_id=temporal_run_id,
            activity_id=activity_id,
            start=start,
            outcome=outcome,
            texts=texts or {},
        )
        return await self._committer.commit(run.run_id, job)

    async def claim_outcome(
        self,
        run: RunRef,
        temporal_run_id: str,
        given_up: GivenUpTry,
        claim_as: ClaimAs,
        reason: str,
    ) -> RecordedOutcome:
        """Take the outcome of a try for whoever gives it up; a recorded one is given instead.

        Args:
            run: Whose try.
            temporal_run_id: The workflow's Temporal run.
            given_up: The try; its start is told too, if it never began.
            claim_as: A node failure, or stopped.
            reason: The error's text.
        """
        job = partial(
            claims.claim,
            ref=run,
            temporal_run_id=temporal_run_id,
            given_up=given_up,
            claim_as=claim_as,
            reason=reason,
        )
        return await self._committer.commit(run.run_id, job)

    async def finish(
        self,
        run: RunRef,
        temporal_run_id: str,
        facts: Sequence[OpenFact],
        acknowledged: Acknowledged,
        result: RunResult,
        at: float,
    ) -> RunResult:
        """Write the last facts, RunFinished and the terminal state; give the state that counts."""
        job = partial(
            ending.finish,
            ref=run,
            temporal_run_id=temporal_run_id,
            facts=facts,
            acknowledged=acknowledged,
            result=result,
            at=at,
        )
        return await self._commit_facts(run, facts, job)

    async def close_run(
        self,
        run: RunRef,
        status: Literal[RunStatus.FAILED, RunStatus.STOPPED],
        error: str,
        error_type: str | None = None,
    ) -> RunResult:
        """End a row whose workflow ended elsewhere; the flag stops whoever still works for it."""
        job = partial(
            ending.close,
            ref=run,
            status=status,
            error=error,
            error_type=error_type,
            at=time.time(),
        )
        result = await self._committer.commit(run.run_id, job)
        self._tell_stop(run)
        return result

    async def adopt_result(self, run: RunRef, result: RunResult) -> RunResult:
        """End a row with the result of its workflow, which could not write it itself."""
        job = partial(ending.adopt, ref=run, result=result, at=time.time())
        return await self._committer.commit(run.run_id, job)

    async def request_stop(self, run: RunRef, command_id: str, reason: str = "") -> RunStatus:
        """Set the flag that stops a run; after its end, answer the command with a refusal."""
        job = partial(
            ending.request_stop, ref=run, command_id=command_id, reason=reason, at=time.time()
        )
        status = await self._committer.commit(run.run_id, job)
        self._tell_stop(run)
        return status

    async def purge(
        self,
        tenant_id: str,
        *,
        before: float | None = None,
        run_ids: Sequence[str] | None = None,
    ) -> PurgeCounts:
        """Delete ended runs, at most 100 a call: repeat until no run was deleted.

        Args:
            tenant_id: Whose runs.
            before: Only runs that ended earlier, seconds since the epoch.
            run_ids: Only these.
        """
        return await self._database.write(
            partial(purging.purge, tenant_id=tenant_id, before=before, run_ids=run_ids)
        )

    async def read(self, run: RunRef, after: int = 0, limit: int = 1000) -> list[LoggedFact]:
        """Read the facts after a number, in order."""
        return await self._database.read(
            partial(reading.read_facts, ref=run, after=after, limit=limit)
        )

    async def follow(self, run: RunRef, after: int = 0) -> AsyncIterator[list[LoggedFact]]:
        """Read the facts after a number as they come; ends after RunFinished."""
        with self._wakeups.watch(run.run_id) as committed:
            while True:
                committed.clear()
                head = await self.get_head(run)
                facts = await self.read(run, after)
                if facts:
                    after = facts[-1].seq
                    yield facts
                    if any(isinstance(entry.fact, RunFinished) for entry in facts):
                        return
                elif head.ended is not None:
                    return
                else:
                    await committed.wait()

    async def get_head(self, run: RunRef) -> Head:
        """Read what writers are told: state, stop flag, terminal state."""
        return await self._database.read(partial(heads.read_head, ref=run))

    async def read_flags(self, run_ids: Sequence[str]) -> Mapping[str, RunFlags]:
        """Read what may end the work of several runs; for the process that executes them."""
        return await self._database.read(partial(heads.read_flags, run_ids=run_ids))

    async def find_outcome(
        self, run: RunRef, node_exec_id: str, attempt: int
    ) -> RecordedOutcome | None:
        """Look for the recorded outcome of a try."""
        return await self._database.read(
            partial(effects.find_outcome, ref=run, node_exec_id=node_exec_id, attempt=attempt)
        )

    async def find_run(self, tenant_id: str, run_id: str) -> RunRecord | None:
        """Look for the record of a run."""
        return await self._database.read(
            partial(reading.find_run, tenant_id=tenant_id, run_id=run_id)
        )

    async def find_runs(self, tenant_id: str, prefix: str, limit: int = 20) -> list[RunRecord]:
        """Look for the newest runs whose ids begin with a text."""
        return await self._database.read(
            partial(reading.find_runs, tenant_id=tenant_id, prefix=prefix, limit=limit)
        )

    async def get_run(self, tenant_id: str, run_id: str) -> RunRecord:
        """Read the record of a run.

        Raises:
            NotFound: If the tenant has no such run.
        """
        run = await self.find_run(tenant_id, run_id)
        if run is None:
            raise NotFound(f"There is no run {run_id!r}.")
        return run

    async def get_run_input(self, run: RunRef) -> RunInput:
        """Read what a run was given, its plan among it."""
        return await self._database.read(partial(reading.get_run_input, ref=run))

    async def list_runs(
        self,
        tenant_id: str,
        *,
        statuses: Collection[RunStatus] = (),
        limit: int = 20,
        before: str | None = None,
    ) -> list[RunRecord]:
        """Read the newest runs of a tenant.

        Args:
            tenant_id: Whose runs.
            statuses: Only these; empty means all.
            limit: At most so many.
            before: Id of the last run of the page before.
        """
        return await self._database.read(
            partial(
                reading.list_runs,
                tenant_id=tenant_id,
                statuses=statuses,
                limit=limit,
                before=before,
            )
        )

    async def list_open_runs(self) -> list[RunRecord]:
        """Read all runs of all tenants that have not ended: for the reconciler."""
        return await self._database.read(reading.list_open_runs)

    async def read_secrets(self, run: RunRef) -> list[StoredSecret]:
        """Read the encrypted secrets of a run."""
        return await self._database.read(partial(run_secrets.read_secrets, ref=run))

    async def list_node_executions(self, run: RunRef) -> list[NodeExecution]:
        """Read the tries of a run's nodes in the order of their start."""
        return await self._database.read(partial(reading.list_node_executions, ref=run))

    async def read_conversation(
        self, tenant_id: str, app_id: str, conversation_id: str
    ) -> dict[str, Any]:
        """Read the values of a conversation that were ever written, by name, wire form."""
        return await self._database.read(
            partial(
                reading.read_conversation,
                tenant_id=tenant_id,
                app_id=app_id,
                conversation_id=conversation_id,
            )
        )

    def _tell_stop(self, run: RunRef) -> None:
        for stopped in self._stop_listeners:
            stopped(run.run_id)

    async def _commit_facts(self, run: RunRef, facts: Sequence[OpenFact], job: Job[T]) -> T:
        """Commit facts in a group, unless they change rows that runs of a conversation share."""
        if any(isinstance(entry.fact, VariableUpdated) for entry in facts):
            return await self._committer.commit_alone(run.run_id, job)
        return await self._committer.commit(run.run_id, job)


def _ask(connection: Connection) -> None:
    connection.execute(text("SELECT 1"))
