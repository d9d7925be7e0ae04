"""`holdfast purge`: delete runs with all that belongs to them."""

import asyncio
import re
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from workers.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from schema.db.event_log import PurgeCounts
    from schema.settings import Settings
    from workers.dependencies import Records

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def purge(
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Runs that ended so long ago: 30d, 12h, 0s for all."),
    ] = None,
    run: Annotated[
        list[str] | None, typer.Option(metavar="RUN", help="These runs; a beginning is enough.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Delete ended runs with their facts, outcomes and large values; open ones stay.

    Examples:
      holdfast purge --older-than 30d

      holdfast purge --run 4f3a --yes
    """
    from workers.cli.session import read_settings

    if (older_than is None) == (not run):
        raise typer.BadParameter("say which: either --older-than AGE or --run RUN")
    before = time.time() - _seconds(older_than) if older_than is not None else None
    what = f"all runs that ended more than {older_than} ago" if older_than else ", ".join(run or [])
    if not yes and not typer.confirm(f"Delete {what} for good?", err=True):
        raise typer.Exit(ExitCode.FAILED)
    asyncio.run(_purge(read_settings(), before, run or []))


def _seconds(age: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", age)
    if match is None:
        raise typer.BadParameter(
            f"{age!r} is no age, such as 30d or 12h", param_hint="--older-than"
        )
    return float(match[1]) * _UNITS[match[2]]


async def _purge(settings: "Settings", before: float | None, names: Sequence[str]) -> None:
    from workers.cli.run_names import find_run
    from workers.cli.session import opened_records

    async with opened_records(settings) as records:
        chosen = [await find_run(records, name) for name in names]
        for record in chosen:
            if not record.status.is_terminal:
                typer.echo(
                    f"Run {record.run_id} is {record.status} and stays; `holdfast stop` ends it.",
                    err=True,
                )
        ids = [record.run_id for record in chosen] if names else None
        runs = facts = artifacts = 0
        while (counts := await _purge_some(records, before, ids)).runs:
            runs, facts = runs + counts.runs, facts + counts.facts
            artifacts += len(counts.artifacts)
    typer.echo(f"Deleted {runs} runs, {facts} facts and {artifacts} large values.")


async def _purge_some(
    records: "Records", before: float | None, ids: Sequence[str] | None
) -> "PurgeCounts":
    """Delete a bounded number of runs, then what the artifact store has of them."""
    from workers.cli.session import TENANT
    from workflows.client import workflow_id_of

    counts = await records.log.purge(TENANT, before=before, run_ids=ids)
    await records.artifacts.delete_artifacts(counts.artifacts)
    for run in counts.run_refs:
        await records.artifacts.delete_blobs(workflow_id_of(run.run_id))
    return counts
