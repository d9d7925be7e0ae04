"""Test-only executors: a node that has a `substitute` does what it says instead of its own work.

Of types that this version runs and of others alike, so that recorded runs replay when a type comes.
What a substitute does is part of the plan (`config["substitute"]`), so its runs replay anywhere:

    outputs: values by name        handle: the handle it leaves by
    sleep: seconds of a timer      error, error_type: why it fails

A node with `answer` runs `evaluate` over it, as a node with an effect would; one with `effect` runs
the activity of `tests/effects.py`, whose effects a test controls.
"""

from collections.abc import Awaitable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from temporalio import workflow

from schema.activities import EVALUATE, NodeInput, NodeOutput
from schema.contracts import ActivityContract, Role
from schema.nodes import NODE_DATA
from schema.nodes.answer import AnswerNodeData
from schema.nodes.base import NodeData
from schema.nodes.foreign import ForeignNodeData
from schema.plan import PlanNode
from schema.values.segments import Segment
from workflows.nodes import EXECUTORS
from workflows.nodes.base import Executor, NodeContext, NodeResult

TYPES = (
    "agent",
    "assigner",
    "code",
    "datasource",
    "document-extractor",
    "http-request",
    "human-input",
    "iteration",
    "knowledge-index",
    "knowledge-retrieval",
    "list-operator",
    "llm",
    "loop",
    "parameter-extractor",
    "question-classifier",
    "tool",
    "trigger-plugin",
    "trigger-schedule",
    "trigger-webhook",
)


EFFECT = ActivityContract(
    name="test-effect",
    input_type=NodeInput,
    output_type=NodeOutput,
    role=Role.IO,
    start_to_close=timedelta(minutes=5),
)
"""An effect that a test controls."""


async def execute(data: ForeignNodeData, ctx: NodeContext) -> NodeResult:
    """Do what the plan says."""
    given: dict[str, Any] = data.config.get("substitute", {})
    if "effect" in data.config:
        return await ctx.execute(EFFECT)
    if "answer" in data.config:
        return await _in_activity(data, ctx)
    if "sleep" in given:
        await workflow.sleep(given["sleep"])
    if ctx.started.attempt <= given.get("failures", 0) or "error" in given:
        return _announced(
            ctx,
            NodeResult(
                error=given.get("error", "failed on purpose"),
                error_type=given.get("error_type", ""),
            ),
        )
    outputs = {name: Segment.infer(value) for name, value in given.get("outputs", {}).items()}
    return _announced(ctx, NodeResult(outputs=outputs, handle=given.get("handle", "source")))


def _announced(ctx: NodeContext, result: NodeResult) -> NodeResult:
    ctx.announce()
    return result


async def _in_activity(data: ForeignNodeData, ctx: NodeContext) -> NodeResult:
    """Render the answer of the configuration in an activity of the `io` queue."""
    node = PlanNode(
        id=ctx.node.id, public_id="x", data=AnswerNodeData(answer=data.config["answer"])
    )
    return await ctx.call(
        replace(EVALUATE, role=Role.IO),
        NodeInput(node=node, variables=(), limits=ctx.run_input.policy.limits),
    )


class _Substitutable:
    """A data class, and that of substitutes: the data says which."""

    def __init__(self, real: type[NodeData]) -> None:
        self._real = real

    def model_validate(self, data: Mapping[str, Any]) -> NodeData:
        given = data.keys() | (data.get("config") or {}).keys()
        is_substitute = not given.isdisjoint(("substitute", "answer", "effect"))
        return (ForeignNodeData if is_substitute else self._real).model_validate(data)


def _either(real: Executor) -> Executor:
    def executor(data: Any, ctx: NodeContext) -> NodeResult | Awaitable[NodeResult]:
        return execute(data, ctx) if isinstance(data, ForeignNodeData) else real(data, ctx)

    return executor


def install() -> None:
    """Register the substitutes for the rest of this process, which is a test's."""
    executors = cast(MutableMapping[str, Any], EXECUTORS)
    data_classes = cast(MutableMapping[str, Any], NODE_DATA)
    for node_type in TYPES:
        real = EXECUTORS.get(node_type)
        if real is None:
            executors[node_type] = execute
        elif not isinstance(data_classes[node_type], _Substitutable):
            executors[node_type] = _either(real)
            data_classes[node_type] = _Substitutable(data_classes[node_type])


@contextmanager
def installed() -> Iterator[None]:
    """Register the substitutes for the block."""
    tables = [cast(MutableMapping[str, Any], table) for table in (EXECUTORS, NODE_DATA)]
    before = [dict(table) for table in tables]
    install()
    yield
    for table, entries in zip(tables, before, strict=True):
        table.clear()
        table.update(entries)
