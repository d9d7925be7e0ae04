"""ResponseStream: a run's log folded into what a client sees, one entry at a time."""

from collections.abc import Iterator
from typing import Any

from schema.facts import (
    Fact,
    LoggedFact,
    LoopStarted,
    NodeFinished,
    ReasoningProduced,
    RunFinished,
    RunResumed,
    RunStarted,
    VariableUpdated,
)
from schema.plan import Plan
from schema.response_stream.event import Event
from schema.response_stream.frames import Frame, Frames
from schema.response_stream.node_events import NodeEvents
from schema.response_stream.run_events import RunEvents
from schema.response_stream.run_info import RunInfo
from schema.response_stream.source_order import SourceOrder
from schema.response_stream.stored_values import StoredValues, references_in
from schema.response_stream.text_fold import TextFold
from schema.response_stream.visible_text import first_values, said_variables
from schema.values.artifact_ref import ArtifactRef

_VALUE_FIELDS = ("inputs", "process_data", "outputs")


class ResponseStream:
    """A pure function of log, plan and the values they name, so any process gives the same events.

    To resume after an id, fold the log from its beginning and leave out what is not after it.

    Args:
        plan: The definition that the run is pinned to.
        run: Ids and first values of the run.
        stored: Values from the artifact store. The caller adds what `needs` names before it feeds
            the entry, and takes nothing out.
        full: Whether values behind references are shown whole in events; else by their preview,
            marked as truncated. Text is whole in any case. The same for all readers of a stream.

    Example:
        >>> from schema.plan import AppMode, PlanGraph, PlanNode
        >>> from schema.nodes.answer import AnswerNodeData
        >>> node = PlanNode(id="a", public_id="a", data=AnswerNodeData(answer="Hi"))
        >>> graph = PlanGraph(root="a", nodes=(node,), edges=())
        >>> plan = Plan(mode=AppMode.ADVANCED_CHAT, graph=graph)
        >>> entry = LoggedFact(seq=1, src="start", src_seq=1, fact=RunStarted(at=0.0))
        >>> events = ResponseStream(plan, RunInfo("run-1"), {}).feed(entry)
        >>> [(event.id, event.name) for event in events]
        [('1-0', 'workflow_started'), ('1-1', 'message')]
    """

    def __init__(
        self, plan: Plan, run: RunInfo, stored: StoredValues, *, full: bool = True
    ) -> None:
        self._plan = plan
        self._run = run
        self._full = full
        self._said = said_variables(plan.graph)
        self._order = SourceOrder()
        self._text = TextFold(plan, run, stored)
        self._frames = Frames(plan, run)
        shown_values = stored if full else None
        self._nodes = NodeEvents(plan, self._frames, shown_values)
        self._events = RunEvents(plan, run, self._frames, self._nodes, shown_values)
        self._is_over = False

    @property
    def text(self) -> str:
        """The text that has gone out, corrections applied."""
        return self._text.text

    def needs(self, logged: LoggedFact) -> list[ArtifactRef]:
        """Name the stored values that folding an entry, or a later one, will ask for."""
        wires = [wire for key, wire in self._values_of(logged.fact) if key in self._said]
        if self._full:
            wires += [getattr(logged.fact, name, None) for name in _VALUE_FIELDS]
        found = (reference for wire in wires for reference in references_in(wire))
        return list(dict.fromkeys(found))

    def feed(self, logged: LoggedFact) -> list[Event]:
        """Fold the next entry of the log.

        Raises:
            KeyError: If a value that `needs` named is not there.
        """
        frames = [
            frame for entry in self._order.release(logged) for frame in self._frames_of(entry)
        ]
        return [
            Event(id=f"{logged.seq}-{sub}", name=frame["event"], data=frame)
            for sub, frame in enumerate(frames)
        ]

    def _frames_of(self, logged: LoggedFact) -> list[Frame]:
        fact = logged.fact
        if self._is_over:
            return []
        self._is_over = isinstance(fact, RunFinished)
        text = [self._frames.text(change) for change in self._text.apply(logged)]
        own = [*self._events.of(fact), *self._nodes.of(fact), *self._reasoning(fact)]
        # Text comes before the end of the node that completes it, but after the start of the run.
        return [*own, *text] if isinstance(fact, RunStarted | RunResumed) else [*text, *own]

    def _reasoning(self, fact: Fact) -> list[Frame]:
        if not isinstance(fact, ReasoningProduced):
            return []
        if fact.node_id not in self._plan.graph.by_id:
            return []
        if not self._text.reasoning_is_wanted(fact.node_id):
            return []
        data = {"reasoning": fact.text, "node_id": fact.node_id, "is_final": fact.final}
        return [self._frames.event("reasoning_chunk", data)]

    def _values_of(self, fact: Fact) -> Iterator[tuple[tuple[str, str], Any]]:
        """Give the variables that a fact writes."""
        match fact:
            case RunStarted():
                yield from first_values(self._plan, self._run)
            case NodeFinished():
                for name, wire in (fact.outputs or {}).items():
                    yield (fact.node_id, name), wire
            case LoopStarted():
                for name, wire in (fact.inputs or {}).items():
                    yield (fact.node_id, name), wire
            case VariableUpdated():
                yield ("conversation", fact.name), fact.value
