"""The events of a stream in Dify's shapes (dify-api 8 and 10)."""

from typing import Any

import pytest

from schema.facts import (
    AgentLogged,
    FormExpired,
    FormOpened,
    FormSubmitted,
    IterationFinished,
    IterationNext,
    IterationStarted,
    LoopFinished,
    LoopNext,
    LoopStarted,
    NodeFailed,
    NodeRetried,
    RetrieverResourcesFound,
    RunPaused,
    RunResumed,
)
from schema.plan import AppMode, Plan, PlanGraph
from schema.response_stream import Event, ResponseStream
from schema.runs import NodeExecutionStatus, RunStatus
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import to_wire
from schema.values.files import File, FileType, TransferMethod
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, SegmentType
from tests.run_logs import (
    RUN,
    RUN_ID,
    RunLog,
    a_node,
    a_plan,
    an_answer,
    an_end,
    begun,
    node_exec_id,
)

NODE_STARTED = {
    "id",
    "node_id",
    "node_type",
    "title",
    "index",
    "predecessor_node_id",
    "inputs",
    "inputs_truncated",
    "created_at",
    "extras",
    "iteration_id",
    "loop_id",
}
NODE_FINISHED = NODE_STARTED | {
    "process_data",
    "process_data_truncated",
    "outputs",
    "outputs_truncated",
    "status",
    "error",
    "elapsed_time",
    "execution_metadata",
    "finished_at",
    "files",
}


def a_workflow(*extra: Any) -> Plan:
    return a_plan(
        [a_node("start", "start"), *extra, an_end("end", ["start", "query"])],
        ["start>end"],
        AppMode.WORKFLOW,
    )


def a_chatflow(**fields: Any) -> Plan:
    return a_plan(
        [a_node("start", "start"), a_node("http", "tool"), an_answer("answer", "hi")],
        ["start>http", "http>answer"],
        **fields,
    )


def about(node_id: str, at: float = 1.0) -> dict[str, Any]:
    return {"at": at, "node_exec_id": node_exec_id(node_id), "node_id": node_id}


def only(events: list[Event], name: str) -> dict[str, Any]:
    found = [event.data for event in events if event.name == name]
    assert len(found) == 1
    return found[0]


def test_workflow_frames_have_the_members_of_a_workflow_app() -> None:
    log = begun(a_workflow(), query="q")
    log.finish_run(outputs={"query": "q"})

    for event in log.events():
        assert set(event.data) == {"event", "workflow_run_id", "task_id", "data"}
        assert event.data["event"] == event.name
        assert (event.data["workflow_run_id"], event.data["task_id"]) == (RUN_ID, "task-1")


def test_chatflow_frames_have_the_members_of_a_chatflow() -> None:
    log = begun(a_chatflow())

    for event in log.events():
        common = {"event", "conversation_id", "message_id", "created_at", "task_id"}
        own = {"id", "answer", "from_variable_selector"}
        is_text = event.name == "message"
        assert set(event.data) == common | (own if is_text else {"workflow_run_id", "data"})
        assert event.data["created_at"] == 1_700_000_000


def test_workflow_started_shows_inputs_without_the_conversation_id() -> None:
    log = RunLog(a_workflow())
    log.start_run(**{"query": "q", "sys.user_id": "ann", "sys.conversation_id": "c"})

    data = log.events()[0].data["data"]

    assert data == {
        "id": RUN_ID,
        "workflow_id": "workflow-1",
        "inputs": {"query": "q", "sys.user_id": "ann"},
        "created_at": 1_700_000_000,
        "reason": "initial",
    }


def test_node_events_have_every_member() -> None:
    log = begun(a_workflow(), query="q")
    events = log.events()

    started = only(events, "node_started")["data"]
    finished = only(events, "node_finished")["data"]

    assert set(started) == NODE_STARTED | {"agent_strategy"}
    assert set(finished) == NODE_FINISHED
    assert (started["id"], started["index"], started["title"]) == ("run-1:start", 1, "Start")
    assert (finished["status"], finished["outputs"]) == ("succeeded", {"query": "q"})
    assert isinstance(finished["created_at"], int)


