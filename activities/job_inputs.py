"""Values of a node on their way into a job of the sandbox; large ones are streamed, never read."""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from activities.sandbox.job import JobPart
from activities.values import ValueReader
from schema.errors import ValueBehindReference
from schema.node_calls import NodeInput
from schema.nodes.value_selector import VariableSelector, find_in
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import TAG, encode, from_wire, to_wire
from schema.values.references import find_references
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, SegmentType, Value
from schema.values.variables import Variables


@dataclass
class JobInputs:
    """What a job is given, and what is recorded of it."""

    entries: list[tuple[str, str | None, Sequence[str]]] = field(default_factory=list)
    """For the job's header: name, part, path inside the part."""
    parts: list[JobPart] = field(default_factory=list)
    recorded: dict[str, Any] = field(default_factory=dict)
    """The node's inputs, wire form."""
    echo: list[str] = field(default_factory=list)
    """Inputs that only the child can find, as they are inside a value behind a reference."""

    def header(self) -> dict[str, Any]:
        """Give the job's header, as far as it is about inputs."""
        return {"inputs": self.entries, "echo": self.echo}


def job_inputs(
    params: NodeInput,
    variables: Iterable[VariableSelector],
    values: ValueReader,
    *,
    no_files_as_null: bool = False,
) -> JobInputs:
    """Prepare the variables that a node names; one that has no value is null.

    Args:
        params: The call.
        variables: Names and selectors of the node.
        values: Reads them.
        no_files_as_null: Whether an empty list of files is null, as Dify gives it to code.
    """
    given = Variables({(node, name): _segment_of(wire) for node, name, wire in params.variables})
    inputs = JobInputs()
    for variable in variables:
        name, found, path = variable.variable, *_find(given, variable.value_selector)
        if found is None or (no_files_as_null and _is_no_files(found)):
            inputs.entries.append((name, None, ()))
            inputs.recorded[name] = None
            continue
        part = str(len(inputs.parts))
        inputs.parts.append(JobPart(part, encoded_text(found, values)))
        inputs.entries.append((name, part, path))
        inputs.recorded[name] = None if path else to_wire(found.raw)
        if path:
            inputs.echo.append(name)
    return inputs


async def encoded_text(value: Value, values: ValueReader) -> AsyncIterator[bytes]:
    """Give the encoded text of a value in pieces, with the text of what it refers to in its place.

    Raises:
        NotFound: If what a reference names is gone.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    if isinstance(value, Segment):
        value = value.value
    if isinstance(value, ArtifactRef | SecretRef):
        async for piece in values.stream(to_wire(value)):
            yield piece
    elif isinstance(value, dict | list) and find_references(value):
        async for piece in _container_text(value, values):
            yield piece
    else:
        yield encode(to_wire(value)).encode("ascii")


async def _container_text(value: Any, values: ValueReader) -> AsyncIterator[bytes]:
    is_object = isinstance(value, dict)
    # An object of an author that has our key is wrapped, as `to_wire` does it.
    is_wrapped = is_object and TAG in value
    if is_wrapped:
        yield encode({TAG: "object", "value": None}).removesuffix("null}").encode("ascii")
    yield b"{" if is_object else b"["
    for index, item in enumerate(value):
        start = b"," if index else b""
        yield start + (encode(item).encode("ascii") + b":" if is_object else b"")
        async for piece in encoded_text(value[item] if is_object else item, values):
            yield piece
    yield b"}" if is_object else b"]"
    if is_wrapped:
        yield b"}"


def _find(given: Variables, selector: tuple[str, ...]) -> tuple[Segment | None, tuple[str, ...]]:
    """Find a value, or what it is inside of and the path that is left."""
    try:
        return find_in(given, selector), ()
    except ValueBehindReference:
        return given[selector[0], selector[1]], selector[2:]


def _is_no_files(segment: Segment) -> bool:
    return segment.type is SegmentType.ARRAY_FILE and segment.value == []


def _segment_of(wire: Any) -> Segment:
    value = from_wire(wire)
    return value if isinstance(value, Segment) else Segment.infer(value)
