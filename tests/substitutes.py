"""Test-only executors for node types that this version does not run.

What a substitute does is part of the plan (`config["substitute"]`), so its runs replay anywhere:

    outputs: values by name        handle: the handle it leaves by
    sleep: seconds of a timer      error, error_type: why it fails

A node with `answer` runs `evaluate` over it, as a node with an effect would; one with `effect` runs
the activity of `tests/effects.py`, whose effects a test controls.
"""

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

from temporalio import workflow

from schema.activities import EVALUATE, NodeInput, NodeOutput
from schema.contracts import ActivityContract, Role
from schema.nodes.answer import AnswerNodeData
from schema.nodes.foreign import ForeignNodeData
from schema.plan import PlanNode
from schema.values.segments import Segment
from workflows.nodes import EXECUTORS
from workflows.nodes.base import Executor, NodeContext, NodeResult

FOREIGN_TYPES = (
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


def install() -> None:
    """Register the substitutes for the rest of this process, which is a test's."""
    table = cast(MutableMapping[str, Executor], EXECUTORS)
    for node_type in FOREIGN_TYPES:
        table.setdefault(node_type, execute)


@contextmanager
def installed() -> Iterator[None]:
    """Register the substitutes for the block."""
    table = cast(MutableMapping[str, Executor], EXECUTORS)
    before = dict(table)
    install()
    yield
    table.clear()
    table.update(before)
