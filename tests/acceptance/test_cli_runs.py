"""What the commands around a run do: list, show, command, attach, purge."""

import json
import time
import uuid
from collections.abc import Sequence

import pytest

from api.run_requests import RunRequest, build_run_input
from api.runs import start
from schema.dsl import compile_definition, read_definition
from schema.plan import Plan
from schema.settings import Settings
from tests.command_line import CommandLine
from tests.documents import a_document
from tests.factories import a_start, a_template, an_end
from tests.requirements import requirement
from workers.cli.session import opened_stack
from workers.data_directory import DataDirectory


def a_greeting() -> Plan:
    nodes = [a_start("s", "name"), a_template("t", "Hi {{ n }}", n=["s", "name"])]
    nodes.append(an_end("e", text=["t", "output"]))
    compilation = compile_definition(read_definition(a_document(nodes, [("s", "t"), ("t", "e")])))
    assert compilation.plan is not None
    return compilation.plan


async def started(settings: Settings, *names: str, prefix: str = "") -> Sequence[str]:
    """Start runs whose first task nobody takes yet."""
    run_ids = []
    async with opened_stack(settings) as (_, dependencies):
        for name in names:
            request = RunRequest(plan=a_greeting(), inputs={"name": name}, trigger="cli")
            run_id = prefix + str(uuid.uuid4())
            run_input = await build_run_input(request, dependencies.artifacts, run_id)
            assert await start(run_input, dependencies.log, dependencies.runs)
            run_ids.append(run_input.run_id)
    return run_ids


@requirement("run:pause")
@pytest.mark.anyio
async def test_a_run_is_paused_and_resumed_though_no_worker_lives(
    cli: CommandLine, settings: Settings
) -> None:
    (run_id,) = await started(settings, "Ada")

    paused = cli.call("pause", run_id, "--reason", "lunch")
    waited = cli.call("attach", run_id, "--json")
    again = cli.call("resume", run_id)
    ended = cli.call("attach", run_id, "--json")

    assert (paused.code, paused.stdout) == (0, f"pause {run_id}: accepted, not yet applied\n")
    assert "No worker lives" in paused.stderr
    assert (waited.code, waited.result["status"]) == (3, "paused")
    assert waited.result["pause_reasons"][0]["message"] == "lunch"
    assert again.code == 0
    assert (ended.code, ended.result["outputs"]) == (0, {"text": "Hi Ada"})


@requirement("run:stop")
@pytest.mark.anyio
async def test_a_run_is_stopped_though_no_worker_lives(
    cli: CommandLine, settings: Settings
) -> None:
    (run_id,) = await started(settings, "Ada")

    stopped = cli.call("stop", run_id[:13])
    ended = cli.call("attach", run_id, "--json")
    late = cli.call("stop", run_id)

    assert (stopped.code, stopped.stdout) == (0, f"stop {run_id}: accepted, not yet applied\n")
    assert (ended.code, ended.result["status"]) == (4, "stopped")
    assert (late.code, late.stdout) == (1, f"stop {run_id}: refused: run ended\n")


@requirement("run:records")
@pytest.mark.anyio
async def test_runs_are_listed_shown_followed_and_purged(
    cli: CommandLine, settings: Settings
) -> None:
    before = time.time()
    first, second = await started(settings, "[red]Ada", "Grace\x1b[2J")
    for run_id in (first, second):
        assert cli.call("attach", run_id).code == 0

    page = cli.call("runs", "--limit", "1")
    listed = cli.call("runs", "--status", "succeeded", "--json", "--limit", "2")
    shown = cli.call("show", second[:8])
    whole = cli.call("show", first, "--json").result
    facts = cli.call("events", first, "--follow", "--json")
    lines = cli.call("events", first)
    client = cli.call("events", first, "--client")

    assert second[:8] in page.stdout
    assert f"--before {second[:8]}" in page.stderr
    newest = [json.loads(line) for line in listed.stdout.splitlines()]
    assert [run["run_id"] for run in newest] == [second, first]
    assert all(run["created_at"] >= before for run in newest)
    assert "Grace\\x1b[2J" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert whole["outputs"] == {"text": "Hi [red]Ada"}
    types = [json.loads(line)["type"] for line in facts.stdout.splitlines()]
    assert (types[0], types[-1]) == ("RunStarted", "RunFinished")
    assert len(lines.stdout.splitlines()) == len(types)
    names = [json.loads(line)["event"] for line in client.stdout.splitlines()]
    assert (names[0], names[-1]) == ("workflow_started", "workflow_finished")

    purged = cli.call("purge", "--run", first, "--yes")

    assert purged.stdout.startswith("Deleted 1 runs, ")
    assert cli.call("show", first).code == 1
    assert cli.call("show", second).code == 0


@requirement("run:records")
@pytest.mark.anyio
async def test_a_beginning_that_fits_several_runs_is_refused(
    cli: CommandLine, settings: Settings
) -> None:
    first, second = await started(settings, "Ada", "Grace", prefix="twins-")

    both = cli.call("show", "twins-")
    unknown = cli.call("show", "nobody")

    assert (both.code, both.stdout) == (2, "")
    assert first in both.stderr
    assert second in both.stderr
    assert (unknown.code, "`holdfast runs` lists them" in unknown.stderr) == (1, True)


def test_purging_asks_unless_it_is_told_not_to(cli: CommandLine) -> None:
    asked = cli.call("purge", "--older-than", "0s", input=b"n\n")
    neither = cli.call("purge")
    wrong = cli.call("purge", "--older-than", "soon", "--yes")

    assert (asked.code, "Deleted" in asked.stdout) == (1, False)
    assert "for good?" in asked.stderr
    assert (neither.code, wrong.code) == (2, 2)
    assert "such as 30d" in wrong.stderr


def test_reading_starts_no_server(
    cli: CommandLine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fresh = CommandLine(tmp_path_factory.mktemp("fresh"))

    listed = fresh.call("runs")

    assert (listed.code, listed.stdout) == (0, "")
    assert "No runs" in listed.stderr
    assert not DataDirectory(fresh.home).server_file.exists()
