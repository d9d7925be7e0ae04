"""Plans and logs made by hand: what a run would have written, without running it."""

from typing import Any

from schema.facts import (
    Fact,
    LoggedFact,
    NodeFinished,
    NodeStarted,
    RunFinished,
    RunStarted,
    TextProduced,
)
from schema.nodes import parse_node_data
from schema.plan import AppMode, Plan, PlanEdge, PlanGraph, PlanNode
from schema.response_stream import Event, ResponseStream, RunInfo
from schema.response_stream.stored_values import StoredValues
from schema.runs import NodeExecutionStatus, RunStatus

RUN_ID = "run-1"
RUN = RunInfo(
    run_id=RUN_ID,
    workflow_id="workflow-1",
    task_id="task-1",
    message_id="message-1",
    conversation_id="conversation-1",
    created_by={"id": "user-1", "user": "ann"},
    created_at=1_700_000_000.5,
    system={"query": "hi", "user_id": "ann", "conversation_id": "conversation-1"},
)

_NODE_DATA: dict[str, dict[str, Any]] = {
    "start": {"variables": []},
    "if-else": {"cases": [{"case_id": "true", "logical_operator": "and", "conditions": []}]},
    "template-transform": {"template": "", "variables": []},
    "variable-aggregator": {"variables": [], "output_type": "string"},
}


def a_node(node_id: str, node_type: str, body: PlanGraph | None = None, **data: Any) -> PlanNode:
    """A node of a plan, valid without further data."""
    fields = {"type": node_type, "title": node_id.title(), **_NODE_DATA.get(node_type, {}), **data}
    return PlanNode(id=node_id, public_id=node_id, data=parse_node_data(fields), body=body)


def an_answer(node_id: str, text: str) -> PlanNode:
    """An answer node that says a template."""
    return a_node(node_id, "answer", answer=text)


def an_end(node_id: str, *selectors: list[str]) -> PlanNode:
    """An end node with outputs `o0`, `o1` and so on."""
    outputs = [
        {"variable": f"o{index}", "value_selector": selector}
        for index, selector in enumerate(selectors)
    ]
    return a_node(node_id, "end", outputs=outputs)


def a_plan(
    nodes: list[PlanNode],
    edges: list[str],
    mode: AppMode = AppMode.ADVANCED_CHAT,
    **fields: Any,
) -> Plan:
    """A plan whose edges are written `source>target` or `source:handle>target`."""
    parsed = []
    for edge in edges:
        source, _, target = edge.partition(">")
        source, _, handle = source.partition(":")
        parsed.append(PlanEdge(source=source, target=target, handle=handle or "source"))
    graph = PlanGraph(root=nodes[0].id, nodes=tuple(nodes), edges=tuple(parsed))
    return Plan(mode=mode, graph=graph, **fields)


