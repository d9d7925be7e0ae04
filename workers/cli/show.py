"""`holdfast show`: one run, its nodes and its outputs."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from schema.db.event_log import RunRecord
    from schema.runs import RunInput
    from schema.settings import Settings

_ERROR_CHARACTERS = 60


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, or how it begins.")],
    json: Annotated[bool, typer.Option("--json", help="Print the result as one object.")] = False,
    output: Annotated[
        str | None,
        typer.Option("--output", metavar="NAME", help="Write one output, whole, and nothing else."),
    ] = None,
) -> None:
    """Show one run: when, with which inputs, its nodes, its outputs.

    With `--output` one output is written as it is: a text as text, a file as its content, anything
    else as JSON. With `--json` values of nodes that are very large together are previews.

    Examples:
      holdfast show 4f3a

      holdfast show 4f3a --output report > report.md

      holdfast show 4f3a --json | jq '.nodes[] | select(.status == "failed")'
    """
    from workers.cli.session import read_settings

    settings = read_settings()
    if output is not None:
        asyncio.run(_write_output(settings, run, output))
        return
    asyncio.run(_show_run(settings, run, as_json=json))


async def _write_output(settings: "Settings", run: str, name: str) -> None:
    from workers.cli.output_value import write_output
    from workers.cli.run_names import find_run
    from workers.cli.session import opened_records

    async with opened_records(settings) as records:
        await write_output(records, await find_run(records, run), name)


async def _show_run(settings: "Settings", name: str, *, as_json: bool) -> None:
    from workers.cli.console import print_json, stdout
    from workers.cli.run_names import find_run
    from workers.cli.run_result import build_result, show_outputs
    from workers.cli.session import opened_records

    async with opened_records(settings) as records:
        record = await find_run(records, name)
        run_input = await records.log.get_run_input(record.ref)
        result = await build_result(records, run_input, whole=as_json)
        rows = await records.log.list_node_executions(record.ref)
        starts = {(row.node_id, row.attempt): row.effect_starts for row in rows}
        for node in result["nodes"]:
            node["effect_starts"] = starts.get((node["node_id"], node["attempt"]), 0)
        if as_json:
            print_json(result)
            return
        _show(record, run_input, result, settings, stdout())
        await show_outputs(records, run_input, result, stdout())


def _show(
    record: "RunRecord",
    run_input: "RunInput",
    result: dict[str, Any],
    settings: "Settings",
    out: "Console",
) -> None:
    from schema.values.encoding import from_wire, to_api_json
    from workers.cli.console import duration, local_time, plain, preview, status_text

    line = status_text(result["status"])
    line.append(f" · {plain(run_input.plan.app_name) or 'app'} ({run_input.plan.mode})", "default")
    line.append(f" · run {record.run_id}", "dim")
    out.print(line)
    ended = f", took {duration(result['elapsed_time'])}" if record.finished_at else ""
    out.print(
        f"started {local_time(record.created_at)} by {plain(record.trigger)}{ended}", style="dim"
    )
    if url := _web_ui_url(settings, record.temporal_workflow_id):
        out.print(url, style="dim")
    if result["error"]:
        out.print(preview(result["error"]), style="red")
    for name, value in record.inputs.items():
        if value is not None and not name.startswith("sys."):
            shown = to_api_json(from_wire(value), lambda reference: reference.preview)
            out.print(f"input {plain(name)}: {preview(shown, 200)}")
    out.print(_node_table(result["nodes"]))


def _node_table(nodes: list[dict[str, Any]]) -> Any:
    from rich.table import Table

    from workers.cli.console import duration, plain, preview, status_text

    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for title in ("#", "node", "type", "status", "took", "left by", "error"):
        table.add_column(title, no_wrap=title != "error")
    for node in nodes:
        name = plain(node["title"] or node["node_id"]).replace("\n", " ")
        handle = node["edge_source_handle"] or ""
        again = f" (try {node['attempt']})" if node["attempt"] > 1 else ""
        if node["effect_starts"] > 1:
            again += f" (begun {node['effect_starts']} times)"
        table.add_row(
            str(node["index"]),
            preview(name, 40) + again,
            plain(node["node_type"]),
            status_text(node["status"]),
            duration(node["elapsed_time"]),
            "" if handle == "source" else preview(handle, 40),
            preview(node["error"] or "", _ERROR_CHARACTERS),
        )
    return table


def _web_ui_url(settings: "Settings", workflow_id: str) -> str | None:
    """Link to the run where the embedded server runs; none is started for that."""
    from workers.data_directory import DataDirectory
    from workers.file_lock import is_locked
    from workers.server_namespace import NAMESPACE
    from workers.server_record import read_record

    directory = DataDirectory(settings.home)
    server = read_record(directory.server_file)
    if settings.temporal_address or server is None or not is_locked(directory.lock_file("server")):
        return None
    return f"{server.ui_url}/namespaces/{NAMESPACE}/workflows/{workflow_id}"
