"""Code nodes: the author's Python or JavaScript, run in the sandbox (dify-nodes 5.6)."""

import dataclasses
from collections.abc import Mapping

from activities.base import Work, implements
from activities.job_inputs import job_inputs
from activities.job_outputs import failure_in, read_echoes, read_outputs
from activities.sandbox.job import Job, JobLimits, Sandbox
from schema.errors import CodeFailed, JobKilled
from schema.limits import ResultLimits
from schema.node_calls import NodeInput, NodeOutput
from schema.nodes.code import CODE, CodeLanguage, CodeNodeData
from schema.values.code_outputs import check_outputs
from schema.values.segments import SegmentType

_PROGRAMS: Mapping[CodeLanguage, str] = {
    CodeLanguage.PYTHON: "python",
    CodeLanguage.JAVASCRIPT: "javascript",
}
_TYPES: Mapping[str, tuple[SegmentType, ...]] = {
    "string": (SegmentType.STRING,),
    "number": (SegmentType.INTEGER, SegmentType.FLOAT),
    "object": (SegmentType.OBJECT,),
    "boolean": tuple(SegmentType),
    "array[string]": (SegmentType.ARRAY_STRING, SegmentType.ARRAY_ANY),
    "array[number]": (SegmentType.ARRAY_NUMBER, SegmentType.ARRAY_ANY),
    "array[object]": (SegmentType.ARRAY_OBJECT, SegmentType.ARRAY_ANY),
    "array[boolean]": (SegmentType.ARRAY_BOOLEAN, SegmentType.ARRAY_ANY),
}
"""Declared type to what a large value of it may be; `boolean` takes anything, as in Dify."""
_PRINTED_CHARACTERS = 2_000


class CodeActivities:
    """Runs the code of authors."""

    def __init__(self, sandbox: Sandbox, limits: JobLimits) -> None:
        self._sandbox = sandbox
        self._limits = limits

    @implements(CODE)
    async def run(self, params: NodeInput, work: Work) -> NodeOutput:
        """Give the code its variables, and its result the declared types.

        What the code printed is dropped by Dify; here its end is kept as metadata.

        Raises:
            CodeFailed: If the code fails, reaches a limit, or returns something else.
            SandboxUnavailable: If it could not be run.
        """
        data = params.node.data
        assert isinstance(data, CodeNodeData)
        inputs = job_inputs(params, data.variables, work.values, no_files_as_null=True)
        limits = ResultLimits.of(params.limits).code
        job = Job(
            _PROGRAMS[data.code_language],
            {
                "code": data.code,
                "outputs": data.declared(),
                "limits": dataclasses.asdict(limits),
                "memory_bytes": self._limits.memory_bytes,
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
                outputs = await read_outputs(
                    result,
                    {name: _TYPES[output.type] for name, output in data.outputs.items()},
                    lambda small: check_outputs(
                        small, {name: data.declared()[name] for name in small}, limits
                    ),
                )
        except CodeFailed as error:
            error.inputs = inputs.recorded
            raise
        except JobKilled as killed:
            failure = CodeFailed(str(killed))
            failure.inputs = inputs.recorded
            raise failure from killed
        printed = result.printed[-_PRINTED_CHARACTERS:]
        return NodeOutput(
            outputs=outputs,
            inputs=inputs.recorded,
            metadata={"printed": printed} if printed else {},
        )
