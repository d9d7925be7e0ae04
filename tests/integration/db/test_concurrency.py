"""Groups of commits: no deadlock, and one caller's error is its own."""

import asyncio

import pytest
from sqlalchemy.exc import IntegrityError

from schema.db.engine import Database, open_database
from schema.db.event_log import EventLog
from schema.errors import NotFound
from schema.facts import Fact, VariableUpdated
from schema.runs import RunRef
from tests.integration.db.facts import (
    NONE_YET,
    a_run,
    finished,
    numbered,
    started,
    succeeded,
    success,
)

pytestmark = pytest.mark.anyio

BOUND_SECONDS = 60.0
WRITERS, RUNS = 20, 6


async def test_writers_of_many_runs_in_two_processes_do_not_deadlock(
    database: Database, database_url: str
) -> None:
    elsewhere = open_database(database_url)
    logs = [EventLog(database), EventLog(elsewhere)]
    runs = [
        await a_run(logs[0], f"r{number}", system={"conversation_id": "shared"})
        for number in range(RUNS)
    ]

    async def write(writer: int) -> None:
        log = logs[writer % 2]
        for step in range(RUNS):
            run = runs[(writer + step) % RUNS]
            names = [f"v{writer % 3}", f"v{step % 3}"]
            facts = [_written(run, name, writer) for name in names]
            scoped = [entry.model_copy(update={"src": f"wf/{writer}"}) for entry in numbered(facts)]
            await log.append(run, "T1", scoped, NONE_YET)

    async with asyncio.timeout(BOUND_SECONDS):
        await asyncio.gather(*map(write, range(WRITERS)))

    for run in runs:
        numbers = [entry.seq for entry in await logs[0].read(run)]
        assert numbers == list(range(1, 2 + 2 * WRITERS))
    values = await logs[1].read_conversation("local", "local", "shared")
    assert set(values) == {"v0", "v1", "v2"}
    for log in logs:
        await log.close()
    await elsewhere.close()


async def test_an_error_in_a_group_reaches_its_own_caller_only(event_log: EventLog) -> None:
    runs = [await a_run(event_log, f"r{number}") for number in range(5)]
    unknown = RunRef(run_id="r2x")

    answers = await asyncio.gather(
        *(
            event_log.append(run, "T1", numbered([started(run_id=run.run_id)]), NONE_YET)
            for run in [*runs, unknown]
        ),
        return_exceptions=True,
    )

    assert [isinstance(answer, NotFound) for answer in answers] == [False] * 5 + [True]
    for run in runs:
        assert len(await event_log.read(run)) == 2


async def test_a_bug_in_one_request_does_not_stop_the_writer(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await event_log.begin_effect(run, "T1", started("a"), "a", "same")

    with pytest.raises(IntegrityError):
        await event_log.begin_effect(run, "T1", started("b"), "b", "same")
    head = await event_log.append(run, "T1", numbered([started("c")]), NONE_YET)

    assert head.last_seq == 3


async def test_a_cancelled_caller_does_not_disturb_the_others(event_log: EventLog) -> None:
    runs = [await a_run(event_log, f"r{number}") for number in range(10)]
    requests = [
        asyncio.create_task(
            event_log.append(run, "T1", numbered([started(run_id=run.run_id)]), NONE_YET)
        )
        for run in runs
    ]
    await asyncio.tasks.sleep(0)
    for request in requests[::2]:
        request.cancel()

    answers = await asyncio.gather(*requests, return_exceptions=True)

    assert [isinstance(answer, asyncio.CancelledError) for answer in answers] == [True, False] * 5
    for run in runs[1::2]:
        assert len(await event_log.read(run)) == 2


async def test_whole_runs_side_by_side_keep_their_facts_apart(event_log: EventLog) -> None:
    async def live(run_id: str) -> list[str]:
        run = await a_run(event_log, run_id)
        facts: list[Fact] = [started("i", run_id=run_id), finished("i", run_id=run_id)]
        await event_log.append(run, run_id, numbered(facts), NONE_YET)
        node = started("a", run_id=run_id)
        await event_log.begin_effect(run, run_id, node, "a", "a1")
        outcome = success("a", run_id=run_id)
        await event_log.record_outcome(run, run_id, "a1", 1, outcome)
        await event_log.finish(run, run_id, [], NONE_YET, succeeded(run_id), 105.0)
        return [entry.fact.type for entry in await event_log.read(run)]

    logs = await asyncio.gather(*(live(f"r{number}") for number in range(30)))

    assert len({tuple(log) for log in logs}) == 1
    assert [len(log) for log in logs] == [6] * 30


def _written(run: RunRef, name: str, value: int) -> VariableUpdated:
    return VariableUpdated(
        at=1.0,
        node_exec_id=f"{run.run_id}:n",
        node_id="n",
        name=name,
        value_type="number",
        value=value,
    )