def test_a_retried_node_starts_once_and_keeps_its_id() -> None:
    log = begun(a_chatflow())
    log.start("http", src="http@1")
    log.add(
        NodeFailed(**about("http"), error="404", inputs={"url": "u"}, elapsed_time=0.5), "http@1"
    )
    log.add(NodeRetried(**about("http"), retry_index=1, error="404"))
    log.start("http", attempt=2, src="http@2")
    log.finish("http", attempt=2, src="http@2", body="ok")
    events = [
        event for event in log.events() if event.data.get("data", {}).get("node_id") == "http"
    ]

    retry = events[1].data["data"]

    assert [event.name for event in events] == ["node_started", "node_retry", "node_finished"]
    assert {event.data["data"]["id"] for event in events} == {"run-1:http"}
    assert set(retry) == NODE_FINISHED | {"retry_index"}
    assert (retry["status"], retry["retry_index"], retry["error"]) == ("retry", 1, "404")
    assert (retry["inputs"], retry["elapsed_time"]) == ({"url": "u"}, 0.5)


def test_a_container_has_its_own_events_and_its_children_name_it() -> None:
    body = PlanGraph(
        root="s", nodes=(a_node("s", "iteration-start"), a_node("code", "tool")), edges=()
    )
    log = begun(a_workflow(a_node("it", "iteration", body)), query="q")
    log.start("it")
    log.add(IterationStarted(**about("it", 10.0), length=1, inputs={"iterator_selector": [7]}))
    log.add(IterationNext(**about("it", 10.5), index=0))
    log.start("s")
    log.finish("s")
    log.start("code", iteration_id="it", iteration_index=0)
    log.finish("code", result=1)
    log.add(
        IterationFinished(
            **about("it", 12.0),
            status=NodeExecutionStatus.SUCCEEDED,
            steps=1,
            outputs={"output": [1]},
            metadata={"total_tokens": 5},
        )
    )
    log.finish("it", output=[1])
    events = log.events()[4:]

    assert [event.name for event in events] == [
        "iteration_started",
        "iteration_next",
        "node_started",
        "node_finished",
        "iteration_completed",
    ]
    started, following, _, child, completed = (event.data["data"] for event in events)
    assert started["id"] == started["node_id"] == "it"
    assert (started["metadata"], started["inputs"]) == (
        {"iterator_length": 1},
        {"iterator_selector": [7]},
    )
    assert following["index"] == 0
    assert child["iteration_id"] == "it"
    assert child["execution_metadata"] == {"iteration_id": "it", "iteration_index": 0}
    assert completed == {
        "id": "it",
        "node_id": "it",
        "node_type": "iteration",
        "title": "It",
        "extras": {},
        "outputs": {"output": [1]},
        "outputs_truncated": False,
        "created_at": 10,
        "inputs": {"iterator_selector": [7]},
        "inputs_truncated": False,
        "status": "succeeded",
        "error": None,
        "elapsed_time": 2.0,
        "total_tokens": 5,
        "execution_metadata": {"total_tokens": 5},
        "finished_at": 12,
        "steps": 1,
    }


def test_a_loop_that_failed_is_completed_as_failed() -> None:
    body = PlanGraph(root="c", nodes=(a_node("c", "tool"),), edges=())
    log = begun(a_workflow(a_node("loop", "loop", body)), query="q")
    log.add(LoopStarted(**about("loop"), length=3, inputs={"loop_count": 3}))
    log.add(LoopNext(**about("loop"), index=1, pre_loop_output={"c": 1}))
    log.add(LoopFinished(**about("loop"), status=NodeExecutionStatus.FAILED, steps=3, error="no"))

    started, following, completed = (event.data["data"] for event in log.events()[-3:])

    assert started["metadata"] == {"loop_length": 3}
    assert (following["index"], following["pre_loop_output"]) == (1, {})
    assert (completed["status"], completed["error"]) == ("failed", None)


