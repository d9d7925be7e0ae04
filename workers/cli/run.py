"""`holdfast run`: run an export and wait for it."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from workers.cli.exit_codes import ExitCode

if TYPE_CHECKING:
    from api.run_requests import RunRequest
    from schema.plan import Plan
    from schema.settings import Settings
    from schema.values.remote_files import RemoteFiles
    from workers.cli.input_files import InputFiles
    from workers.cli.watching import WatchOptions


class LimitsName(StrEnum):
    """Names of the profiles in `schema/limits.py`, without loading it."""

    GENEROUS = "generous"
    DIFY = "dify"


_File = Annotated[str, typer.Argument(metavar="FILE", help="An export of Dify; `-` reads it.")]
_Input = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME=VALUE",
        help="`name=text`, `name:=json`, `name=@file` or `name:=@json-file`.",
    ),
]
_Inputs = Annotated[
    str | None, typer.Option("--inputs", metavar="JSON", help="A JSON object, or `@file` with one.")
]
_Query = Annotated[str | None, typer.Option("--query", "-q", help="The message to a chatflow.")]
_FileOption = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="PATH|URL", help="A file with the message to a chatflow."),
]
_Env = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="NAME=VALUE",
        help="Sets an environment variable, also a secret one: `NAME=text`, `NAME=@file`.",
    ),
]
_Raw = Annotated[
    bool,
    typer.Option(
        "--raw-inputs", help="Start with the values as they are: only the start node's own checks."
    ),
]
_Limits = Annotated[
    LimitsName, typer.Option("--limits", help="What results may be: our bounds or Dify's numbers.")
]
_Stop = Annotated[
    bool, typer.Option("--stop-on-interrupt", help="Ctrl-C stops the run instead of leaving it.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object: the result.")]


def run(
    file: _File,
    input: _Input = None,
    inputs: _Inputs = None,
    query: _Query = None,
    message_file: _FileOption = None,
    env: _Env = None,
    raw_inputs: _Raw = False,
    limits: _Limits = LimitsName.GENEROUS,
    stop_on_interrupt: _Stop = False,
    json: _Json = False,
) -> None:
    """Run an export, show its nodes as they end, then its outputs.

    What the run needs and you did not give is asked for on a terminal. Ctrl-C leaves the run, which
    goes on elsewhere. Outputs go to stdout, everything else to stderr.

    Ends with 0 if the run succeeded (also in part), 1 if it failed, 2 if definition or inputs are
    wrong, 3 if it is paused, 4 if it was stopped, 130 after Ctrl-C.

    Examples:
      holdfast run app.yml -i name=Ada -i count:=3 -i letter=@letter.txt

      holdfast run chat.yml --query "What is on it?" --file menu.pdf --env API_KEY=@key.txt

      holdfast run app.yml --inputs @inputs.json --json | jq .outputs
    """
    from api.run_requests import RunRequest, check_request, short_secrets
    from schema.limits import LimitsProfile, RunPolicy
    from workers.cli.given_inputs import parse_environment, parse_inputs
    from workers.cli.input_files import InputFiles
    from workers.cli.session import read_settings
    from workers.cli.watching import WatchOptions

    settings = read_settings()
    plan, secrets = _read_plan(file)
    given = parse_inputs(input or [], inputs)
    can_ask = file != "-" and sys.stdin.isatty() and sys.stderr.isatty()
    if not raw_inputs:
        given, query = _complete(plan, given, query, can_ask)
    request = RunRequest(
        plan=plan,
        inputs=given,
        query=query,
        environment=parse_environment(env or []),
        secrets=secrets,
        raw_inputs=raw_inputs,
        trigger="cli",
        policy=RunPolicy(limits=LimitsProfile(limits)),
    )
    if can_ask:
        request = _with_missing_secrets(request)
    with tempfile.TemporaryDirectory(prefix="holdfast-") as folder:
        files = InputFiles(Path(folder))
        requests = [files.read(request, _message_files(plan, message_file))]
        # Only the list has it, so that nobody holds large inputs while the run is watched.
        del request, given
        check_request(requests[0])
        for name in short_secrets(requests[0]):
            typer.echo(
                f"holdfast: the secret {name!r} is too short to be hidden in results", err=True
            )
        options = WatchOptions(json=json, stop_on_interrupt=stop_on_interrupt)
        raise typer.Exit(asyncio.run(_run(settings, requests, files, options)))


def _message_files(plan: "Plan", given: list[str] | None) -> list[str]:
    """Refuse files that the app would leave out: over the API it does so silently, as Dify does."""
    from schema.errors import InvalidInputs
    from schema.given_files import UploadRules

    if given and UploadRules.of_features(plan.features) is None:
        raise InvalidInputs(["--file: this app takes no files with a message"])
    return given or []


def _read_plan(file: str) -> "tuple[Plan, Mapping[str, str]]":
    """Read what runs, and the secrets that stand in the export."""
    from workers.cli.definition_file import read_compilation

    compilation = read_compilation(file)
    if compilation.plan is None or not compilation.is_runnable:
        for finding in compilation.findings:
            typer.echo(f"holdfast: {finding}", err=True)
        raise typer.Exit(ExitCode.BAD_INPUT)
    return compilation.plan, compilation.secrets


def _with_missing_secrets(request: "RunRequest") -> "RunRequest":
    """Ask for the secrets that nodes read and nobody gave."""
    from api.run_requests import missing_secrets
    from workers.cli.prompts import ask_secret

    answers = {name: ask_secret(name) for name in missing_secrets(request)}
    return replace(request, environment={**request.environment, **answers})


def _complete(
    plan: "Plan", given: dict[str, Any], query: str | None, can_ask: bool
) -> tuple[dict[str, Any], str | None]:
    """Ask for what is missing where somebody can answer, and name what nobody asked for."""
    from api.run_requests import start_variables
    from schema.plan import AppMode

    variables = start_variables(plan)
    unknown = given.keys() - {variable.variable for variable in variables}
    for name in sorted(unknown):
        typer.echo(f"holdfast: the app has no input {name!r}; it is left out", err=True)
    if can_ask:
        from workers.cli.prompts import ask_missing, ask_query

        given = ask_missing(variables, given)
        if plan.mode is AppMode.ADVANCED_CHAT and query is None:
            query = ask_query()
    return given, query


async def _run(
    settings: "Settings",
    requests: "list[RunRequest]",
    files: "InputFiles",
    options: "WatchOptions",
) -> int:
    """Start the run of the one request, which is taken out of the list, and watch it."""
    from api.run_requests import build_run_input, encrypt_request_secrets, remote_urls_of
    from api.runs import start
    from workers.cli.session import opened_stack
    from workers.cli.watching import Interrupts, watch

    request = requests.pop()
    async with (
        opened_stack(settings) as (addresses, dependencies),
        _remote_files(settings, bool(remote_urls_of(request))) as remote_files,
    ):
        await files.store(dependencies.artifacts, request.tenant_id)
        run_input = await build_run_input(
            request, dependencies.artifacts, remote_files=remote_files
        )
        secrets = encrypt_request_secrets(request, run_input.ref, dependencies.keys)
        del request
        interrupts = Interrupts()
        await start(run_input, dependencies.log, dependencies.runs, secrets=secrets)
        return await watch(addresses, dependencies, run_input, options, interrupts)


@contextlib.asynccontextmanager
async def _remote_files(
    settings: "Settings", are_given: bool
) -> AsyncIterator["RemoteFiles | None"]:
    """Give what describes remote files; what does it is loaded only if there are any."""
    if not are_given:
        yield None
        return
    from workers.peers import opened_remote_files

    async with opened_remote_files(settings) as remote_files:
        yield remote_files
