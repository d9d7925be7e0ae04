"""Facts of carriers: each stands once, whatever is repeated or late."""

from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schema.db.event_log import EventLog
from schema.facts import CommandApplied, OpenFact, RunPaused, RunResumed, VariableUpdated
from schema.runs import RunStatus
from tests.integration.db.facts import NONE_YET, a_run, finished, numbered, started, texts

pytestmark = pytest.mark.anyio


def applied(command_id: str, command: str = "pause") -> OpenFact:
    fact = CommandApplied(at=101.0, command_id=command_id, command=command)
    return OpenFact(src=f"command/{command_id}", src_seq=1, fact=fact)


async def test_facts_stand_under_the_temporal_run_and_commands_under_their_id(
    event_log: EventLog,
) -> None:
    run = await a_run(event_log)

    head = await event_log.append(run, "T1", [*numbered([started()]), applied("c1")], NONE_YET)

    assert await texts(event_log, run) == [
        "RunStarted start#1",
        "NodeStarted T1/wf#1",
        "CommandApplied command/c1#1",
    ]
    assert head.last_seq == 3
    assert head.ended is None


async def test_inv_12_a_repeated_write_is_dropped(event_log: EventLog) -> None:
    run = await a_run(event_log)
    facts = [*numbered([started(), finished()]), applied("c1")]

    await event_log.append(run, "T1", facts, NONE_YET)
    head = await event_log.append(run, "T1", facts, NONE_YET)
    await event_log.append(run, "T1", numbered([finished(), started("m")], first=2), NONE_YET)

    assert (await texts(event_log, run))[1:] == [
        "NodeStarted T1/wf#1",
        "NodeFinished T1/wf#2",
        "CommandApplied command/c1#1",
        "NodeStarted T1/wf#3",
    ]
    assert head.last_seq == 4


async def test_inv_06_a_command_is_answered_once(event_log: EventLog) -> None:
    run = await a_run(event_log)

    await event_log.append(run, "T1", [applied("c1")], NONE_YET)
    await event_log.append(run, "T1", [applied("c1", "resume")], NONE_YET)
    await event_log.append(run, "T2", [applied("c1", "resume")], NONE_YET)

    facts = [entry.fact for entry in await event_log.read(run)]
    answers = [fact for fact in facts if isinstance(fact, CommandApplied)]
    assert answers == [applied("c1").fact]


async def test_pauses_and_resumptions_change_the_state(event_log: EventLog) -> None:
    run = await a_run(event_log)

    paused = await event_log.append(run, "T1", numbered([RunPaused(at=1, reasons=[])]), NONE_YET)
    record = await event_log.get_run("local", "run")
    resumed = await event_log.append(run, "T1", numbered([RunResumed(at=2)], 2), NONE_YET)

    assert paused.status is RunStatus.PAUSED
    assert record.status is RunStatus.PAUSED
    assert resumed.status is RunStatus.RUNNING
    assert (await event_log.get_run("local", "run")).status is RunStatus.RUNNING


async def test_a_conversation_variable_is_written_with_its_fact(event_log: EventLog) -> None:
    def written(name: str, value: object) -> VariableUpdated:
        return VariableUpdated(
            at=1.0, node_exec_id="x", node_id="n", name=name, value_type="object", value=value
        )

    first = await a_run(event_log, "a", system={"conversation_id": "c"})
    second = await a_run(event_log, "b", system={"conversation_id": "c"})

    await event_log.append(
        first, "T1", numbered([written("v", 1), written("w", [1.0]), written("v", 2)]), NONE_YET
    )
    await event_log.append(second, "T2", numbered([written("v", {"k": "\x00"})]), NONE_YET)

    values = await event_log.read_conversation("local", "local", "c")
    assert values == {"v": {"k": "\x00"}, "w": [1.0]}
    assert await event_log.read_conversation("other", "local", "c") == {}


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[int]]:
    """Numbers as carriers bring them: repeated, in any order, each at least once."""
    count = draw(st.integers(1, 30))
    cuts = st.tuples(st.integers(1, count), st.integers(1, count))
    carriers = [list(range(min(cut), max(cut) + 1)) for cut in draw(st.lists(cuts, max_size=8))]
    missing = set(range(1, count + 1)).difference(*carriers)
    return draw(st.permutations([*carriers, sorted(missing)]))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(carriers=deliveries())
async def test_inv_03_carriers_in_any_order_leave_no_gap_and_no_double(
    event_log: EventLog, carriers: list[list[int]]
) -> None:
    count = max(max(carrier, default=0) for carrier in carriers)
    run_id = f"run-{uuid4()}"
    run = await a_run(event_log, run_id)
    told = numbered([started(f"n{number}", run_id=run_id) for number in range(count)])

    for carrier in carriers:
        await event_log.append(run, "T1", [told[number - 1] for number in carrier], NONE_YET)

    logged = await event_log.read(run, after=1)
    assert sorted(entry.src_seq for entry in logged) == list(range(1, count + 1))
    assert {entry.src_seq: entry.fact for entry in logged} == {e.src_seq: e.fact for e in told}
    assert len(await event_log.list_node_executions(run)) == count
