"""A test-only activity whose effects the plan and the test control.

`effect` in a node's configuration says what happens:

    outputs, inputs, process_data: what it gives     say: words that it streams first
    error, error_type: how it fails                  failures: only the first so many tries fail
    gate: it waits until the test opens the gate of that name
"""

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from temporalio import activity

from activities import registry
from activities.base import Work, contract_of, implements
from schema.activities import NodeInput, NodeOutput
from schema.errors import EvaluationFailed
from schema.nodes.foreign import ForeignNodeData
from schema.values.encoding import to_wire
from schema.values.segments import Segment
from tests.substitutes import EFFECT


@dataclass
class Gate:
    """A place where an effect waits, and what came by."""

    begun: list[int] = field(default_factory=list)
    """Numbers of the effect starts."""
    cancelled: list[float] = field(default_factory=list)
    """When an effect was cancelled there, by the monotonic clock."""
    open: asyncio.Event = field(default_factory=asyncio.Event)


GATES: dict[str, Gate] = defaultdict(Gate)
"""By name; the effects run in the process of the test."""


class EffectActivities:
    """Effects under the control of a test."""

    @implements(EFFECT)
    async def effect(self, params: NodeInput, work: Work) -> NodeOutput:
        """Do what the node's configuration says."""
        data = params.node.data
        assert isinstance(data, ForeignNodeData)
        given = data.config["effect"]
        for word in given.get("say", ()):
            await work.emit_text(word)
        if "gate" in given:
            await _pass(GATES[given["gate"]], work.start)
        inputs, process_data = given.get("inputs"), given.get("process_data")
        tries = int(activity.info().activity_id.partition("#")[2] or 1)
        if "error" in given and tries <= given.get("failures", tries):
            raise EvaluationFailed(
                given["error"], given.get("error_type", ""), inputs, process_data
            )
        outputs = {name: to_wire(Segment.infer(v)) for name, v in given.get("outputs", {}).items()}
        return NodeOutput(outputs=outputs, inputs=inputs, process_data=process_data)


async def _pass(gate: Gate, start: int) -> None:
    gate.begun.append(start)
    try:
        await gate.open.wait()
    except asyncio.CancelledError:
        gate.cancelled.append(time.monotonic())
        raise


def install() -> None:
    """Register the activity for the rest of this process, which is a test's."""
    if not any(contract_of(each) is EFFECT for each in registry.BARE):
        registry.BARE.append(EffectActivities().effect)


def an_effect(node_id: str, node_type: str = "tool", **effect: Any) -> dict[str, Any]:
    """A node that runs the activity of this module."""
    data = {name: effect.pop(name) for name in list(effect) if name in _COMMON}
    entry = {"type": node_type, "title": node_id.title(), "effect": effect, **data}
    return {"id": node_id, "data": entry}


_COMMON = ("retry_config", "error_strategy", "default_value")
