"""Template nodes that are more than text and names: Jinja2 in the sandbox (dify-nodes 3.7, 5.7)."""

from activities.base import Work, implements
from activities.job_inputs import job_inputs
from activities.job_outputs import failure_in, read_echoes, read_outputs
from activities.sandbox.job import Job, JobLimits, Sandbox
from schema.errors import CodeFailed, JobKilled, TemplateFailed
from schema.limits import ResultLimits
from schema.node_calls import NodeInput, NodeOutput
from schema.nodes.template_transform import TEMPLATE_TRANSFORM, TemplateTransformNodeData
from schema.values.segments import SegmentType


class TemplateTransformActivities:
    """Renders the templates of authors."""

    def __init__(self, sandbox: Sandbox, limits: JobLimits) -> None:
        self._sandbox = sandbox
        self._limits = limits

    @implements(TEMPLATE_TRANSFORM)
    async def render(self, params: NodeInput, work: Work) -> NodeOutput:
        """Render the template over its variables.

        Raises:
            TemplateFailed: If it cannot be rendered, or its text is too long.
            SandboxUnavailable: If it could not be run.
        """
        data = params.node.data
        assert isinstance(data, TemplateTransformNodeData)
        inputs = job_inputs(params, data.variables, work.values)
        job = Job(
            "jinja",
            {
                "template": data.template,
                "characters": ResultLimits.of(params.limits).template_characters,
                **inputs.header(),
            },
            inputs.parts,
            self._limits,
        )
        try:
            async with self._sandbox.run(work.run.tenant_id, job) as result:
                if failure := failure_in(result):
                    raise failure
                inputs.recorded |= read_echoes(result, inputs.echo)
                outputs = await read_outputs(result, {"output": (SegmentType.STRING,)}, _only_text)
        except (CodeFailed, JobKilled) as error:
            failed = TemplateFailed(str(error))
            failed.inputs = inputs.recorded
            raise failed from error
        return NodeOutput(outputs=outputs, inputs=inputs.recorded)


def _only_text(outputs: dict[str, object]) -> dict[str, object]:
    if not all(isinstance(value, str) for value in outputs.values()):
        raise CodeFailed("Failed to parse result: it is not text.")
    return outputs
