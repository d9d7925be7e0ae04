"""An inline node's function over values behind references."""

import asyncio
from collections.abc import Mapping
from typing import Any

from activities.base import Work, implements
from schema.activities import EVALUATE, NodeInput, NodeOutput
from schema.errors import EvaluationFailed
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import from_wire, to_wire
from schema.values.evaluations import evaluate
from schema.values.segments import Segment, Value
from schema.values.variables import Variables


class EvaluateActivities:
    """Runs pure functions where the values can be read."""

    @implements(EVALUATE)
    async def evaluate(self, params: NodeInput, work: Work) -> NodeOutput:
        """Read the referenced values and run the node's function over them.

        Raises:
            EvaluationFailed: If the function says that the node failed.
        """
        variables = await work.values.variables(params)
        made = await asyncio.to_thread(
            evaluate, params.node.data, variables, params.limits, params.node.id
        )
        results = _Results(_references(params, variables))
        inputs, process_data = results.of(made.inputs), results.of(made.process_data)
        if made.error is not None:
            raise EvaluationFailed(made.error, made.error_type, inputs, process_data)
        return NodeOutput(
            outputs=results.of(made.outputs) or {},
            inputs=inputs,
            process_data=process_data,
            handle=made.handle,
        )


def _references(params: NodeInput, variables: Variables) -> dict[int, ArtifactRef]:
    """Give the references that came, by the identity of the value that was read for each."""
    found: dict[int, ArtifactRef] = {}
    for node_id, name, wire in params.variables:
        given = from_wire(wire)
        inner = given.value if isinstance(given, Segment) else given
        if isinstance(inner, ArtifactRef):
            found[id(variables[node_id, name].value)] = inner
    return found


_RECORD_LEVELS = 4
"""How deep a node's own records hold values of variables: the conditions of an if-else."""


class _Results:
    """Writes results; a value that came by reference leaves by it, and is not stored again.

    Args:
        references: By identity of values that are alive.
    """

    def __init__(self, references: Mapping[int, ArtifactRef]) -> None:
        self._references = references

    def of(self, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """Bring values into wire form."""
        if values is None:
            return None
        return {name: to_wire(self._returned(value, 0)) for name, value in values.items()}

    def _returned(self, value: Value, level: int) -> Value:
        reference = self._references.get(id(value))
        if reference is not None:
            return reference
        if isinstance(value, Segment):
            inner = self._returned(value.value, level)
            return value if inner is value.value else Segment(value.type, inner)
        if level < _RECORD_LEVELS and isinstance(value, dict):
            return {key: self._returned(item, level + 1) for key, item in value.items()}
        if level < _RECORD_LEVELS and isinstance(value, list):
            return [self._returned(item, level + 1) for item in value]
        return value
