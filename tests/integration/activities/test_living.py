"""Work outlives the attempts that wait for it; a stop, a shutdown and a pause end it, in time."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from temporalio.exceptions import ApplicationError

from activities import living as living_module
from activities.base import ActivityWrapper, Work
from activities.living import LivingWork
from activities.slots import Slots
from schema.activities import NodeOutput
from schema.db.artifacts import ArtifactFiles
from schema.db.engine import open_database
from schema.db.event_log import EventLog
from schema.facts import CommandApplied, OpenFact, command_src
from schema.runs import RunRef, RunStatus
from tests.integration.activities.attempts import Attempt, Gate, Node, attempt, begin, giving
from tests.integration.db.facts import NONE_YET, a_run, succeeded
from tests.waiting import until

pytestmark = pytest.mark.anyio

LOST_TOUCH = [{"not_found": True}, {"timed_out": True}, {"reset": True}]


@pytest.fixture
async def other_log(database_url: str) -> AsyncIterator[EventLog]:
    """The log as another process has it."""
    database = open_database(database_url)
    log = EventLog(database)
    yield log
    await log.close()
    await database.close()


async def ended(given: Attempt, seconds: float) -> BaseException:
    """How an attempt ends, which it must soon."""
    with pytest.raises((ApplicationError, asyncio.CancelledError)) as caught:
        await given.answer(seconds)
    return caught.value


def assert_stopped(error: BaseException) -> None:
    assert isinstance(error, ApplicationError)
    assert (error.type, error.non_retryable) == ("Stopped", True)


async def test_inv_10_the_same_attempt_twice_does_the_work_once(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    first, second = begin(wrapper, node, run), begin(wrapper, node, run)
    await gate.until_begun()
    third = begin(wrapper, node, run)
    gate.open.set()
    given = [await each.answer() for each in (first, second, third)]

    assert given[0] == given[1] == given[2]
    assert node.starts == [1]


@pytest.mark.parametrize("why", LOST_TOUCH, ids=str)
async def test_inv_10_work_goes_on_when_the_server_lost_touch_and_the_next_attempt_joins_it(
    wrapper: ActivityWrapper, event_log: EventLog, why: dict[str, bool]
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    first = begin(wrapper, node, run)
    await gate.until_begun()
    first.cancel(**why)
    lost = await ended(first, 5)
    second = begin(wrapper, node, run)
    gate.open.set()
    answer = await second.answer()

    assert isinstance(lost, asyncio.CancelledError)
    assert answer.output == NodeOutput(metadata={"done": True})
    assert (node.starts, node.cancelled) == ([1], 0)


async def test_inv_07_work_that_nobody_waits_for_is_recorded(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    first = begin(wrapper, node, run)
    await gate.until_begun()
    first.cancel(timed_out=True)
    await ended(first, 5)
    gate.open.set()
    async with asyncio.timeout(10):
        async for facts in event_log.follow(run):
            if facts[-1].fact.type == "NodeFinished":
                break
    answer = await attempt(wrapper, Node(giving("again")), run)

    assert answer.output == NodeOutput(metadata={"done": True})


async def test_inv_11_temporal_s_cancel_ends_the_work_at_once(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    given = begin(wrapper, node, run)
    await gate.until_begun()
    given.cancel(cancel_requested=True)
    error = await ended(given, 0.5)

    assert isinstance(error, asyncio.CancelledError)
    assert node.cancelled == 1


async def test_inv_11_a_stop_of_this_process_ends_the_work_at_once(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    given = begin(wrapper, node, run)
    await gate.until_begun()
    begun = time.monotonic()
    await event_log.request_stop(run, "c1", "enough")
    assert_stopped(await ended(given, 0.5))

    assert time.monotonic() - begun < 0.5
    assert node.cancelled == 1


async def test_inv_11_a_stop_of_another_process_ends_the_work_within_a_second(
    wrapper: ActivityWrapper, event_log: EventLog, other_log: EventLog
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    given = begin(wrapper, node, run)
    await gate.until_begun()
    await other_log.request_stop(run, "c1", "enough")
    assert_stopped(await ended(given, 1))

    assert node.cancelled == 1


async def test_inv_05_work_of_a_run_that_ended_elsewhere_ends(
    wrapper: ActivityWrapper, event_log: EventLog, other_log: EventLog
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    given = begin(wrapper, node, run)
    await gate.until_begun()
    await other_log.close_run(run, RunStatus.STOPPED, "terminated")
    assert_stopped(await ended(given, 1))

    assert node.cancelled == 1


async def test_inv_05_an_attempt_that_the_server_forgot_asks_whether_its_run_is_over(
    wrapper: ActivityWrapper,
    event_log: EventLog,
    other_log: EventLog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(living_module, "POLL_SECONDS", 60)
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    given = begin(wrapper, node, run)
    await gate.until_begun()
    await other_log.finish(run, "T1", [], NONE_YET, succeeded(), 1.0)
    given.cancel(not_found=True)
    await ended(given, 1)

    assert node.cancelled == 1


@pytest.mark.parametrize("is_open", [True, False])
async def test_inv_11_orphaned_work_ends_if_the_server_says_that_its_run_is_over(
    event_log: EventLog,
    artifacts: ArtifactFiles,
    monkeypatch: pytest.MonkeyPatch,
    is_open: bool,
) -> None:
    monkeypatch.setattr(living_module, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(living_module, "ORPHAN_SECONDS", 0.1)
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)
    asked: list[str] = []

    async def ask(run_id: str) -> bool:
        asked.append(run_id)
        return is_open

    living = LivingWork(event_log, ask)
    given = begin(ActivityWrapper(event_log, artifacts, living), node, run)
    await gate.until_begun()
    given.cancel(timed_out=True)
    await ended(given, 5)
    await until(lambda: len(asked) >= 2 if is_open else node.cancelled, 5)
    cancelled = node.cancelled
    await living.close()

    assert set(asked) == {run.run_id}
    assert cancelled == (0 if is_open else 1)


async def test_inv_10_a_start_that_the_worker_s_shutdown_ended_is_given_back(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    node = Node(giving("done"))

    for number in range(1, 5):
        gate = Gate()
        slow = Node(gate.effect)
        given = begin(wrapper, slow, run)
        await gate.until_begun()
        given.cancel(worker_shutdown=True)
        await ended(given, 5)
        assert (slow.starts, slow.cancelled) == ([number], 1)
    await attempt(wrapper, node, run)

    assert node.starts == [5]
    [row] = await event_log.list_node_executions(run)
    assert row.effect_starts == 1


async def test_inv_09_a_result_that_is_there_at_the_shutdown_is_still_recorded(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    begun = asyncio.Event()

    async def effect(work: Work) -> NodeOutput:
        begun.set()
        return NodeOutput(metadata={"start": work.start})

    given = begin(wrapper, Node(effect), run)
    await begun.wait()
    given.cancel(worker_shutdown=True)
    answer = await given.answer(5)
    again = await attempt(wrapper, Node(giving("again")), run)

    assert answer.output == again.output == NodeOutput(metadata={"start": 1})


async def test_what_is_left_at_the_end_of_the_process_is_ended_and_given_back(
    wrapper: ActivityWrapper, event_log: EventLog, living: LivingWork
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    given = begin(wrapper, node, run)
    await gate.until_begun()
    given.cancel(timed_out=True)
    await ended(given, 5)
    await living.close()

    assert node.cancelled == 1
    [row] = await event_log.list_node_executions(run)
    assert row.effect_starts == 0


async def paused(log: EventLog, run: RunRef, number: int = 1) -> None:
    """Write what the workflow tells when it applies a pause or a resumption."""
    command = "pause" if number % 2 else "resume"
    fact = CommandApplied(at=1.0, command_id=f"p{number}", command=command)
    entry = OpenFact(src=command_src(f"p{number}"), src_seq=1, fact=fact)
    await log.append(run, "T1", [entry], NONE_YET)


async def test_a_node_that_a_pause_overtook_is_deferred_and_tells_nothing(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    await paused(event_log, run)
    node = Node(giving("done"))

    answer = await attempt(wrapper, node, run)

    assert answer.deferred
    assert node.starts == []
    assert await event_log.list_node_executions(run) == []


async def test_a_node_that_was_launched_after_the_resumption_begins_though_the_row_is_behind(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    await paused(event_log, run)

    answer = await attempt(wrapper, Node(giving("done")), run, pauses=2)

    assert not answer.deferred


async def test_a_node_that_had_begun_before_the_pause_goes_on_after_a_crash(
    wrapper: ActivityWrapper,
    event_log: EventLog,
    artifacts: ArtifactFiles,
    other_log: EventLog,
) -> None:
    run, gate = await a_run(event_log), Gate()
    lost = begin(wrapper, Node(gate.effect), run)
    await gate.until_begun()
    await paused(event_log, run)

    elsewhere = ActivityWrapper(other_log, artifacts, LivingWork(other_log))
    node = Node(giving("done"))
    answer = await attempt(elsewhere, node, run)
    gate.open.set()

    assert not answer.deferred
    assert await lost.answer() == answer
    assert node.starts == [2]


async def test_a_pause_reaches_a_node_that_waits_for_its_turn(
    event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork, other_log: EventLog
) -> None:
    run, gate = await a_run(event_log), Gate()
    other_run = await a_run(event_log, "other")
    wrapper = ActivityWrapper(event_log, artifacts, living, Slots(io=1))
    busy = begin(wrapper, Node(gate.effect), other_run)
    await gate.until_begun()
    waiting = Node(giving("done"))

    given = begin(wrapper, waiting, run)
    await paused(other_log, run)
    answer = await given.answer(2)
    gate.open.set()
    await busy.answer()

    assert answer.deferred
    assert waiting.starts == []
