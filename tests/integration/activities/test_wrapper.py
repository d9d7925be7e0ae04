"""The one wrapper: a recorded outcome is returned, an effect is counted, everything is bounded."""

import asyncio
import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities.base import ActivityWrapper, Work
from schema.activities import NodeOutput
from schema.db import sqlite
from schema.db.artifacts import ArtifactFiles
from schema.db.engine import open_database
from schema.db.event_log import EventLog
from schema.errors import ArtifactStoreUnavailable, InvalidNodeInput
from schema.facts import digest
from schema.limits import MAX_ERROR_MESSAGE_CHARACTERS
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import from_wire
from schema.values.segments import Segment
from tests.integration.activities.attempts import Node, attempt, giving, raising
from tests.integration.db.facts import a_run, numbered, started, texts

pytestmark = pytest.mark.anyio


async def test_inv_07_an_attempt_that_finds_an_outcome_returns_it_and_does_nothing(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    first = Node(giving("once"))
    second = Node(giving("twice"))

    given = await attempt(wrapper, first, run)
    again = await attempt(wrapper, second, run)

    assert given.output is not None
    assert again == given
    assert (first.starts, second.starts) == ([1], [])


async def test_inv_07_a_recorded_failure_is_raised_again(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    node = Node(raising(InvalidNodeInput("no such city")))

    with pytest.raises(ApplicationError, match="no such city") as first:
        await attempt(wrapper, node, run)
    with pytest.raises(ApplicationError, match="no such city") as second:
        await attempt(wrapper, node, run)

    assert first.value.non_retryable
    assert second.value.details == first.value.details
    assert node.starts == [1]


async def test_inv_07_facts_that_rode_along_are_written_before_the_work(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    facts = tuple(numbered([started("before")]))
    seen: list[str] = []

    async def effect(_work: Work) -> NodeOutput:
        seen.extend(await texts(event_log, run))
        return NodeOutput()

    answer = await attempt(wrapper, Node(effect), run, facts=facts)

    assert "NodeStarted T1/wf#1" in seen
    assert answer.digest == digest(facts)


async def test_inv_08_an_oversize_error_is_bounded(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    node = Node(raising(InvalidNodeInput("x" * 5_000_000)))

    with pytest.raises(ApplicationError) as failed:
        await attempt(wrapper, node, run)

    assert len(failed.value.message) <= MAX_ERROR_MESSAGE_CHARACTERS
    assert len(repr(failed.value.details)) < 4 * MAX_ERROR_MESSAGE_CHARACTERS


async def test_inv_08_an_oversize_result_leaves_as_a_reference(
    wrapper: ActivityWrapper, event_log: EventLog, artifacts: ArtifactFiles
) -> None:
    run = await a_run(event_log)
    text = "é" * 3_000_000

    answer = await attempt(wrapper, Node(giving(text)), run)

    assert answer.output is not None
    assert len(answer.model_dump_json()) < 64 * 1024
    segment = from_wire(answer.output.outputs["v"])
    assert isinstance(segment, Segment)
    assert isinstance(segment.raw, ArtifactRef)
    kept = await artifacts.get(run.tenant_id, segment.raw)
    assert json.loads(kept) == text


async def test_inv_09_an_outage_of_ours_is_retried_and_is_no_outcome(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)

    async def effect(work: Work) -> NodeOutput:
        if work.start == 1:
            raise ArtifactStoreUnavailable("away")
        return NodeOutput()

    node = Node(effect)

    with pytest.raises(ApplicationError) as away:
        await attempt(wrapper, node, run)
    answer = await attempt(wrapper, node, run)

    assert (away.value.type, away.value.non_retryable) == ("artifact_store_unavailable", False)
    assert answer.output is not None
    assert node.starts == [1, 2]
    assert not [line for line in await texts(event_log, run) if line.startswith("NodeFailed")]


async def test_inv_09_a_result_is_kept_until_the_database_is_back(
    sqlite_template: Path,
    artifacts: ArtifactFiles,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.2)
    path = tmp_path / "away.db"
    shutil.copy(sqlite_template, path)
    database = open_database(f"sqlite:///{path}")
    log = EventLog(database)
    run = await a_run(log)
    other = sqlite3.connect(path, isolation_level=None)

    async def effect(_work: Work) -> NodeOutput:
        other.execute("BEGIN IMMEDIATE")  # nobody else can write from here on
        return NodeOutput(metadata={"done": True})

    node = Node(effect)
    running = asyncio.create_task(attempt(ActivityWrapper(log, artifacts), node, run))
    done, _ = await asyncio.wait({running}, timeout=1)
    written_meanwhile = await texts(log, run)
    other.execute("ROLLBACK")
    other.close()
    answer = await asyncio.wait_for(running, timeout=60)

    assert not done
    assert not [line for line in written_meanwhile if line.startswith("NodeFinished")]
    assert answer.output == NodeOutput(metadata={"done": True})
    assert node.starts == [1]
    assert (await texts(log, run))[-1].startswith("NodeFinished")
    await log.close()
    await database.close()


async def test_inv_10_a_node_that_takes_its_worker_along_three_times_is_a_failure(
    wrapper: ActivityWrapper, event_log: EventLog
) -> None:
    run = await a_run(event_log)
    node = Node(raising(ArtifactStoreUnavailable("away")))  # ends without an outcome

    for _ in range(3):
        with pytest.raises(ApplicationError, match="away"):
            await attempt(wrapper, node, run)
    with pytest.raises(ApplicationError) as failed:
        await attempt(wrapper, node, run)

    assert failed.value.type == "WorkerLost"
    assert failed.value.non_retryable
    assert node.starts == [1, 2, 3]
