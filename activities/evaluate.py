"""An inline node's function over values behind references."""

from activities.base import Work, implements
from schema.activities import EVALUATE, EvaluateInput, NodeOutput
from schema.errors import EvaluationFailed
from schema.values.artifact_ref import ArtifactStore
from schema.values.encoding import from_wire, to_wire
from schema.values.evaluations import evaluate
from schema.values.large_values import resolve
from schema.values.segments import Segment
from schema.values.variables import Variables


class EvaluateActivities:
    """Runs pure functions where the values can be read."""

    def __init__(self, artifacts: ArtifactStore) -> None:
        self._artifacts = artifacts

    @implements(EVALUATE)
    async def evaluate(self, params: EvaluateInput, work: Work) -> NodeOutput:
        """Read the referenced values and run the node's function over them.

        Raises:
            EvaluationFailed: If the function says that the node failed.
        """
        segments = {}
        for node_id, name, wire in params.variables:
            value = from_wire(wire)
            segment = value if isinstance(value, Segment) else Segment.infer(value)
            segments[node_id, name] = await resolve(segment, self._artifacts, work.run.tenant_id)
        made = evaluate(params.node.data, Variables(segments), params.limits, params.node.id)
        if made.error is not None:
            raise EvaluationFailed(
                made.error, made.error_type, _wire(made.inputs), _wire(made.process_data)
            )
        return NodeOutput(
            outputs=_wire(made.outputs) or {},
            inputs=_wire(made.inputs),
            process_data=_wire(made.process_data),
            handle=made.handle,
        )


def _wire(values: object) -> dict[str, object] | None:
    if not isinstance(values, dict):
        return None
    return {name: to_wire(value) for name, value in values.items()}
