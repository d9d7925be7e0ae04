"""Events of nodes, iterations, loops, agents and forms (dify-api 8.3, 8.4, 8.8, 10.2).

`created_at` and `finished_at` are whole seconds, `elapsed_time` is not.
"""

from typing import Any

from schema.facts import (
    AgentLogged,
    Fact,
    FormExpired,
    FormOpened,
    FormSubmitted,
    IterationFinished,
    IterationNext,
    IterationStarted,
    LoopFinished,
    LoopNext,
    LoopStarted,
    NodeFact,
    NodeFailed,
    NodeFinished,
    NodeRetried,
    NodeStarted,
)
from schema.nodes.base import CONTAINER_TYPES
from schema.plan import Plan
from schema.response_stream.frames import Frame, Frames
from schema.response_stream.stored_values import StoredValues, files_of, shown
from schema.runs import NodeExecutionStatus

HIDDEN_TYPES = frozenset({"iteration-start", "loop-start"})
"""Types whose executions nobody sees (dify-nodes 2.13)."""

_Data = dict[str, Any]


class NodeEvents:
    """Turns facts of nodes into frames; remembers how each execution began."""

    def __init__(self, plan: Plan, frames: Frames, stored: StoredValues | None) -> None:
        self._frames = frames
        self._stored = stored
        self._titles = {node.id: node.title for node in plan.graph.nodes}
        self._started: dict[str, NodeStarted] = {}
        """By node execution: its first try."""
        self._tries: dict[tuple[str, int], NodeStarted] = {}
        self._failed: dict[tuple[str, int], NodeFailed] = {}
        self._ended: dict[tuple[str, int], NodeRetried | NodeFinished] = {}
        self._containers: dict[str, IterationStarted | LoopStarted] = {}
        self._forms: dict[str, FormOpened] = {}
        """Open forms by id."""

    @property
    def open_forms(self) -> list[FormOpened]:
        """Forms that wait for people, in order of opening."""
        return list(self._forms.values())

    def of(self, fact: Fact) -> list[Frame]:
        """Give the frames of a fact; facts that are no node's have none here."""
        match fact:
            case NodeStarted() | NodeFailed() | NodeRetried() | NodeFinished():
                return self._of_node(fact)
            case IterationStarted() | IterationNext() | IterationFinished():
                return [self._of_container("iteration", fact)]
            case LoopStarted() | LoopNext() | LoopFinished():
                return [self._of_container("loop", fact)]
            case AgentLogged():
                source = {"node_execution_id": fact.node_exec_id, "node_id": fact.node_id}
                return [self._frames.event("agent_log", {**fact.entry, **source})]
            case FormOpened() | FormSubmitted() | FormExpired():
                return self._of_form(fact)
            case _:
                return []

    def _of_node(self, fact: NodeStarted | NodeFailed | NodeRetried | NodeFinished) -> list[Frame]:
        key = (fact.node_exec_id, fact.attempt)
        match fact:
            case NodeStarted():
                self._tries[key] = fact
                is_first = fact.node_exec_id not in self._started
                first = self._started.setdefault(fact.node_exec_id, fact)
                if not is_first or _is_quiet(fact.node_type):
                    return []
                return [
                    self._frames.event("node_started", {**_begin(first), "agent_strategy": None})
                ]
            case NodeFailed():
                self._failed[key] = fact
                return []
            case _:
                started = self._tries.get(key) or self._started.get(fact.node_exec_id)
                is_known = self._ended.get(key) == fact  # a Temporal reset copied it
                if started is None or is_known or _is_quiet(started.node_type):
                    return []
                self._ended[key] = fact
                return [self._end(started, fact)]

    def _end(self, started: NodeStarted, fact: NodeRetried | NodeFinished) -> Frame:
        failed = self._failed.get((fact.node_exec_id, fact.attempt))
        data = _begin(started)
        for name in ("inputs", "process_data", "outputs"):
            wire = getattr(fact, name)
            if wire is None and failed is not None:
                wire = getattr(failed, name)
            data[name], data[f"{name}_truncated"] = shown(wire, self._stored)
        metadata = fact.metadata or (failed.metadata if failed else {})
        data |= {
            "status": "retry",
            "error": fact.error,
            "elapsed_time": fact.elapsed_time or (failed.elapsed_time if failed else 0.0),
            "execution_metadata": {**metadata, **_position(started)},
            "finished_at": int(fact.at),
            "files": files_of(fact.outputs),
        }
        if isinstance(fact, NodeRetried):
            return self._frames.event("node_retry", {**data, "retry_index": fact.retry_index})
        return self._frames.event("node_finished", {**data, "status": fact.status.value})

    def _of_container(
        self,
        kind: str,
        fact: IterationStarted
        | IterationNext
        | IterationFinished
        | LoopStarted
        | LoopNext
        | LoopFinished,
    ) -> Frame:
        match fact:
            case IterationStarted() | LoopStarted():
                self._containers[fact.node_exec_id] = fact
                length = "iterator_length" if kind == "iteration" else "loop_length"
                data = self._container(kind, fact) | {"metadata": {length: fact.length}}
                data["inputs"], data["inputs_truncated"] = shown(fact.inputs, self._stored)
                return self._frames.event(f"{kind}_started", data)
            case IterationNext() | LoopNext():
                data = self._container(kind, fact) | {"index": fact.index}
                if kind == "loop":
                    data["pre_loop_output"] = {}
                return self._frames.event(f"{kind}_next", data)
            case _:
                data = self._container(kind, fact) | self._container_end(fact)
                return self._frames.event(f"{kind}_completed", data)

    def _container(self, kind: str, fact: NodeFact) -> _Data:
        started = self._started.get(fact.node_exec_id)
        return {
            # The node's id, not that of its execution: Dify's clients group by it.
            "id": fact.node_id,
            "node_id": fact.node_id,
            "node_type": kind,
            "title": started.title if started else "",
            "created_at": int(fact.at),
            "extras": {},
        }

    def _container_end(self, fact: IterationFinished | LoopFinished) -> _Data:
        began = self._containers.get(fact.node_exec_id)
        outputs, outputs_cut = shown(fact.outputs, self._stored)
        inputs, inputs_cut = shown(began.inputs if began else None, self._stored)
        began_at = began.at if began else fact.at
        succeeded = fact.status is NodeExecutionStatus.SUCCEEDED
        return {
            "outputs": outputs,
            "outputs_truncated": outputs_cut,
            "created_at": int(began_at),
            "inputs": inputs,
            "inputs_truncated": inputs_cut,
            "status": "succeeded" if succeeded else "failed",
            "error": None,
            "elapsed_time": max(0.0, fact.at - began_at),
            "total_tokens": fact.metadata.get("total_tokens", 0),
            "execution_metadata": fact.metadata,
            "finished_at": int(fact.at),
            "steps": fact.steps,
        }

    def _of_form(self, fact: FormOpened | FormSubmitted | FormExpired) -> list[Frame]:
        if isinstance(fact, FormOpened):
            self._forms[fact.form_id] = fact
            return [self._frames.event("human_input_required", self.form(fact))]
        opened = self._forms.pop(fact.form_id, None)
        if opened is None:
            return []
        form = self.form(opened)
        about = {"node_id": form["node_id"], "node_title": form["node_title"]}
        if isinstance(fact, FormExpired):
            about["expiration_time"] = form["expiration_time"]
            return [self._frames.event("human_input_form_timeout", about)]
        titles = {action.get("id"): action.get("title") for action in form["actions"]}
        about |= {
            "rendered_content": _filled_form(form["form_content"], fact.data),
            "action_id": fact.action,
            "action_text": titles.get(fact.action) or fact.action,
        }
        return [self._frames.event("human_input_form_filled", about)]

    def form(self, opened: FormOpened) -> _Data:
        """Give what a client needs to show a form, also as a reason of a pause."""
        given = opened.definition
        return {
            "form_id": opened.form_id,
            "node_id": opened.node_id,
            "node_title": given.get("node_title") or self._titles.get(opened.node_id, ""),
            "form_content": given.get("form_content", ""),
            "inputs": given.get("inputs", []),
            "actions": given.get("actions", []),
            "display_in_ui": given.get("display_in_ui", False),
            "form_token": given.get("form_token"),
            "resolved_default_values": given.get("resolved_default_values", {}),
            "expiration_time": None if opened.deadline is None else int(opened.deadline),
        }


def _is_quiet(node_type: str) -> bool:
    """Whether a type has no node events: containers have their own, their start nodes none."""
    return node_type in CONTAINER_TYPES or node_type in HIDDEN_TYPES


def _begin(started: NodeStarted) -> _Data:
    return {
        "id": started.node_exec_id,
        "node_id": started.node_id,
        "node_type": started.node_type,
        "title": started.title,
        "index": started.index,
        "predecessor_node_id": started.predecessor,
        "inputs": None,
        "inputs_truncated": False,
        "created_at": int(started.at),
        "extras": {},
        "iteration_id": started.iteration_id,
        "loop_id": started.loop_id,
    }


def _position(started: NodeStarted) -> _Data:
    """Say in which round of which containers a node ran (dify-nodes 2.13)."""
    names = ("iteration_id", "iteration_index", "loop_id", "loop_index")
    return {name: value for name in names if (value := getattr(started, name)) is not None}


def _filled_form(content: str, answers: _Data) -> str:
    for name, answer in answers.items():
        content = content.replace(f"{{{{#$output.{name}#}}}}", str(answer))
    return content
