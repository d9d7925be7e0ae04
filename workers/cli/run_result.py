"""How a run went: as one JSON object for programs, as outputs and a summary for people."""

from typing import TYPE_CHECKING, Any

from rich.console import Console

from schema.facts import LoggedFact
from schema.plan import AppMode
from schema.response_stream import fold_result, references_of_result
from schema.runs import RunInput, RunRef
from workers.cli.console import duration, plain, preview, status_text
from workers.cli.following import read_stored, run_info

if TYPE_CHECKING:
    from workers.dependencies import Records

_ANSWER = "answer"


async def build_result(records: "Records", run_input: RunInput) -> dict[str, Any]:
    """Build the object of run-result.schema.json, with every value whole.

    Raises:
        NotFound: If a value is not in the artifact store any more.
        ArtifactStoreUnavailable: If the store cannot be reached.
    """
    run = run_info(run_input)
    facts = await _read_log(records, run_input.ref)
    stored = {
        reference: await read_stored(records, run_input.ref, reference)
        for reference in references_of_result(run_input.plan, run, facts)
    }
    return fold_result(run_input.plan, run, facts, stored)


async def _read_log(records: "Records", run: RunRef) -> list[LoggedFact]:
    facts: list[LoggedFact] = []
    while page := await records.log.read(run, facts[-1].seq if facts else 0):
        facts += page
    return facts


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
            out.print(_text(answer, out))
        return
    for name, value in outputs.items():
        text = _text(value, out)
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


def _text(value: Any, out: Console) -> str:
    if out.is_terminal:
        return preview(value)
    return preview(value, limit=2**62)