class RunLog:
    """Numbers facts as the writer of the log does; time goes on by a second with each."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.entries: list[LoggedFact] = []
        self.numbers: dict[str, int] = {}
        """Last number of each source."""
        self._index = 0
        self._types = _types_of(plan.graph)

    @property
    def now(self) -> float:
        """Seconds since the epoch at which the next fact happens."""
        return 1_700_000_000.0 + len(self.entries)

    def add(self, fact: Fact, src: str = "t1/wf", src_seq: int | None = None) -> LoggedFact:
        """Write a fact, by default under the next number of its source."""
        number = src_seq or self.numbers.get(src, 0) + 1
        self.numbers[src] = number
        entry = LoggedFact(seq=len(self.entries) + 1, src=src, src_seq=number, fact=fact)
        self.entries.append(entry)
        return entry

    def start_run(self, **inputs: Any) -> None:
        """Write RunStarted."""
        self.add(RunStarted(at=self.now, inputs=inputs), src="start")

    def start(self, node_id: str, attempt: int = 1, src: str = "t1/wf", **fields: Any) -> None:
        """Write that a try began."""
        self._index += 1
        self.add(
            NodeStarted(
                at=self.now,
                node_type=self._types[node_id],
                title=node_id.title(),
                index=self._index,
                **_try(node_id, attempt),
                **fields,
            ),
            src,
        )

    def say(
        self,
        node_id: str,
        text: str,
        final: bool = False,
        attempt: int = 1,
        src: str = "t1/wf",
        **fields: Any,
    ) -> None:
        """Write a chunk."""
        self.add(
            TextProduced(at=self.now, text=text, final=final, **_try(node_id, attempt), **fields),
            src,
        )

    def finish(
        self,
        node_id: str,
        handle: str = "source",
        attempt: int = 1,
        src: str = "t1/wf",
        status: NodeExecutionStatus = NodeExecutionStatus.SUCCEEDED,
        **outputs: Any,
    ) -> None:
        """Write that a node is over, with its outputs."""
        self.add(
            NodeFinished(
                at=self.now, status=status, handle=handle, outputs=outputs, **_try(node_id, attempt)
            ),
            src,
        )

    def run_node(self, node_id: str, handle: str = "source", **outputs: Any) -> None:
        """Write the start and the end of a node."""
        self.start(node_id)
        self.finish(node_id, handle, **outputs)

    def finish_run(self, status: RunStatus = RunStatus.SUCCEEDED, **fields: Any) -> None:
        """Write the terminal state."""
        self.add(RunFinished(at=self.now, status=status, **fields))

    def events(self, run: RunInfo = RUN, stored: StoredValues | None = None) -> list[Event]:
        """Fold everything that was written."""
        stream = ResponseStream(self.plan, run, stored or {})
        return [event for entry in self.entries for event in stream.feed(entry)]

    def story(self, run: RunInfo = RUN) -> list[str]:
        """Fold everything that was written, each event as a short text."""
        return [tell(event) for event in self.events(run)]


def two_models(template: str = "A: {{#l1.text#}} B: {{#l2.text#}} end") -> Plan:
    """A chatflow whose answer speaks of two models that run side by side."""
    return a_plan(
        [
            a_node("start", "start"),
            a_node("l1", "llm"),
            a_node("l2", "llm"),
            an_answer("answer", template),
        ],
        ["start>l1", "start>l2", "l1>answer", "l2>answer"],
    )


def begun(plan: Plan, root: str = "start", **outputs: Any) -> RunLog:
    """A log up to the end of the start node."""
    log = RunLog(plan)
    log.start_run()
    log.run_node(root, **outputs)
    return log


def node_exec_id(node_id: str) -> str:
    """Name the execution of a node of the root graph."""
    return f"{RUN_ID}:{node_id}"


def tell(event: Event) -> str:
    """Give what matters of an event: text in quotes, or its name and its node."""
    match event.name:
        case "message":
            return repr(event.data["answer"])
        case "text_chunk":
            return repr(event.data["data"]["text"])
        case "message_replace":
            return f"replace {event.data['answer']!r}"
        case "text_replace":
            return f"replace {event.data['data']['text']!r}"
        case _:
            node_id = event.data.get("data", {}).get("node_id")
            return f"{event.name} {node_id}" if node_id else event.name


def visible_text(events: list[Event]) -> str:
    """Give the text that a client has after some events."""
    text = ""
    for event in events:
        match event.name:
            case "message":
                text += event.data["answer"]
            case "text_chunk":
                text += event.data["data"]["text"]
            case "message_replace":
                text = event.data["answer"]
            case "text_replace":
                text = event.data["data"]["text"]
    return text


def _try(node_id: str, attempt: int) -> dict[str, Any]:
    return {"node_exec_id": node_exec_id(node_id), "node_id": node_id, "attempt": attempt}


def _types_of(graph: PlanGraph) -> dict[str, str]:
    types = {node.id: node.type for node in graph.nodes}
    for node in graph.nodes:
        if node.body is not None:
            types |= _types_of(node.body)
    return types
