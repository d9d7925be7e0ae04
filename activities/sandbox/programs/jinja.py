"""Renders the Jinja2 template of a template node (dify-nodes 3.7).

What comes out is what `jinja2.Template(text).render(**inputs)` gives; Jinja2's own sandbox is one
more wall inside ours; its bound of `range` is lifted, as time and memory have bounds here.
"""

import traceback
from collections.abc import Mapping
from typing import Any

import jinja2
from jinja2.sandbox import SandboxedEnvironment

from activities.sandbox.frames import JobReader, JobWriter
from activities.sandbox.part_names import OUTPUT
from activities.sandbox.programs.values import (
    echo_inputs,
    read_inputs,
    text_pieces,
    write_failure,
)
from schema.errors import NodeError, TemplateFailed
from schema.values.segments import SegmentType

_PIECE_CHARACTERS = 64 * 1024
"""What a template gives in crumbs is joined from this length on: each has its own overhead."""
_NAMES_OF_TEMPLATES = ("<template>", "<unknown>")


def run(job: JobReader, writer: JobWriter) -> None:
    """Run the program: one job, one result.

    Raises:
        MemoryError: If there is not enough; the worker reports it as the limit that it is.
    """
    try:
        inputs = read_inputs(job)
        pieces = render(job.header["template"], inputs, job.header["characters"])
    except NodeError as error:
        write_failure(writer, str(error), error.error_type)
        return
    writer.begin({})
    echo_inputs(job, inputs, writer)
    writer.part(OUTPUT + "output", {"type": str(SegmentType.STRING)}, text_pieces(pieces))


def render(text: str, inputs: Mapping[str, Any], characters: int) -> list[str]:
    """Render a template to the pieces of its text.

    Raises:
        TemplateFailed: If it is no template, fails, or gives more than so many characters.
    """
    environment = SandboxedEnvironment()
    environment.globals["range"] = range
    pieces: list[str] = []
    crumbs: list[str] = []
    length = joined = 0
    try:
        for crumb in environment.from_string(text).generate(inputs):
            length += len(crumb)
            if length > characters:
                raise TemplateFailed(f"Output length exceeds {characters} characters")
            crumbs.append(crumb)
            if length - joined >= _PIECE_CHARACTERS:
                pieces.append("".join(crumbs))
                crumbs.clear()
                joined = length
    except (MemoryError, NodeError):
        raise
    except Exception as error:  # noqa: BLE001 a template can raise whatever its values raise
        raise TemplateFailed(_describe(error)) from None
    return [*pieces, "".join(crumbs)]


def _describe(error: Exception) -> str:
    """Write an error as Python prints it, with the line of the template."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        name, message, line = type(error).__name__, error.message, error.lineno
        return f"jinja2.exceptions.{name}: {message} (line {line})"
    described = "".join(traceback.format_exception_only(error)).strip()
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in _NAMES_OF_TEMPLATES
    ]
    return f"{described} (line {lines[-1]})" if lines else described
