"""Streamed text is fenced by the number of the effect start, on both databases."""

from typing import Any

import pytest

from schema.db.event_log import EffectStart, EventLog, RecordedOutcome
from schema.facts import Fact, ReasoningProduced, TextProduced, TextReplaced, TextVoided
from schema.runs import RunRef, RunStatus
from tests.integration.db.facts import NONE_YET, a_run, started, succeeded, success, texts

pytestmark = pytest.mark.anyio


def src(start: int) -> str:
    return f"T1/a1@{start}"


def chunk(start: int, text: str, **fields: Any) -> TextProduced:
    return TextProduced(at=1.0, node_exec_id="run:n", node_id="n", start=start, text=text, **fields)


def thought(start: int, text: str) -> ReasoningProduced:
    return ReasoningProduced(at=1.0, node_exec_id="run:n", node_id="n", start=start, text=text)


async def begin(log: EventLog, run: RunRef) -> EffectStart:
    answer = await log.begin_effect(run, "T1", started(), "n", "a1")
    assert isinstance(answer, EffectStart)
    return answer


async def record(log: EventLog, run: RunRef, start: int, **texts: str) -> RecordedOutcome:
    return await log.record_outcome(run, "T1", "a1", start, success(), texts)


async def told(log: EventLog, run: RunRef) -> list[Fact]:
    return [entry.fact for entry in await log.read(run)]


async def test_a_repeated_chunk_is_dropped(event_log: EventLog) -> None:
    run = await a_run(event_log)
    first = await begin(event_log, run)

    for _ in range(2):
        await event_log.append_chunks(run, src(1), first.told + 1, [chunk(1, "Once ")])
    await event_log.append_chunks(run, src(1), first.told + 2, [chunk(1, "upon "), thought(1, "?")])

    assert await texts(event_log, run) == [
        "RunStarted start#1",
        "NodeStarted T1/a1@1#1",
        "TextProduced T1/a1@1#2",
        "TextProduced T1/a1@1#3",
        "ReasoningProduced T1/a1@1#4",
    ]


async def test_inv_10_a_chunk_of_a_start_that_is_not_the_latest_is_refused(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await event_log.append_chunks(run, src(1), 2, [chunk(1, "Once ")])
    second = await begin(event_log, run)

    late = await event_log.append_chunks(run, src(1), 3, [chunk(1, "upon ")])
    taken = await event_log.append_chunks(run, src(2), second.told + 1, [chunk(2, "Twice ")])

    assert (late.is_fenced, taken.is_fenced) == (True, False)
    assert await texts(event_log, run) == [
        "RunStarted start#1",
        "NodeStarted T1/a1@1#1",
        "TextProduced T1/a1@1#2",
        "TextVoided T1/a1@2#1",
        "TextProduced T1/a1@2#2",
    ]


async def test_a_start_that_voids_nothing_numbers_its_chunks_from_one(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    second = await begin(event_log, run)

    await event_log.append_chunks(run, src(2), second.told + 1, [chunk(2, "Once ")])

    assert (await texts(event_log, run))[-1] == "TextProduced T1/a1@2#1"


async def test_inv_10_no_chunk_is_taken_after_the_outcome(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await record(event_log, run, 1)

    late = await event_log.append_chunks(run, src(1), 3, [chunk(1, "late")])

    assert late.is_fenced
    assert (await texts(event_log, run))[-1] == "NodeFinished T1/a1@1#2"


async def test_inv_05_no_chunk_is_taken_after_the_end_of_the_run(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await event_log.finish(run, "T1", [], NONE_YET, succeeded(), 1.0)

    late = await event_log.append_chunks(run, src(1), 2, [chunk(1, "late")])

    assert late.head.ended is not None
    assert late.head.status is RunStatus.SUCCEEDED
    assert (await texts(event_log, run))[-1].startswith("RunFinished")


async def test_inv_10_an_outcome_of_an_earlier_start_puts_its_own_text_in_place_of_the_others(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await event_log.append_chunks(run, src(1), 2, [chunk(1, "Once ")])
    second = await begin(event_log, run)
    await event_log.append_chunks(run, src(2), second.told + 1, [chunk(2, "Twi"), thought(2, "?")])

    await record(event_log, run, 1, text="Once upon a time")
    late = await event_log.append_chunks(run, src(2), second.told + 3, [chunk(2, "ce")])

    facts = await told(event_log, run)
    assert late.is_fenced
    assert [fact.type for fact in facts[-3:]] == ["TextVoided", "TextReplaced", "NodeFinished"]
    assert isinstance(facts[-3], TextVoided)
    assert facts[-3].before_start == 3
    assert isinstance(facts[-2], TextReplaced)
    assert (facts[-2].name, facts[-2].text) == ("text", "Once upon a time")
    numbers = [e.src_seq for e in await event_log.read(run) if e.src == src(1)]
    assert numbers == [1, 2, 3, 4, 5]


async def test_an_outcome_of_the_latest_start_repeats_no_text(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await event_log.append_chunks(run, src(1), 2, [chunk(1, "Once")])

    await record(event_log, run, 1, text="Once")

    assert [fact.type for fact in await told(event_log, run)][-2:] == [
        "TextProduced",
        "NodeFinished",
    ]


async def test_where_nobody_streamed_nothing_is_replaced(event_log: EventLog) -> None:
    run = await a_run(event_log)
    await begin(event_log, run)
    await begin(event_log, run)

    await record(event_log, run, 1)

    assert [fact.type for fact in await told(event_log, run)][-2:] == [
        "NodeStarted",
        "NodeFinished",
    ]
