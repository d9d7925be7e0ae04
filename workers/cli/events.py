"""`holdfast events`: the facts of a run, or what a client sees of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from schema.facts import LoggedFact
    from schema.runs import RunRef
    from schema.settings import Settings
    from workers.dependencies import Records

_DETAIL_CHARACTERS = 160
_SHOWN_ELSEWHERE = frozenset({"type", "at", "node_id", "node_exec_id", "attempt"})


def events(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run id, or how it begins.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the run ends.")
    ] = False,
    client: Annotated[
        bool, typer.Option("--client", help="What a client sees, one JSON object an event.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a fact.")] = False,
) -> None:
    """Print the facts of a run, as they were recorded, in their order.

    With `--client` what a client of the API sees: folded from the facts, in Dify's words.

    Examples:
      holdfast events 4f3a --follow

      holdfast events 4f3a --client | jq -r 'select(.event == "message") | .answer'
    """
    from workers.cli.session import read_settings

    asyncio.run(_print(read_settings(), run, follow, client, json))


async def _print(
    settings: "Settings", name: str, follow: bool, client: bool, as_json: bool
) -> None:
    from workers.cli.run_names import find_run
    from workers.cli.session import opened_records

    async with opened_records(settings) as records:
        run = (await find_run(records, name)).ref
        if client:
            await _print_client_events(records, run, follow)
            return
        async for facts in _facts(records, run, follow):
            for logged in facts:
                typer.echo(_to_json(logged) if as_json else _to_line(logged))


async def _facts(
    records: "Records", run: "RunRef", follow: bool
) -> AsyncIterator["list[LoggedFact]"]:
    if follow:
        async for facts in records.log.follow(run):
            yield facts
        return
    after = 0
    while page := await records.log.read(run, after):
        yield page
        after = page[-1].seq


async def _print_client_events(records: "Records", run: "RunRef", follow: bool) -> None:
    from schema.response_stream import ResponseStream
    from schema.values.artifact_ref import ArtifactRef
    from schema.values.segments import Segment
    from workers.cli.console import json_text
    from workers.cli.following import read_stored, run_info

    run_input = await records.log.get_run_input(run)
    stored: dict[ArtifactRef, Segment] = {}
    stream = ResponseStream(run_input.plan, run_info(run_input), stored)
    async for facts in _facts(records, run, follow):
        for logged in facts:
            for reference in stream.needs(logged):
                if reference not in stored:
                    stored[reference] = await read_stored(records, run, reference)
            for event in stream.feed(logged):
                typer.echo(json_text({"id": event.id, **event.data}))


def _to_json(logged: "LoggedFact") -> str:
    from schema.values.encoding import encode, masked_wire

    fact = masked_wire(logged.fact.model_dump())
    return encode({"seq": logged.seq, "src": logged.src, "src_seq": logged.src_seq, **fact})


def _to_line(logged: "LoggedFact") -> str:
    from schema.values.encoding import masked_wire
    from workers.cli.console import local_time, plain, preview

    fact = masked_wire(logged.fact.model_dump(exclude_defaults=True))
    node = plain(str(fact.get("node_id", "")))
    rest = {name: value for name, value in fact.items() if name not in _SHOWN_ELSEWHERE}
    detail = preview(rest, _DETAIL_CHARACTERS) if rest else ""
    return f"{logged.seq:5}  {local_time(logged.fact.at)}  {logged.fact.type:16} {node:16} {detail}"
