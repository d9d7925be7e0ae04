"""Work waits for what it needs before its effect starts, and starves nobody meanwhile."""

import asyncio
import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.exceptions import ApplicationError

from activities import execution
from activities.base import ActivityWrapper, Work
from activities.living import LivingWork
from activities.slots import Slots
from schema.activities import NodeOutput
from schema.contracts import Role
from schema.db.artifacts import ArtifactFiles
from schema.db.event_log import EventLog
from schema.errors import ArtifactStoreUnavailable, InvalidNodeInput, SandboxUnavailable
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import from_wire, to_wire
from schema.values.segments import Segment
from tests.integration.activities.attempts import NODE, Gate, Node, attempt, begin, giving, raising
from tests.integration.db.facts import a_run
from tests.waiting import until

pytestmark = pytest.mark.anyio

CODE = dataclasses.replace(NODE, role=Role.CODE, needs_sandbox=True)


class SandboxAway:
    """A sandbox that does not answer, until it does."""

    def __init__(self) -> None:
        self.is_away = True
        self.asked = 0

    @property
    def is_suspect(self) -> bool:
        return True

    async def wait_until_available(self) -> None:
        self.asked += 1
        if self.is_away:
            raise SandboxUnavailable("no child could be had")


class StoreAway(ArtifactFiles):
    """A store that does not answer for a number of requests."""

    refusals = 0

    async def put(
        self, tenant_id: str, data: bytes, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        self._refuse()
        return await super().put(tenant_id, data, mime, kind, preview)

    async def put_file(
        self, tenant_id: str, path: Path, mime: str, kind: str, preview: str
    ) -> ArtifactRef:
        self._refuse()
        return await super().put_file(tenant_id, path, mime, kind, preview)

    async def get(self, tenant_id: str, ref: ArtifactRef) -> bytes:
        self._refuse()
        return await super().get(tenant_id, ref)

    def _refuse(self) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ArtifactStoreUnavailable("away")


async def starts_of(log: EventLog, run_id: str = "run") -> list[int]:
    [record] = await log.find_runs("local", run_id)
    return [row.effect_starts for row in await log.list_node_executions(record.ref)]


async def test_inv_09_an_effect_waits_for_the_sandbox_and_no_start_is_counted(
    event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork
) -> None:
    run, sandbox = await a_run(event_log), SandboxAway()
    wrapper = ActivityWrapper(event_log, artifacts, living, sandbox=sandbox)
    node = Node(giving("done"), CODE)

    given = begin(wrapper, node, run)
    await until(lambda: sandbox.asked > 1)
    before = await starts_of(event_log)
    sandbox.is_away = False
    answer = await given.answer()

    assert before == []
    assert answer.output is not None
    assert node.starts == [1]


async def test_inv_09_a_sandbox_that_stays_away_is_worth_trying_elsewhere(
    event_log: EventLog,
    artifacts: ArtifactFiles,
    living: LivingWork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execution, "WAIT_SECONDS", 0.2)
    run = await a_run(event_log)
    wrapper = ActivityWrapper(event_log, artifacts, living, sandbox=SandboxAway())

    with pytest.raises(ApplicationError) as away:
        await attempt(wrapper, Node(giving("done"), CODE), run)

    assert (away.value.type, away.value.non_retryable) == ("sandbox_unavailable", False)
    assert not away.value.details
    assert await starts_of(event_log) == []


async def test_inv_09_a_node_that_needs_no_sandbox_does_not_wait_for_it(
    event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork
) -> None:
    run, sandbox = await a_run(event_log), SandboxAway()
    wrapper = ActivityWrapper(event_log, artifacts, living, sandbox=sandbox)

    await attempt(wrapper, Node(giving("done")), run)

    assert sandbox.asked == 0


async def test_inv_09_an_effect_waits_for_the_store_and_no_start_is_counted(
    event_log: EventLog, tmp_path: Path, living: LivingWork
) -> None:
    run, store = await a_run(event_log), a_store(tmp_path)
    store.refusals = 3
    node = Node(giving("done"))

    await attempt(ActivityWrapper(event_log, store, living), node, run)

    assert store.refusals == 0
    assert node.starts == await starts_of(event_log) == [1]


async def test_inv_09_a_finished_result_is_kept_while_the_store_is_away(
    event_log: EventLog, tmp_path: Path, living: LivingWork
) -> None:
    run, store = await a_run(event_log), a_store(tmp_path)

    async def effect(_work: Work) -> NodeOutput:
        store.refusals = 3
        return NodeOutput(outputs={"v": to_wire(Segment.infer("x" * 100_000))})

    node = Node(effect)
    answer = await attempt(ActivityWrapper(event_log, store, living), node, run)

    assert answer.output is not None
    segment = from_wire(answer.output.outputs["v"])
    assert isinstance(segment, Segment)
    assert segment.is_reference
    assert (store.refusals, node.starts) == (0, [1])


async def test_work_that_waits_for_a_turn_starves_no_other_kind(
    event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork
) -> None:
    slots, gate = Slots(io=1, code=1), Gate()
    wrapper = ActivityWrapper(event_log, artifacts, living, slots)
    code = dataclasses.replace(NODE, role=Role.CODE)
    runs = [await a_run(event_log, name) for name in ("one", "two", "three")]
    waiting = Node(giving("late"), code)

    busy = begin(wrapper, Node(gate.effect, code), runs[0])
    await gate.until_begun()
    queued = begin(wrapper, waiting, runs[1])
    await attempt(wrapper, Node(giving("other kind")), runs[2])
    started_meanwhile = list(waiting.starts)
    gate.open.set()
    await asyncio.gather(busy.answer(), queued.answer())

    assert started_meanwhile == []
    assert waiting.starts == [1]


async def test_a_slot_is_free_again_after_a_failure(
    event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork
) -> None:
    slots = Slots(io=1)
    wrapper = ActivityWrapper(event_log, artifacts, living, slots)
    for name in ("one", "two", "three"):
        run = await a_run(event_log, name)
        with pytest.raises(ApplicationError, match="no"):
            await attempt(wrapper, Node(raising(InvalidNodeInput("no"))), run)

    assert slots.is_free(Role.IO)


async def test_work_that_finds_no_turn_in_time_goes_back_into_the_ready_queue(
    event_log: EventLog,
    artifacts: ArtifactFiles,
    living: LivingWork,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execution, "WAIT_SECONDS", 0.1)
    gate = Gate()
    wrapper = ActivityWrapper(event_log, artifacts, living, Slots(io=1))
    one, two = await a_run(event_log, "one"), await a_run(event_log, "two")
    busy = begin(wrapper, Node(gate.effect), one)
    await gate.until_begun()

    answer = await attempt(wrapper, Node(giving("late")), two)
    gate.open.set()
    await busy.answer()

    assert answer.deferred
    assert await starts_of(event_log, "two") == []


async def test_inv_07_a_recorded_outcome_is_returned_without_waiting_for_anything(
    event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork
) -> None:
    run = await a_run(event_log)
    first = await attempt(
        ActivityWrapper(event_log, artifacts, living), Node(giving("done"), CODE), run
    )
    wrapper = ActivityWrapper(event_log, artifacts, living, sandbox=SandboxAway())

    again = await attempt(wrapper, Node(giving("again"), CODE), run)

    assert again.output == first.output


async def test_inv_11_work_that_ignores_its_own_limit_is_ended(
    event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork
) -> None:
    run = await a_run(event_log)
    contract = dataclasses.replace(NODE, start_to_close=timedelta(seconds=0.1))
    node = Node(Gate().effect, contract)

    with pytest.raises(ApplicationError) as overdue:
        await attempt(ActivityWrapper(event_log, artifacts, living), node, run)

    assert (overdue.value.type, overdue.value.non_retryable) == ("infrastructure_error", False)
    assert node.cancelled == 1


def a_store(tmp_path: Path) -> StoreAway:
    folder = tmp_path / "away"
    folder.mkdir()
    return StoreAway(str(folder))