def test_agent_logs_name_their_execution() -> None:
    log = begun(a_workflow(), query="q")
    log.add(AgentLogged(**about("start"), entry={"id": "1", "label": "ROUND 1", "status": "start"}))

    assert log.events()[-1].data["data"] == {
        "node_execution_id": "run-1:start",
        "id": "1",
        "label": "ROUND 1",
        "status": "start",
        "node_id": "start",
    }


def test_workflow_finished_has_every_member() -> None:
    file = File(FileType.IMAGE, TransferMethod.REMOTE_URL, remote_url="http://a/b.png")
    log = begun(a_workflow(), query="q")
    log.finish_run(
        outputs={"query": "q", "file": to_wire(file)},
        total_steps=2,
        total_tokens=7,
        exceptions_count=1,
        status=RunStatus.PARTIAL_SUCCEEDED,
    )

    data = only(log.events(), "workflow_finished")["data"]

    assert data == {
        "id": RUN_ID,
        "workflow_id": "workflow-1",
        "status": "partial-succeeded",
        "outputs": {"query": "q", "file": file.to_dict()},
        "error": None,
        "elapsed_time": 3.0,
        "total_tokens": 7,
        "total_steps": 2,
        "created_by": {"id": "user-1", "user": "ann"},
        "created_at": 1_700_000_000,
        "finished_at": 1_700_000_003,
        "exceptions_count": 1,
        "files": [file.to_dict()],
    }


def test_a_chatflow_ends_its_message_first() -> None:
    features = {"retriever_resource": {"enabled": True}}
    log = begun(a_chatflow(features=features))
    log.add(RetrieverResourcesFound(**about("http"), resources=[{"content": "c", "position": 9}]))
    usage = {"prompt_tokens": 2, "total_tokens": 5, "total_price": "0.0010", "currency": "EUR"}
    log.run_node("http", usage=usage)
    log.finish_run(outputs={"answer": "hi", "files": []})
    events = log.events()

    metadata = events[-2].data["metadata"]

    assert [event.name for event in events[-2:]] == ["message_end", "workflow_finished"]
    assert events[-2].data["id"] == "message-1"
    assert metadata["retriever_resources"] == [{"content": "c", "position": 1}]
    assert metadata["usage"]["total_tokens"] == 5
    assert (metadata["usage"]["total_price"], metadata["usage"]["currency"]) == ("0.001", "EUR")


@pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.STOPPED])
def test_a_chatflow_that_did_not_succeed_ends_without_its_message(status: RunStatus) -> None:
    log = begun(a_chatflow())
    log.finish_run(status, error="no")

    events = log.events()

    assert events[-1].name == "workflow_finished"
    assert "message_end" not in [event.name for event in events]


def test_citations_are_kept_back_unless_the_app_shows_them() -> None:
    log = begun(a_chatflow())
    log.add(RetrieverResourcesFound(**about("http"), resources=[{"content": "c"}]))
    log.finish_run(outputs={})

    assert only(log.events(), "message_end")["metadata"]["retriever_resources"] == []


