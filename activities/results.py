"""From what an activity gave to what may leave it: without secrets, bounded, by reference.

Nothing oversize ever reaches Temporal: a result that is too large repeats the call, an error that
is too large is never reported (invariant 8). Large values and spooled ones move into the artifact
store (invariant 15).
"""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from activities.redaction import Redactor
from activities.values import SpooledValue
from schema.activities import NodeOutput
from schema.db.event_log import Outcome
from schema.errors import NodeError
from schema.facts import NodeFailed, NodeFinished, NodeStarted
from schema.limits import INLINE_VALUE_BYTES, MAX_ERROR_MESSAGE_CHARACTERS
from schema.runs import NodeExecutionStatus
from schema.values.artifact_ref import ArtifactStore
from schema.values.encoded_pieces import is_small
from schema.values.encoding import decode, encode, from_wire, to_wire
from schema.values.large_values import LONGEST_PREVIEW, preview_of, reference_large
from schema.values.sealed import Sealed
from schema.values.segments import Segment

MAX_RECORD_CHARACTERS = 256 * 1024
"""Of inputs and process data that travel back to the workflow; the log has them in any case."""
_MAX_ERROR_TYPE_CHARACTERS = 200


def bounded(message: str) -> str:
    """Cut an error's text so that it can always be reported."""
    return message[:MAX_ERROR_MESSAGE_CHARACTERS]


def spooled_files(output: NodeOutput) -> list[Path]:
    """Give the temporary files that an output names; whoever took it removes them."""
    return [each.path for each in output.outputs.values() if isinstance(each, SpooledValue)]


def remove(paths: Iterable[Path]) -> None:
    """Remove files that may be gone."""
    for path in paths:
        path.unlink(missing_ok=True)


class Results:
    """Makes outcomes of one call.

    Args:
        store: Where large values go; it waits while it is away.
        tenant_id: Whose they are.
        redactor: Takes secrets out.
    """

    def __init__(self, store: ArtifactStore, tenant_id: str, redactor: Redactor) -> None:
        self._store = store
        self._tenant_id = tenant_id
        self._redactor = redactor

    async def success(self, node: NodeStarted, output: NodeOutput, begun: float) -> Outcome:
        """Make the outcome of a try that gave an output.

        Raises:
            ArtifactStoreUnavailable: If the store stays away.
        """
        output = await self.bounded_output(output)
        finished = NodeFinished(
            at=time.time(),
            node_exec_id=node.node_exec_id,
            node_id=node.node_id,
            attempt=node.attempt,
            status=NodeExecutionStatus.SUCCEEDED,
            handle=output.handle,
            inputs=output.inputs,
            process_data=output.process_data,
            outputs={name: _plain(wire) for name, wire in output.outputs.items()},
            metadata=output.metadata,
            elapsed_time=time.time() - begun,
        )
        if _is_large(output.inputs, output.process_data):
            output = output.model_copy(update={"inputs": None, "process_data": None})
        return Outcome(finished, output.model_dump())

    async def failure(self, node: NodeStarted, error: Exception, begun: float) -> Outcome:
        """Make the outcome of a failed try; an error nobody translated has Dify's name for it.

        Raises:
            ArtifactStoreUnavailable: If the store stays away.
        """
        metadata: dict[str, Any] = {}
        inputs = process_data = None
        error_type = "WorkflowNodeError"
        if isinstance(error, NodeError):
            error_type = error.error_type
            inputs, process_data = error.inputs, error.process_data
        else:
            metadata["exception"] = type(error).__name__
        return Outcome(
            NodeFailed(
                at=time.time(),
                node_exec_id=node.node_exec_id,
                node_id=node.node_id,
                attempt=node.attempt,
                error=self.error_text(error),
                error_type=error_type[:_MAX_ERROR_TYPE_CHARACTERS],
                inputs=await self._record(inputs),
                process_data=await self._record(process_data),
                metadata=metadata,
                elapsed_time=time.time() - begun,
            )
        )

    def error_text(self, error: Exception) -> str:
        """Give what an error says, without secrets and bounded."""
        return bounded(self._redactor.redact_text(str(error)))

    async def bounded_output(self, output: NodeOutput) -> NodeOutput:
        """Give an output that may leave; its spooled files are removed, whatever happens.

        Raises:
            ArtifactStoreUnavailable: If the store stays away.
        """
        files = spooled_files(output)
        try:
            return output.model_copy(
                update={
                    "outputs": {
                        name: await self._output(value) for name, value in output.outputs.items()
                    },
                    "inputs": await self._record(output.inputs),
                    "process_data": await self._record(output.process_data),
                    "metadata": await self._record(self._redactor.redact_record(output.metadata))
                    or {},
                }
            )
        finally:
            remove(files)

    async def _record(self, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if values is None:
            return None
        return {name: await self._value(value) for name, value in values.items()}

    async def _output(self, value: Any) -> Any:
        if isinstance(value, SpooledValue):
            return await self._spooled(value)
        return await self._value(value)

    async def _value(self, wire: Any) -> Any:
        if is_small(wire):
            wire = self._redactor.redact_value(wire)
        else:
            wire = await asyncio.to_thread(self._redactor.redact_value, wire)
        value = from_wire(wire)
        segment = value if isinstance(value, Segment) else Segment.infer(value)
        moved = await reference_large(segment, self._store, self._tenant_id)
        return wire if moved is segment else to_wire(moved)

    async def _spooled(self, value: SpooledValue) -> Any:
        nonce = await self._redactor.redact_file(value.path)
        kind = str(value.type)
        if value.path.stat().st_size <= INLINE_VALUE_BYTES:
            text = value.path.read_text("ascii")
            inner = Sealed(nonce, text, kind) if nonce else from_wire(decode(text))
            return to_wire(Segment(value.type, inner))
        with value.path.open("rb") as file:
            preview = preview_of(file.read(LONGEST_PREVIEW).decode("ascii"), nonce)
        reference = await self._store.put_file(
            self._tenant_id, value.path, "application/json", kind, preview
        )
        return to_wire(Segment(value.type, replace(reference, sealed=nonce)))


def _plain(wire: Any) -> Any:
    """Give a value without its type, as records and clients have it."""
    value = from_wire(wire)
    return to_wire(value.value) if isinstance(value, Segment) else wire


def _is_large(*records: Mapping[str, Any] | None) -> bool:
    return sum(len(encode(each)) for each in records if each) > MAX_RECORD_CHARACTERS
