"""Events of the run itself: its start, pauses and end (dify-api 8.2, 8.6, 10.2)."""

from typing import Any

from schema.facts import Fact, RunFinished, RunPaused, RunResumed, RunStarted
from schema.plan import Plan
from schema.response_stream.frames import Frame, Frames
from schema.response_stream.node_events import NodeEvents
from schema.response_stream.run_info import RunInfo
from schema.response_stream.stored_values import StoredValues, files_of, shown
from schema.response_stream.tally import Tally
from schema.runs import RunStatus

_WITH_MESSAGE_END = (RunStatus.SUCCEEDED, RunStatus.PARTIAL_SUCCEEDED)
_HIDDEN_INPUT = "sys.conversation_id"


class RunEvents:
    """Turns facts of a run into frames."""

    def __init__(
        self,
        plan: Plan,
        run: RunInfo,
        frames: Frames,
        nodes: NodeEvents,
        stored: StoredValues | None,
    ) -> None:
        self._plan = plan
        self._run = run
        self._frames = frames
        self._nodes = nodes
        self._stored = stored
        self._tally = Tally(plan)
        self._started: RunStarted | None = None

    def of(self, fact: Fact) -> list[Frame]:
        """Give the frames of a fact; facts that are not the run's have none here."""
        self._tally.count(fact)
        match fact:
            case RunStarted():
                self._started = fact
                return [self._start(fact.at, "initial")]
            case RunResumed():
                return [self._start(fact.at, "resumption")]
            case RunPaused():
                return [self._pause(fact)]
            case RunFinished():
                end = self._frames.event("workflow_finished", self._end(fact))
                is_answered = self._frames.is_chat and fact.status in _WITH_MESSAGE_END
                return [self._message_end(fact), end] if is_answered else [end]
            case _:
                return []

    def _start(self, at: float, reason: str) -> Frame:
        given = self._started.inputs if self._started else {}
        inputs = {name: wire for name, wire in given.items() if name != _HIDDEN_INPUT}
        data = {
            "id": self._run.run_id,
            "workflow_id": self._run.workflow_id,
            "inputs": shown(inputs, self._stored)[0],
            "created_at": int(at),
            "reason": reason,
        }
        return self._frames.event("workflow_started", data)

    def _pause(self, fact: RunPaused) -> Frame:
        forms = self._nodes.open_forms
        data = {
            "workflow_run_id": self._run.run_id,
            "paused_nodes": [form.node_id for form in forms],
            "outputs": {},
            "reasons": [self._reason(reason) for reason in fact.reasons],
            "status": RunStatus.PAUSED.value,
            "created_at": int(self._started.at if self._started else fact.at),
            "elapsed_time": self._elapsed(fact.at),
            "total_tokens": self._tally.tokens,
            "total_steps": self._tally.steps,
        }
        return self._frames.event("workflow_paused", data)

    def _reason(self, reason: dict[str, Any]) -> dict[str, Any]:
        """Write a reason in the wire's shape: an upper-case key, a form with all its members."""
        kind = reason.get("TYPE") or reason.get("type")
        rest = {key: value for key, value in reason.items() if key not in ("TYPE", "type")}
        forms = [f for f in self._nodes.open_forms if f.form_id == reason.get("form_id")]
        members = self._nodes.form(forms[0]) if forms else {}
        return {"TYPE": kind, **members, **rest}

    def _end(self, fact: RunFinished) -> dict[str, Any]:
        return {
            "id": self._run.run_id,
            "workflow_id": self._run.workflow_id,
            "status": fact.status.value,
            "outputs": shown(fact.outputs, self._stored)[0],
            "error": fact.error,
            "elapsed_time": self._elapsed(fact.at),
            "total_tokens": fact.total_tokens,
            "total_steps": fact.total_steps,
            "created_by": dict(self._run.created_by),
            "created_at": int(self._started.at if self._started else fact.at),
            "finished_at": int(fact.at),
            "exceptions_count": fact.exceptions_count,
            "files": files_of(fact.outputs),
        }

    def _message_end(self, fact: RunFinished) -> Frame:
        shows_citations = self._plan.features.get("retriever_resource") or {}
        metadata = {
            "usage": self._tally.usage(self._elapsed(fact.at)),
            "retriever_resources": (
                self._tally.citations if shows_citations.get("enabled") else []
            ),
            "annotation_reply": None,
        }
        return self._frames.message_end(metadata, files_of(fact.outputs))

    def _elapsed(self, at: float) -> float:
        return max(0.0, at - self._started.at) if self._started else 0.0