def test_a_pause_names_its_forms_and_a_resumed_run_starts_again() -> None:
    definition = {
        "form_content": "Say {{#$output.word#}}",
        "inputs": [],
        "actions": [{"id": "ok", "title": "Okay"}],
        "form_token": "t",
    }
    log = begun(a_chatflow())
    opened = FormOpened(**about("http"), form_id="f", definition=definition, deadline=2e9)
    log.add(opened)
    log.add(RunPaused(at=log.now, reasons=[{"type": "human_input_required", "form_id": "f"}]))
    log.add(RunResumed(at=log.now))
    log.add(FormSubmitted(**about("http"), form_id="f", action="ok", data={"word": "yes"}))
    required, paused, resumed, filled = (event.data for event in log.events()[-4:])

    assert required["event"] == "human_input_required"
    assert (required["data"]["node_title"], required["data"]["form_token"]) == ("Http", "t")
    assert required["data"]["expiration_time"] == 2_000_000_000
    assert paused["event"] == "workflow_paused"
    assert paused["data"]["paused_nodes"] == ["http"]
    assert paused["data"]["reasons"] == [{"TYPE": "human_input_required", **required["data"]}]
    assert (paused["data"]["status"], paused["data"]["total_steps"]) == ("paused", 1)
    assert (resumed["event"], resumed["data"]["reason"]) == ("workflow_started", "resumption")
    assert filled["data"] == {
        "node_id": "http",
        "node_title": "Http",
        "rendered_content": "Say yes",
        "action_id": "ok",
        "action_text": "Okay",
    }


def test_a_form_that_nobody_answered_times_out() -> None:
    log = begun(a_chatflow())
    log.add(FormOpened(**about("http"), form_id="f", definition={}, deadline=20.0))
    log.add(FormExpired(**about("http"), form_id="f"))

    assert log.events()[-1].data["data"] == {
        "node_id": "http",
        "node_title": "Http",
        "expiration_time": 20,
    }


def test_a_pause_by_command_gives_its_message() -> None:
    log = begun(a_workflow(), query="q")
    log.add(RunPaused(at=log.now, reasons=[{"type": "scheduled_pause", "message": "lunch"}]))

    data = only(log.events(), "workflow_paused")["data"]

    assert data["reasons"] == [{"TYPE": "scheduled_pause", "message": "lunch"}]
    assert data["outputs"] == {}


# Values that are elsewhere.

REFERENCE = ArtifactRef("a" * 64, 70_000, "application/json", "string", "Once")
STORED = {REFERENCE: Segment(SegmentType.STRING, "Once upon a time")}


def fold(log: RunLog, stored: dict[ArtifactRef, Segment], full: bool) -> list[Event]:
    stream = ResponseStream(log.plan, RUN, stored, full=full)
    return [event for entry in log.entries for event in stream.feed(entry)]


def test_inv_15_text_behind_a_reference_is_said_whole() -> None:
    log = begun(a_workflow(), query=to_wire(REFERENCE))

    text, finished = fold(log, STORED, full=False)[-2:]

    assert text.data["data"]["text"] == "Once upon a time"
    assert finished.data["data"]["outputs"] == {"query": "Once"}
    assert finished.data["data"]["outputs_truncated"] is True


def test_inv_15_a_full_stream_shows_referenced_values_whole() -> None:
    log = begun(a_workflow(), query=to_wire(REFERENCE))

    data = fold(log, STORED, full=True)[-1].data["data"]

    assert data["outputs"] == {"query": "Once upon a time"}
    assert data["outputs_truncated"] is False


@pytest.mark.parametrize(("full", "count"), [(True, 2), (False, 1)])
def test_a_stream_names_the_stored_values_that_it_needs(full: bool, count: int) -> None:
    other = ArtifactRef("b" * 64, 70_000, "application/json", "string")
    log = begun(a_workflow(), query=to_wire(REFERENCE), unsaid=to_wire([other]))
    stream = ResponseStream(log.plan, RUN, {}, full=full)

    needed = [ref for entry in log.entries for ref in stream.needs(entry)]

    assert needed == [REFERENCE, other][:count]


def test_inv_17_a_secret_is_shown_as_its_mask() -> None:
    log = begun(a_workflow(), query=to_wire(SecretRef("KEY", "sk-012************89")))

    text, finished = log.events()[-2:]

    assert text.data["data"]["text"] == "sk-012************89"
    assert finished.data["data"]["outputs"] == {"query": "sk-012************89"}
