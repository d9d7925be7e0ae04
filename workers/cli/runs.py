"""`holdfast runs`: what has run, newest first."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from schema.db.event_log import RunRecord
    from schema.settings import Settings

_STATUSES = ("running", "paused", "succeeded", "partial-succeeded", "failed", "stopped")


def runs(
    status: Annotated[
        list[str] | None,
        typer.Option("--status", "-s", help=f"Only these: {', '.join(_STATUSES)}."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000, help="At most.")] = 20,
    before: Annotated[
        str | None, typer.Option(metavar="RUN", help="The page after this run: older ones.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a run.")] = False,
) -> None:
    """List runs, newest first; times are those of this machine's zone.

    Examples:
      holdfast runs --status failed --limit 5

      holdfast runs --status running --json | jq -r .run_id
    """
    from workers.cli.session import read_settings

    unknown = set(status or ()) - set(_STATUSES)
    if unknown:
        raise typer.BadParameter(
            f"{sorted(unknown)[0]!r} is no status; these are: {', '.join(_STATUSES)}",
            param_hint="--status",
        )
    entries = asyncio.run(_list(read_settings(), status or [], limit, before))
    if json:
        from workers.cli.console import json_text

        for entry in entries:
            typer.echo(json_text(_to_json(entry)))
        return
    _show(entries, limit)


async def _list(
    settings: "Settings", statuses: list[str], limit: int, before: str | None
) -> "list[tuple[RunRecord, str]]":
    from schema.runs import RunStatus
    from workers.cli.run_names import find_run
    from workers.cli.session import TENANT, opened_records

    async with opened_records(settings) as records:
        last = (await find_run(records, before)).run_id if before else None
        found = await records.log.list_runs(
            TENANT, statuses=[RunStatus(each) for each in statuses], limit=limit, before=last
        )
        names = {
            record.plan_sha: (await records.log.get_run_input(record.ref)).plan.app_name
            for record in found
        }
        return [(record, names[record.plan_sha]) for record in found]


def _to_json(entry: "tuple[RunRecord, str]") -> dict[str, Any]:
    record, app_name = entry
    return {
        "run_id": record.run_id,
        "app_name": app_name,
        "type": record.type,
        "trigger": record.trigger,
        "status": str(record.status),
        "error": record.error,
        "created_at": record.created_at,
        "finished_at": record.finished_at,
        "elapsed_time": record.elapsed_time,
        "total_steps": record.total_steps,
        "total_tokens": record.total_tokens,
        "exceptions_count": record.exceptions_count,
    }


def _show(entries: "list[tuple[RunRecord, str]]", limit: int) -> None:
    from rich.table import Table

    from workers.cli.console import (
        SHORT_ID,
        duration,
        local_time,
        plain,
        preview,
        status_text,
        stdout,
    )

    out = stdout()
    if not entries:
        typer.echo("No runs. `holdfast run FILE` makes one.", err=True)
        return
    table = Table(box=None, pad_edge=False, show_edge=False, header_style="dim")
    for title in ("run", "started", "app", "status", "took"):
        table.add_column(title, no_wrap=title != "app")
    for record, app_name in entries:
        took = duration(record.elapsed_time) if record.finished_at else ""
        name = plain(app_name).replace("\n", " ") or record.type
        table.add_row(
            record.run_id[:SHORT_ID],
            local_time(record.created_at),
            preview(name, 40),
            status_text(str(record.status)),
            took,
        )
    out.print(table)
    if len(entries) == limit:
        typer.echo(
            f"Older ones: holdfast runs --before {entries[-1][0].run_id[:SHORT_ID]}", err=True
        )
