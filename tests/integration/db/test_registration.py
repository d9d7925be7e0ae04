"""A run's row, head and first fact appear together, once."""

import pytest

from schema.db.event_log import EventLog
from schema.errors import NotFound
from schema.facts import RunStarted
from schema.plan import AppMode
from schema.runs import RunRef, RunStatus
from schema.values.encoding import encode
from tests.integration.db.facts import NONE_YET, PLAN, a_run, an_input, texts

pytestmark = pytest.mark.anyio


async def test_a_registered_run_has_its_row_and_one_fact(event_log: EventLog) -> None:
    run_input = an_input(inputs={"q": "hello"}, system={"user_id": "u"}, created_by="u")

    is_new = await event_log.register(run_input, at=100.5)
    facts = await event_log.read(run_input.ref)
    record = await event_log.get_run("local", "run")

    assert is_new
    assert [entry.fact for entry in facts] == [
        RunStarted(at=100.5, inputs={"q": "hello", "sys.user_id": "u"})
    ]
    assert record.inputs == {"q": "hello", "sys.user_id": "u"}
    assert record.status is RunStatus.RUNNING
    assert record.has_only_started
    assert record.triggered_from == "app-run"
    assert record.created_by_role == "end_user"
    assert record.temporal_workflow_id == "run-run"


async def test_registering_again_changes_nothing(event_log: EventLog) -> None:
    run = await a_run(event_log, inputs={"q": 1})

    is_new = await event_log.register(an_input(inputs={"q": 2}), at=200.0)

    assert not is_new
    assert await texts(event_log, run) == ["RunStarted start#1"]
    assert (await event_log.get_run_input(run)).inputs == {"q": 1}


async def test_inv_16_the_run_input_comes_back_as_it_was(event_log: EventLog) -> None:
    run_input = an_input(
        inputs={"a": [1, 1.0, True, None, "\x00\ud800", 10**5000, float("inf")]},
        plan=PLAN.model_copy(update={"mode": AppMode.ADVANCED_CHAT}),
        system={"conversation_id": "c", "query": "?"},
    )

    await event_log.register(run_input, at=100.0)
    stored = await event_log.get_run_input(run_input.ref)

    assert stored == run_input
    assert encode(stored.inputs) == encode(run_input.inputs)
    assert (await event_log.get_run("local", "run")).type == "chat"


@pytest.mark.parametrize("field", ["tenant_id", "app_id"])
async def test_inv_21_a_run_is_found_by_its_tenant_and_app_only(
    event_log: EventLog, field: str
) -> None:
    run = await a_run(event_log)
    stranger = run.model_copy(update={field: "other"})

    assert await event_log.read(stranger) == []
    assert await event_log.find_outcome(stranger, "run:n", 1) is None
    for request in (
        event_log.append(stranger, "T1", [], NONE_YET),
        event_log.request_stop(stranger, "c1"),
        event_log.get_head(stranger),
        event_log.get_run_input(stranger),
        event_log.list_node_executions(stranger),
    ):
        with pytest.raises(NotFound):
            await request


async def test_an_unknown_run_is_not_found(event_log: EventLog) -> None:
    assert await event_log.find_run("local", "none") is None
    with pytest.raises(NotFound, match="'none'"):
        await event_log.get_run("local", "none")
    with pytest.raises(NotFound):
        await event_log.append(RunRef(run_id="none"), "T1", [], NONE_YET)
