"""Author's text of any characters and length is stored and found unchanged (invariants 16, 18)."""

import uuid

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schema.db.base import MAX_KEY_CHARACTERS, bounded_key, escape, unescape
from schema.db.event_log import EventLog, Outcome
from schema.facts import CommandApplied, OpenFact
from schema.values.encoding import encode
from tests.integration.db.facts import (
    NONE_YET,
    a_run,
    an_input,
    failed,
    finished,
    numbered,
    started,
    success,
)

pytestmark = pytest.mark.anyio

ANY_TEXT = st.text(st.characters(categories=None), max_size=30)
HOSTILE = [
    "\x00",
    "\ud800 lone \udfff",
    "\\u0000 \\\\ \\",
    "'; DROP TABLE runs; --",
    "%s %(run)s :run ?",
    "😀" * 5_000,
    "ﬀ\u202e\r\n\t",
]


@given(ANY_TEXT)
@example("\\u0000")
@example("\x00")
def test_escaped_text_comes_back(text: str) -> None:
    assert unescape(escape(text)) == text
    assert "\x00" not in escape(text)
    escape(text).encode()


@given(ANY_TEXT, ANY_TEXT)
def test_keys_are_equal_only_for_equal_texts(first: str, second: str) -> None:
    assert (bounded_key(first) == bounded_key(second)) == (first == second)
    assert len(bounded_key(first * 1_000)) <= MAX_KEY_CHARACTERS


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_inv_18_hostile_text_survives_everywhere(event_log: EventLog, text: str) -> None:
    run = await a_run(event_log, inputs={text: text}, created_by=text, trigger=text)
    begun = started(text, title=text, predecessor=text)
    ended = finished(text, outputs={text: [text]}, error=text, error_type=text, handle=text)
    command = CommandApplied(at=1.0, command_id=text, command=text)
    answer = OpenFact(src=f"command/{text}", src_seq=1, fact=command)

    await event_log.append(run, text, [*numbered([begun, ended]), answer], NONE_YET)
    await event_log.append(run, text, [*numbered([begun, ended]), answer], NONE_YET)
    await event_log.request_stop(run, text, text)
    log = await event_log.read(run, after=1)
    [node] = await event_log.list_node_executions(run)

    assert [entry.fact for entry in log] == [begun, ended, command]
    assert (node.node_id, node.title, node.predecessor_node_id) == (text, text, text)
    assert (node.error, node.error_type, node.handle) == (text, text, text)
    assert node.outputs == {text: [text]}
    record = await event_log.get_run("local", "run")
    assert record.inputs == {text: text}
    assert record.stop_reason == text


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_inv_18_outcomes_of_nodes_with_hostile_ids_are_found(
    event_log: EventLog, text: str
) -> None:
    run = await a_run(event_log)
    await event_log.begin_effect(run, "T1", started(text), text, text)

    await event_log.record_outcome(run, "T1", text, 1, success(text, output={"x": text}))
    found = await event_log.find_outcome(run, f"run:{text}", 1)

    assert found is not None
    assert found.outcome.output == {"x": text}


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
        max_leaves=10,
    ),
    error=ANY_TEXT,
)
async def test_inv_16_values_come_back_as_they_were(
    event_log: EventLog, value: object, error: str
) -> None:
    run_id = uuid.uuid4().hex
    await event_log.register(an_input(run_id), 1.0)
    run = an_input(run_id).ref
    outcome = Outcome(failed(run_id=run_id, error=error, outputs={"x": value}), value)

    await event_log.record_outcome(run, "T1", "a1", 1, outcome)
    found = await event_log.find_outcome(run, f"{run_id}:n", 1)

    assert found is not None
    assert encode(found.outcome.output) == encode(value)
    assert found.outcome.fact.model_dump()["error"] == error
