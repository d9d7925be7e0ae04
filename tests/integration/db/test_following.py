"""Readers see every fact in order, as it is committed, whoever writes it."""

import asyncio

import pytest

from schema.db.engine import Database, open_database
from schema.db.event_log import EventLog
from schema.facts import LoggedFact, RunFinished
from schema.runs import RunRef
from tests.integration.db.facts import NONE_YET, a_run, numbered, started, succeeded

pytestmark = pytest.mark.anyio

BOUND_SECONDS = 60.0


async def follow(log: EventLog, run: RunRef, after: int = 0) -> list[LoggedFact]:
    async with asyncio.timeout(BOUND_SECONDS):
        return [entry async for facts in log.follow(run, after) for entry in facts]


async def tell(log: EventLog, run: RunRef, count: int) -> None:
    for number in range(1, count + 1):
        fact = started(f"n{number}", run_id=run.run_id)
        await log.append(run, "T1", numbered([fact], number), NONE_YET)
    await log.finish(run, "T1", [], NONE_YET, succeeded(run.run_id), at=105.0)


async def test_a_follower_sees_everything_until_the_end(event_log: EventLog) -> None:
    run = await a_run(event_log)

    seen, _ = await asyncio.gather(follow(event_log, run), tell(event_log, run, 20))

    assert seen == await event_log.read(run)
    assert isinstance(seen[-1].fact, RunFinished)


async def test_a_follower_goes_on_after_a_number(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await tell(event_log, run, 3)

    assert [entry.seq for entry in await follow(event_log, run, after=3)] == [4, 5]
    assert await follow(event_log, run, after=5) == []
    assert await follow(event_log, run, after=99) == []


async def test_reading_is_bounded_and_goes_on(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await tell(event_log, run, 3)

    pages = [await event_log.read(run, after=after, limit=2) for after in (0, 2, 4)]

    assert [[entry.seq for entry in page] for page in pages] == [[1, 2], [3, 4], [5]]


async def test_inv_14_a_follower_hears_of_another_process(
    event_log: EventLog, database_url: str
) -> None:
    """Another process is another database object: nothing is shared but the database."""
    elsewhere = open_database(database_url)
    other = EventLog(elsewhere)
    run = await a_run(event_log)

    seen, _ = await asyncio.gather(follow(event_log, run), tell(other, run, 10))

    assert [entry.seq for entry in seen] == list(range(1, 13))
    await other.close()
    await elsewhere.close()


async def test_many_runs_are_followed_at_once(event_log: EventLog) -> None:
    runs = [await a_run(event_log, f"r{number}") for number in range(20)]

    told = [tell(event_log, run, 5) for run in runs]
    seen, _ = await asyncio.gather(
        asyncio.gather(*(follow(event_log, run) for run in runs)), asyncio.gather(*told)
    )

    assert [len(entries) for entries in seen] == [7] * 20


async def test_a_reader_never_sees_a_hole_filled_later(
    database: Database, database_url: str
) -> None:
    """Twenty writers of one run in two processes: numbers become visible in order."""
    elsewhere = open_database(database_url)
    logs = [EventLog(database), EventLog(elsewhere)]
    run = await a_run(logs[0])

    async def write(writer: int) -> None:
        for number in range(1, 6):
            fact = started(f"w{writer}-{number}")
            scoped = [
                entry.model_copy(update={"src": f"wf/{writer}"})
                for entry in numbered([fact], number)
            ]
            await logs[writer % 2].append(run, "T1", scoped, NONE_YET)

    async def write_all() -> None:
        await asyncio.gather(*map(write, range(20)))
        await logs[0].finish(run, "T1", [], NONE_YET, succeeded(), at=105.0)

    seen, _ = await asyncio.gather(follow(logs[1], run), write_all())

    assert seen == await logs[0].read(run)
    assert [entry.seq for entry in seen] == list(range(1, 103))
    for log in logs:
        await log.close()
    await elsewhere.close()
