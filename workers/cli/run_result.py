"""How a run went: as one JSON object for programs, as outputs and a summary for people."""

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console

from schema.facts import LoggedFact, RunFinished
from schema.plan import AppMode
from schema.response_stream import fold_result, references_in, references_of_result
from schema.runs import RunInput, RunRef, RunStatus
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import to_wire
from schema.values.segments import Segment, SegmentType
from workers.cli.console import duration, plain, preview, status_text
from workers.cli.following import read_stored, run_info
from workers.cli.output_value import text_of

if TYPE_CHECKING:
    from workers.dependencies import Records

_ANSWER = "answer"


WHOLE_BYTES = 16 * 1024 * 1024
"""Stored values of nodes that are shown whole, in all; beyond it each is a preview."""
_SHORT_BYTES = 1024 * 1024


async def build_result(records: "Records", run_input: RunInput, *, whole: bool) -> dict[str, Any]:
    """Build the object of run-result.schema.json.

    Args:
        records: Where the run is.
        run_input: What it was given.
        whole: Whether outputs are read however large they are, and values of nodes unless they are
            very large together; else what is longer than a screen is a preview.

    Raises:
        NotFound: If a value is not in the artifact store any more.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    run = run_info(run_input)
    facts = await _read_log(records, run_input.ref)
    references = references_of_result(run_input.plan, run, facts)
    chosen = _chosen(references, _outputs_of(facts), whole)
    stored = {
        reference: await read_stored(records, run_input.ref, reference)
        if reference in chosen
        else _preview_of(reference)
        for reference in references
    }
    return fold_result(run_input.plan, run, facts, stored)


def _chosen(
    references: Sequence[ArtifactRef], outputs: Collection[ArtifactRef], whole: bool
) -> set[ArtifactRef]:
    """Choose which values are read."""
    if not whole:
        return {ref for ref in outputs if ref.bytes <= _SHORT_BYTES}
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


async def show_outputs(
    records: "Records",
    run_input: RunInput,
    result: dict[str, Any],
    out: Console,
    streamed: str = "",
) -> None:
    """Show the outputs of a run: on a terminal their beginning, to anybody else all of them.

    Args:
        records: Where large values are.
        run_input: What the run was given.
        result: From `build_result`.
        out: For results.
        streamed: What the person has seen already.

    Raises:
        NotFound: If a value is not in the artifact store any more.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    is_chat = run_input.plan.mode is AppMode.ADVANCED_CHAT
    if out.is_terminal:
        _show_on_screen(result["outputs"] or {}, is_chat, out, streamed)
        return
    for name, wire in (await _output_wires(records, run_input, result)).items():
        if is_chat and name != _ANSWER:
            continue
        if not is_chat:
            out.file.write(f"{plain(name)}: ")
        # The console would lay a text out, which takes many times its size.
        is_first = not is_chat
        async for text in text_of(records, run_input.tenant_id, wire):
            out.file.write("\n" if is_first and "\n" in text else "")
            out.file.write(plain(text))
            is_first = False
        out.file.write("\n")


async def _output_wires(
    records: "Records", run_input: RunInput, result: dict[str, Any]
) -> dict[str, Any]:
    """Give the outputs with their references; those of a run that only rests are in its result."""
    if RunStatus(result["status"]).is_terminal:
        record = await records.log.get_run(run_input.tenant_id, run_input.run_id)
        return record.result().outputs or {}
    return {name: to_wire(value) for name, value in (result["outputs"] or {}).items()}


def _show_on_screen(outputs: dict[str, Any], is_chat: bool, out: Console, streamed: str) -> None:
    if is_chat:
        answer = outputs.get(_ANSWER) or ""
        if streamed != answer:
            out.print(preview(answer))
        return
    for name, value in outputs.items():
        text = preview(value)
        out.print(plain(name), style="bold", end=": ")
        out.print(("\n" + text) if "\n" in text else text)


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
