"""The database goes away while an effect is under way, and comes back."""

import asyncio

import pytest

from activities.base import ActivityWrapper, Work
from schema.activities import NodeOutput
from schema.db.event_log import EventLog
from tests.fixtures_db import PostgresServer
from tests.integration.activities.attempts import Gate, Node, begin
from tests.integration.db.facts import a_run, texts

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_inv_09_a_result_is_kept_while_postgresql_crashes_and_starts_again(
    wrapper: ActivityWrapper, event_log: EventLog, postgres: PostgresServer
) -> None:
    run, gate = await a_run(event_log), Gate()
    node = Node(gate.effect)

    given = begin(wrapper, node, run)
    await gate.until_begun()
    await asyncio.to_thread(postgres.crash)
    gate.open.set()
    done, _ = await asyncio.wait({given.task}, timeout=1)
    await asyncio.to_thread(postgres.start)
    answer = await given.answer(20)

    assert not done
    assert answer.output == NodeOutput(metadata={"done": True})
    assert node.starts == [1]
    assert (await texts(event_log, run))[-1] == "NodeFinished T1/a1@1#2"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_inv_09_text_that_was_streamed_meanwhile_is_not_lost(
    wrapper: ActivityWrapper, event_log: EventLog, postgres: PostgresServer
) -> None:
    run, gate = await a_run(event_log), Gate()

    async def effect(work: Work) -> NodeOutput:
        await work.emit_text("Once ")
        output = await gate.effect(work)
        for word in ("upon ", "a ", "time"):
            await work.emit_text(word)
        return output

    given = begin(wrapper, Node(effect), run)
    await gate.until_begun()
    await asyncio.to_thread(postgres.crash)
    gate.open.set()
    await asyncio.wait({given.task}, timeout=0.5)
    await asyncio.to_thread(postgres.start)
    await given.answer(20)

    told = [entry.fact for entry in await event_log.read(run)]
    assert "".join(f.text for f in told if f.type == "TextProduced") == "Once upon a time"
