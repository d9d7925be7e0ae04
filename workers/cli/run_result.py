"""How a run went: as one JSON object for programs, as outputs and a summary for people."""

from collections.abc import Collection, Iterable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from rich.console import Console

from schema.facts import LoggedFact, RunFinished
from schema.plan import AppMode
from schema.response_stream import fold_result, references_in, references_of_result
from schema.runs import RunInput, RunRef
from schema.values.artifact_ref import ArtifactRef
from schema.values.segments import Segment, SegmentType
from workers.cli.console import duration, json_line, plain, preview, status_text
from workers.cli.following import read_stored, run_info

if TYPE_CHECKING:
    from workers.dependencies import Records

_ANSWER = "answer"
_PIECE_CHARACTERS = 1024 * 1024


WHOLE_BYTES = 16 * 1024 * 1024
"""Stored values of nodes that are shown whole, in all; beyond it each is a preview."""
_SHORT_BYTES = 1024 * 1024


class Wanted(Enum):
    """Which values of a run somebody will look at."""

    ALL = auto()
    """A program: outputs whole, and values of nodes as long as they are not very large."""
    OUTPUTS = auto()
    """A pipe: outputs whole, nothing else."""
    PREVIEWS = auto()
    """A person: what can be read on a screen."""


async def build_result(
    records: "Records", run_input: RunInput, wanted: Wanted = Wanted.ALL
) -> dict[str, Any]:
    """Build the object of run-result.schema.json.

    Raises:
        NotFound: If a value is not in the artifact store any more.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    run = run_info(run_input)
    facts = await _read_log(records, run_input.ref)
    references = references_of_result(run_input.plan, run, facts)
    whole = _whole(references, _outputs_of(facts), wanted)
    stored = {
        reference: await read_stored(records, run_input.ref, reference)
        if reference in whole
        else _preview_of(reference)
        for reference in references
    }
    return fold_result(run_input.plan, run, facts, stored)


def _whole(
    references: Sequence[ArtifactRef], outputs: Collection[ArtifactRef], wanted: Wanted
) -> set[ArtifactRef]:
    """Choose which values are read."""
    match wanted:
        case Wanted.PREVIEWS:
            return {ref for ref in outputs if ref.bytes <= _SHORT_BYTES}
        case Wanted.OUTPUTS:
            return set(outputs)
        case Wanted.ALL:
            others = [ref for ref in references if ref not in outputs]
            is_much = sum(ref.bytes for ref in others) > WHOLE_BYTES
            return {*outputs, *(() if is_much else others)}


def _outputs_of(facts: Iterable[LoggedFact]) -> list[ArtifactRef]:
    """Find the references in the outputs of the run."""
    outputs = [entry.fact.outputs for entry in facts if isinstance(entry.fact, RunFinished)]
    return [reference for wire in outputs for reference in references_in(wire)]


def _preview_of(reference: ArtifactRef) -> Segment:
    """Give what stands for a value that is not read."""
    return Segment(SegmentType.STRING, f"{reference.preview}… ({reference.bytes:,} bytes)")


async def _read_log(records: "Records", run: RunRef) -> list[LoggedFact]:
    facts: list[LoggedFact] = []
    while page := await records.log.read(run, facts[-1].seq if facts else 0):
        facts += page
    return facts


def wanted_by(out: Console, *, json: bool) -> Wanted:
    """Tell which values are needed for what is to be printed."""
    if json:
        return Wanted.ALL
    return Wanted.PREVIEWS if out.is_terminal else Wanted.OUTPUTS


def show_outputs(result: dict[str, Any], mode: AppMode, out: Console, streamed: str = "") -> None:
    """Show the outputs of a run; on a terminal large ones as previews.

    Args:
        result: From `build_result`.
        mode: Of the app; a chatflow's output is its answer.
        out: For results.
        streamed: What the person has seen already.
    """
    outputs = result["outputs"] or {}
    if mode is AppMode.ADVANCED_CHAT:
        answer = outputs.get(_ANSWER) or ""
        if not (out.is_terminal and streamed == answer):
            _show_value(answer, out)
        return
    for name, value in outputs.items():
        out.print(plain(name), style="bold", end=": ")
        _show_value(value, out, begin_lines=True)


def _show_value(value: Any, out: Console, *, begin_lines: bool = False) -> None:
    """Show a value: on a terminal its beginning, to anybody else all of it."""
    if out.is_terminal:
        text = preview(value)
        out.print(f"\n{text}" if begin_lines and "\n" in text else text)
        return
    text = value if isinstance(value, str) else json_line(value)
    if begin_lines and "\n" in text:
        out.file.write("\n")
    # The console would lay a text out, which takes many times its size.
    for start in range(0, len(text), _PIECE_CHARACTERS):
        out.file.write(plain(text[start : start + _PIECE_CHARACTERS]))
    out.file.write("\n")


def show_summary(result: dict[str, Any], run_url: str | None, console: Console) -> None:
    """Say in a few lines how a run went and where to look."""
    status = result["status"]
    line = status_text(status)
    line.append(f" in {duration(result['elapsed_time'])}", style="default")
    line.append(f" · {result['total_steps']} steps", style="dim")
    if result["exceptions_count"]:
        line.append(f" · {result['exceptions_count']} absorbed failures", style="yellow")
    line.append(f" · run {result['run_id']}", style="dim")
    console.print(line)
    if result["error"]:
        console.print(preview(result["error"]), style="red")
    if run_url:
        console.print(f"Temporal: {run_url}", style="dim")
