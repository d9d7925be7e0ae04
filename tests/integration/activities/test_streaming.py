"""What an activity streams: bundled, fenced, redacted, and never in the way of its result."""

import asyncio

import pytest
from temporalio.exceptions import ApplicationError

from activities.base import ActivityWrapper, Work
from activities.living import LivingWork
from schema.activities import NodeOutput
from schema.db.artifacts import ArtifactFiles
from schema.db.event_log import EventLog
from schema.facts import ReasoningProduced, TextProduced
from schema.runs import RunRef
from tests.integration.activities.attempts import Gate, Node, attempt, begin
from tests.integration.db.facts import a_run, texts

pytestmark = pytest.mark.anyio


async def chunks(log: EventLog, run: RunRef) -> list[TextProduced]:
    facts = [entry.fact for entry in await log.read(run)]
    return [fact for fact in facts if isinstance(fact, TextProduced)]


async def test_the_first_piece_is_told_at_once_and_the_rest_in_bundles(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)

    async def effect(work: Work) -> NodeOutput:
        await work.emit_text("Once ")
        async for facts in event_log.follow(run):
            if facts[-1].fact.type == "TextProduced":
                break
        for word in ("upon ", "a ", "time"):
            await work.emit_text(word)
        await work.emit_text("", final=True)
        return NodeOutput()

    await attempt(wrapper, Node(effect), run)

    told = await chunks(event_log, run)
    assert [chunk.text for chunk in told] == ["Once ", "upon a time"]
    assert [chunk.final for chunk in told] == [False, True]
    assert {chunk.start for chunk in told} == {1}
    assert (await texts(event_log, run))[-1] == "NodeFinished T1/a1@1#4"


async def test_outputs_and_reasoning_stay_apart(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)

    async def effect(work: Work) -> NodeOutput:
        await work.emit_reasoning("hm")
        await work.emit_text("a", "one")
        await work.emit_text("b", "two")
        await work.emit_text("c", "one")
        return NodeOutput()

    await attempt(wrapper, Node(effect), run)

    facts = [entry.fact for entry in await event_log.read(run)]
    assert [(c.name, c.text) for c in await chunks(event_log, run)] == [
        ("one", "a"),
        ("two", "b"),
        ("one", "c"),
    ]
    assert [f.text for f in facts if isinstance(f, ReasoningProduced)] == ["hm"]


async def test_much_text_is_written_piece_by_piece_and_whole(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    pieces = [f"{number:06d}" for number in range(20_000)]

    async def effect(work: Work) -> NodeOutput:
        for piece in pieces:
            await work.emit_text(piece)
        return NodeOutput()

    await attempt(wrapper, Node(effect), run)

    assert "".join(chunk.text for chunk in await chunks(event_log, run)) == "".join(pieces)


async def test_inv_10_a_zombie_that_ends_first_gives_its_text_in_place_of_the_other_s(
    event_log: EventLog, artifacts: ArtifactFiles
) -> None:
    run, gates = await a_run(event_log), [Gate(), Gate()]

    def telling(words: list[str], gate: Gate) -> Node:
        async def effect(work: Work) -> NodeOutput:
            await work.emit_text(words[0])
            await gate.effect(work)
            await work.emit_text(words[1])
            return NodeOutput(metadata={"said": words})

        return Node(effect)

    # Two processes: each has living work of its own.
    here, there = (ActivityWrapper(event_log, artifacts, LivingWork(event_log)) for _ in range(2))
    zombie = begin(here, telling(["Once ", "upon"], gates[0]), run)
    await gates[0].until_begun()
    second = begin(there, telling(["Twice ", "so"], gates[1]), run)
    await gates[1].until_begun()
    gates[0].open.set()
    first_answer = await zombie.answer()
    gates[1].open.set()
    second_answer = await second.answer()

    assert first_answer == second_answer
    told = [line.partition(" ")[0] for line in await texts(event_log, run)]
    assert told[-3:] == ["TextVoided", "TextReplaced", "NodeFinished"]
    replaced = (await event_log.read(run))[-2].fact
    assert replaced.type == "TextReplaced"
    assert replaced.text == "Once upon"


async def test_inv_11_a_stop_reaches_a_node_that_streams_with_its_next_piece(
    wrapper: ActivityWrapper, event_log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await a_run(event_log)
    monkeypatch.setattr(event_log, "_stop_listeners", [])  # as if elsewhere
    begun = asyncio.Event()

    async def effect(work: Work) -> NodeOutput:
        while True:
            await work.emit_text("and on ")
            begun.set()
            await asyncio.sleep(0.01)

    node = Node(effect)
    given = begin(wrapper, node, run)
    await begun.wait()
    await event_log.request_stop(run, "c1")
    with pytest.raises(ApplicationError) as stopped:
        await given.answer(1)

    assert stopped.value.type == "Stopped"
    assert node.cancelled == 1
