"""Real graphs: what their response nodes say when they run is what a client has read by then."""

import random

import pytest

from schema.dsl import compile_definition, read_definition
from schema.facts import NodeFinished
from schema.plan import Plan
from schema.response_stream.response_templates import response_parts
from schema.runs import NodeExecutionStatus
from schema.traversal import NodeState, Traversal, leave_of
from tests.corpus import require_corpus
from tests.run_logs import RunLog, node_exec_id, visible_text


def plans() -> list[tuple[str, Plan]]:
    """Every plan that the corpus gives, also of graphs with nodes that this version cannot run."""
    found = []
    for path in require_corpus():
        compilation = compile_definition(read_definition(path.read_bytes()))
        if compilation.plan is not None:
            found.append((path.name, compilation.plan))
    return found


class MadeUpRun:
    """Runs a graph in a random order, with values that say where they come from."""

    def __init__(self, plan: Plan, seed: int) -> None:
        self._random = random.Random(seed)
        self._graph = plan.graph
        self._traversal = Traversal(plan.graph)
        self.log = RunLog(plan)
        self.said: list[str] = []
        """What each response node said when it ran."""

    def run(self) -> None:
        """Run until nothing is ready."""
        self.log.start_run()
        ready = [self._graph.root]
        while ready:
            ready += self._run_node(ready.pop(self._random.randrange(len(ready))))

    def _run_node(self, node_id: str) -> list[str]:
        node = self._graph.by_id[node_id]
        outputs = {name: f"<{node_id} {name}>" for name in self._named(node_id)}
        if response_parts(node):
            self.said.append("".join(map(self._value, response_parts(node))))
        handles = [edge.handle for edge in self._graph.edges if edge.source == node_id]
        handle = self._random.choice(handles or ["source"])
        self.log.start(node_id, src=f"t1/{node_id}@1")
        if node.type == "llm" and "text" in outputs:
            for character in outputs["text"]:
                self.log.say(node_id, character, src=f"t1/{node_id}@1")
            self.log.say(node_id, "", final=True, src=f"t1/{node_id}@1")
        finished = NodeFinished(
            at=self.log.now,
            node_exec_id=node_exec_id(node_id),
            node_id=node_id,
            status=NodeExecutionStatus.SUCCEEDED,
            handle=handle,
            outputs=outputs,
        )
        self.log.add(finished, src=f"t1/{node_id}@1")
        return self._traversal.settle(node_id, leave_of(node, handle)).ready

    def _named(self, node_id: str) -> list[str]:
        """Outputs of a node that response nodes name."""
        parts = (part for node in self._graph.nodes for part in response_parts(node))
        return [part[1] for part in parts if not isinstance(part, str) and part[0] == node_id]

    def _value(self, part: str | tuple[str, ...]) -> str:
        if isinstance(part, str):
            return part
        is_skipped = self._traversal.states.get(part[0]) is NodeState.SKIPPED
        return "" if is_skipped else f"<{part[0]} {part[1]}>"


def is_simple(plan: Plan) -> bool:
    """Whether response nodes name nothing but outputs of the root graph's nodes."""
    parts = [part for node in plan.graph.nodes for part in response_parts(node)]
    return all(
        isinstance(part, str) or (len(part) == 2 and part[0] in plan.graph.by_id) for part in parts
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_every_corpus_graph_has_said_what_its_response_nodes_said(seed: int) -> None:
    checked = 0
    for name, plan in plans():
        if not is_simple(plan):
            continue
        made_up = MadeUpRun(plan, seed)
        made_up.run()

        text = visible_text(made_up.log.events())

        assert all(said in text for said in made_up.said), name
        checked += 1
    assert checked > 50
