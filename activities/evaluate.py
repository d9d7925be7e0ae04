"""An inline node's function over values behind references."""

from activities.base import Work, implements
from schema.activities import EVALUATE, NodeInput, NodeOutput
from schema.errors import EvaluationFailed
from schema.values.encoding import to_wire
from schema.values.evaluations import evaluate


class EvaluateActivities:
    """Runs pure functions where the values can be read."""

    @implements(EVALUATE)
    async def evaluate(self, params: NodeInput, work: Work) -> NodeOutput:
        """Read the referenced values and run the node's function over them.

        Raises:
            EvaluationFailed: If the function says that the node failed.
        """
        variables = await work.values.variables(params)
        made = evaluate(params.node.data, variables, params.limits, params.node.id)
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
