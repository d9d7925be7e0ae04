"""Whoever gives a try up claims its outcome; what was recorded counts, and the claim does else."""

import asyncio

import pytest

from schema.activities import ClaimAs, GivenUpTry
from schema.db.event_log import EffectStart, EventLog, Outcome, RecordedOutcome
from schema.facts import NodeFailed, NodeFinished, NodeStarted
from schema.runs import NodeExecutionStatus, RunRef
from tests.integration.db.facts import NONE_YET, a_run, failed, started, succeeded, success, texts

pytestmark = pytest.mark.anyio


def given_up() -> GivenUpTry:
    node = started()
    assert isinstance(node, NodeStarted)
    return GivenUpTry(node=node, path="n", activity_id="a1")


async def claim(
    log: EventLog, run: RunRef, claim_as: ClaimAs = ClaimAs.LOST, reason: str = "lost"
) -> RecordedOutcome:
    return await log.claim_outcome(run, "T1", given_up(), claim_as, reason)


async def begin(log: EventLog, run: RunRef) -> None:
    answer = await log.begin_effect(run, "T1", started(), "n", "a1")
    assert isinstance(answer, EffectStart)


async def test_inv_10_a_claim_finds_what_was_recorded(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    done = success(output={"outputs": {}}, outputs={"x": 1})
    await event_log.record_outcome(run, "T1", "a1", 1, done)

    found = await claim(event_log, run)

    assert (found.outcome, found.is_new) == (done, False)
    assert (await texts(event_log, run))[-1] == "NodeFinished T1/a1@1#2"


async def test_inv_10_a_claim_is_a_loss_of_the_worker_and_whoever_comes_late_learns_it(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)

    claimed = await claim(event_log, run)
    again = await claim(event_log, run)
    late = await event_log.record_outcome(run, "T1", "a1", 1, success())
    another = await event_log.begin_effect(run, "T1", started(), "n", "a1")

    fact = claimed.outcome.fact
    assert isinstance(fact, NodeFailed)
    assert (fact.error, fact.error_type) == ("lost", "WorkerLost")
    assert again.outcome == late.outcome == claimed.outcome
    assert isinstance(another, RecordedOutcome)
    assert (await texts(event_log, run))[1:] == ["NodeStarted T1/a1@1#1", "NodeFailed T1/a1@0#1"]


async def test_a_claimed_stop_is_a_record_of_its_own_and_no_success(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)

    claimed = await claim(event_log, run, ClaimAs.STOPPED, "stopped")

    fact = claimed.outcome.fact
    assert isinstance(fact, NodeFinished)
    assert fact.status is NodeExecutionStatus.STOPPED
    assert not claimed.outcome.succeeded
    [row] = await event_log.list_node_executions(run)
    assert row.status is NodeExecutionStatus.STOPPED


async def test_a_claimed_try_that_never_began_has_a_beginning_and_an_end(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)

    await claim(event_log, run, ClaimAs.STOPPED, "stopped")

    assert (await texts(event_log, run))[1:] == ["NodeStarted T1/a1@0#1", "NodeFinished T1/a1@0#2"]
    [row] = await event_log.list_node_executions(run)
    assert (row.path, row.status, row.effect_starts) == ("n", NodeExecutionStatus.STOPPED, 0)


async def test_inv_05_a_claim_after_the_end_tells_nothing(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await event_log.finish(run, "T1", [], NONE_YET, succeeded(), 1.0)

    claimed = await claim(event_log, run)

    assert claimed.head is not None
    assert claimed.head.ended is not None
    assert (await texts(event_log, run))[-1].startswith("RunFinished")


async def test_inv_10_of_a_claim_and_outcomes_that_race_one_counts(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)

    answers = await asyncio.gather(
        event_log.record_outcome(run, "T1", "a1", 1, success(output=1)),
        claim(event_log, run),
        event_log.record_outcome(run, "T1", "a1", 1, Outcome(failed())),
        claim(event_log, run, ClaimAs.STOPPED),
    )

    assert [answer.is_new for answer in answers].count(True) == 1
    assert len({repr(answer.outcome) for answer in answers}) == 1
    assert len(await event_log.read(run)) == 3
