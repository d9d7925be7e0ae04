"""Purged runs leave nothing; open ones and shared artifacts stay."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from schema.db.artifacts import ArtifactFiles
from schema.db.engine import Database
from schema.db.event_log import EventLog
from schema.db.tables import (
    artifact_references,
    node_executions,
    run_events,
    run_heads,
    runs,
)
from schema.facts import Fact
from schema.runs import RunRef
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import to_wire
from schema.values.files import File, FileType, TransferMethod
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


def artifact(name: str) -> ArtifactRef:
    return ArtifactRef(name * 64, 70_000, "text/plain", "string")


async def ended(log: EventLog, run_id: str, at: float = 105.0, *names: str) -> RunRef:
    """A run whose outputs name artifacts."""
    run = await a_run(log, run_id)
    outputs = {name: to_wire(artifact(name)) for name in names}
    facts: list[Fact] = [started(run_id=run_id), finished(run_id=run_id, outputs=outputs)]
    await log.finish(run, "T1", numbered(facts), NONE_YET, succeeded(run_id), at)
    return run


async def counts(database: Database) -> list[int]:
    tables = (runs, run_heads, run_events, node_executions, artifact_references)

    return await database.read(
        lambda connection: [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        ]
    )


async def test_a_purged_run_leaves_nothing(event_log: EventLog, database: Database) -> None:
    run = await ended(event_log, "run", 105.0, "a", "b")

    purged = await event_log.purge("local", run_ids=["run"])

    assert (purged.runs, purged.node_executions, purged.facts) == (1, 1, 4)
    assert purged.run_refs == (run,)
    assert purged.artifacts == (("local", "a" * 64), ("local", "b" * 64))
    assert await counts(database) == [0] * 5
    assert await event_log.find_run("local", "run") is None


async def test_artifacts_of_other_runs_stay(event_log: EventLog) -> None:
    await ended(event_log, "old", 105.0, "a", "b")
    await ended(event_log, "new", 205.0, "b", "c")

    first = await event_log.purge("local", before=200.0)
    second = await event_log.purge("local")

    assert first.artifacts == (("local", "a" * 64),)
    assert second.artifacts == (("local", "b" * 64), ("local", "c" * 64))


async def test_open_runs_and_those_of_other_tenants_stay(event_log: EventLog) -> None:
    await ended(event_log, "done")
    await a_run(event_log, "open")
    other = await a_run(event_log, "other", tenant_id="other")
    await event_log.finish(other, "T1", [], NONE_YET, succeeded("other"), 105.0)

    purged = await event_log.purge("local", run_ids=["done", "open", "other"])

    assert purged.runs == 1
    assert await event_log.find_run("local", "open") is not None
    assert await event_log.find_run("other", "other") is not None


async def test_artifacts_in_inputs_and_outcomes_count_too(event_log: EventLog) -> None:
    run = await a_run(event_log, inputs={"q": to_wire(artifact("1"))})
    await event_log.begin_effect(run, "T1", started(), "n", "a1")
    outcome = success(output={"x": [to_wire(artifact("2"))]})
    await event_log.record_outcome(run, "T1", "a1", 1, outcome)
    result = succeeded(outputs={"r": to_wire(artifact("3"))})
    await event_log.finish(run, "T1", [], NONE_YET, result, 105.0)

    purged = await event_log.purge("local")

    assert [digest[0] for _, digest in purged.artifacts] == ["1", "2", "3"]


async def test_contents_of_files_and_of_values_inside_values_count_too(
    event_log: EventLog,
) -> None:
    file = File(FileType.IMAGE, TransferMethod.LOCAL_FILE, reference="4" * 64)
    elsewhere = File(FileType.IMAGE, TransferMethod.TOOL_FILE, reference="record-1")
    inputs = {"f": to_wire([file, elsewhere]), "v": to_wire(artifact("1").holding(("5" * 64,)))}
    first = await a_run(event_log, inputs=inputs)
    second = await a_run(event_log, "second", inputs={"f": to_wire(file)})
    for run in (first, second):
        await event_log.finish(run, "T1", [], NONE_YET, succeeded(run.run_id), 105.0)

    purged = await event_log.purge("local", run_ids=[first.run_id])

    assert [digest[0] for _, digest in purged.artifacts] == ["1", "5"]


async def test_a_purged_artifact_is_deleted_once_it_is_old(
    event_log: EventLog, tmp_path: Path
) -> None:
    store = ArtifactFiles(str(tmp_path / "artifacts"))
    ref = await store.put("local", b"x" * 70_000, "text/plain", "string", "x")
    run = await a_run(event_log, inputs={"q": to_wire(ref)})
    await event_log.finish(run, "T1", [], NONE_YET, succeeded(), 105.0)

    purged = await event_log.purge("local")

    assert purged.artifacts == (("local", ref.sha256),)
    assert await store.delete_artifacts(purged.artifacts) == 0
    assert await store.get("local", ref) == b"x" * 70_000
