"""`holdfast run`: inputs in, outputs out, and an exit code that says how it went."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from schema.db.engine import open_database
from schema.db.migrate import migrate
from schema.settings import Settings
from tests.command_line import CommandLine, until
from tests.documents import OWN_EXPORTS, a_document
from tests.factories import a_branch, a_start, an_end
from tests.requirements import requirement
from tests.sources import ROOT
from workers.worker_lock import WorkerLock

HELLO = str(ROOT / "examples" / "hello" / "hello.yml")
PARCEL = str(ROOT / "examples" / "parcel" / "parcel.yml")
KINDS = str(OWN_EXPORTS / "input_kinds.yml")
FAILING = str(OWN_EXPORTS / "failing_condition.yml")
PARCEL_INPUTS = ("-i", "recipient=Ada", "-i", "weight=1.5", "-i", "destination=Europe")


@pytest.fixture(scope="module", autouse=True)
def records(cli: CommandLine) -> None:
    """Make the tables, so that tests may look into them before their first command."""

    async def make() -> None:
        database = open_database(f"sqlite:///{cli.home / 'holdfast.db'}")
        await migrate(database)
        await database.close()

    asyncio.run(make())


@pytest.fixture
def passthrough(tmp_path: Path) -> str:
    file = tmp_path / "passthrough.yml"
    nodes = [a_start("s", "text"), an_end("e", text=["s", "text"])]
    file.write_text(a_document(nodes, [("s", "e")]), "utf-8")
    return str(file)


@requirement("run:outputs")
def test_outputs_are_on_stdout_and_everything_else_on_stderr(cli: CommandLine) -> None:
    ended = cli.call("run", PARCEL, *PARCEL_INPUTS)

    assert ended.code == 0
    assert "rate: 14.90 EUR, to the door\n" in ended.stdout
    assert "✓" not in ended.stdout
    assert "  ✓ Too heavy?  if-else" in ended.stderr
    assert "succeeded in " in ended.stderr
    assert "/workflows/run-" in ended.stderr


def test_the_answer_of_a_chatflow_is_printed_as_it_is(cli: CommandLine) -> None:
    inputs = ("-i", "name=Ada", "-i", "language=English", "-i", "cups=3")

    ended = cli.call("run", HELLO, *inputs, "--query", "What [is] on?")

    assert ended.code == 0
    assert ended.stdout.startswith("Good morning, Ada")
    assert "You asked: What [is] on?" in ended.stdout


@requirement("run:json")
def test_json_is_one_object_by_its_schema(cli: CommandLine) -> None:
    result = cli.call("run", PARCEL, *PARCEL_INPUTS, "--json").result

    assert result["status"] == "succeeded"
    assert result["outputs"]["carrier"] == "Tideway Post"
    assert result["nodes"][0]["node_type"] == "start"


@requirement("run:inputs")
def test_inputs_come_from_options_documents_and_files(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("é", "utf-8")
    (tmp_path / "inputs.json").write_text('{"kind": "a", "count": 1, "agreed": false}', "utf-8")

    ended = cli.call(
        *("run", KINDS, "--json", "--inputs", f"@{tmp_path / 'inputs.json'}"),
        *(
            "-i",
            f"text=@{tmp_path / 'text'}",
            "-i",
            "kind=b",
            "-i",
            'settings:={"a": {"b": [1.0]}}',
        ),
        *("-i", "unheard=of"),
    )

    outputs = ended.result["outputs"]
    assert (outputs["text"], outputs["kind"], outputs["count"]) == ("é", "b", 1)
    assert (outputs["agreed"], outputs["deep"]) == (False, [1.0])
    assert "no input 'unheard'" in ended.stderr


@requirement("run:raw-inputs")
def test_raw_inputs_are_not_converted(cli: CommandLine) -> None:
    ended = cli.call("run", KINDS, "--json", "--raw-inputs", "-i", "count=3", "-i", "kind:=[1]")

    assert ended.code == 0
    assert (ended.result["outputs"]["count"], ended.result["outputs"]["kind"]) == ("3", [1])


@requirement("run:environment")
def test_an_environment_variable_can_be_replaced(cli: CommandLine) -> None:
    ended = cli.call("run", PARCEL, *PARCEL_INPUTS, "--env", "CARRIER=Gull Mail", "--json")

    assert ended.result["outputs"]["carrier"] == "Gull Mail"


@requirement("run:exit-codes")
def test_a_failed_run_ends_with_1_and_says_why(cli: CommandLine) -> None:
    ended = cli.call("run", FAILING, "-i", "n=3")
    told = cli.call("run", FAILING, "-i", "n=3", "--json")

    assert (ended.code, told.code) == (1, 1)
    assert "failed in " in ended.stderr
    assert "✗ If" in ended.stderr
    assert (told.result["status"], told.result["outputs"]) == ("failed", None)
    assert told.result["error"]


@requirement("run:exit-codes")
def test_a_run_that_succeeded_in_part_ends_with_0(cli: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "partial.yml"
    branch = a_branch("b", ["s", "text"], ">", "1", error_strategy="fail-branch")
    nodes = [a_start("s", "text"), branch, an_end("e", why=["b", "error_message"])]
    file.write_text(a_document(nodes, [("s", "b"), ("b", "e", "fail-branch")]), "utf-8")

    ended = cli.call("run", str(file), "-i", "text=x", "--json")

    assert (ended.code, ended.result["status"]) == (0, "partial-succeeded")
    assert ended.result["exceptions_count"] == 1
    assert "  ! B" in ended.stderr


@requirement("run:exit-codes")
def test_wrong_inputs_end_with_2_and_each_is_named(cli: CommandLine) -> None:
    ended = cli.call("run", PARCEL, "-i", "weight=heavy", "--env", "X=1", "--query", "Hi")

    assert (ended.code, ended.stdout) == (2, "")
    assert "recipient is required in input form" in ended.stderr
    assert "weight in input form must be a valid number" in ended.stderr
    assert "'X' is no environment variable" in ended.stderr
    assert "only for chatflows" in ended.stderr


def test_inv_15_ten_megabytes_go_through_a_run(cli: CommandLine, passthrough: str) -> None:
    text = "0123456789" * 1_000_000

    ended = cli.call("run", passthrough, "--json", "-i", "text=@-", input=text.encode())

    assert ended.code == 0
    assert ended.result["outputs"]["text"] == text


def test_inv_16_odd_characters_survive_a_run(cli: CommandLine, passthrough: str) -> None:
    text = "\ud800 \u0001 \u202e 🦀"

    ended = cli.call("run", passthrough, "--json", "-i", f"text:={json.dumps(text)}")

    assert ended.result["outputs"]["text"] == text


def test_a_closed_pipe_ends_the_command_quietly(cli: CommandLine) -> None:
    command = [sys.executable, "-m", "workers.cli", "run", PARCEL, *PARCEL_INPUTS]
    reader, writer = os.pipe()
    os.close(reader)

    ended = subprocess.run(
        command,
        cwd=ROOT,
        env=cli.environment,
        stdin=subprocess.DEVNULL,
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    os.close(writer)

    assert ended.returncode == 141
    assert "Traceback" not in ended.stderr
    assert "succeeded" in ended.stderr or "Label" in ended.stderr


def run_count(cli: CommandLine, condition: str = "true") -> int:
    """How many runs are recorded, without starting a command for it."""
    with closing(sqlite3.connect(cli.home / "holdfast.db")) as database:
        query = f"SELECT count(*) FROM run_heads WHERE {condition}"
        (count,) = database.execute(query).fetchone()
    return int(count)


@requirement("run:detach")
def test_ctrl_c_leaves_a_run_that_another_worker_goes_on_with(
    cli: CommandLine, settings: Settings
) -> None:
    other = WorkerLock(settings.home)
    assert other.try_acquire()
    before = run_count(cli)
    with cli.running("run", PARCEL, *PARCEL_INPUTS) as running:
        until(lambda: run_count(cli) > before)

        running.send(signal.SIGINT)
        left = running.wait()

    assert (left.code, left.stdout) == (130, "")
    assert "it goes on without this command" in left.stderr
    other.release()
    run_id = left.stderr.rpartition("holdfast attach ")[2][:8]
    assert cli.call("attach", run_id, "--json").result["status"] == "succeeded"


@requirement("run:takeover")
def test_a_waiting_run_works_as_soon_as_the_worker_is_gone(
    cli: CommandLine, settings: Settings
) -> None:
    other = WorkerLock(settings.home)
    assert other.try_acquire()
    before = run_count(cli)
    with cli.running("run", PARCEL, *PARCEL_INPUTS, "--json") as running:
        until(lambda: run_count(cli) > before)

        other.release()
        ended = running.wait()

    assert (ended.code, ended.result["status"]) == (0, "succeeded")


@requirement("run:stop-on-interrupt")
def test_ctrl_c_can_stop_the_run_instead(cli: CommandLine, settings: Settings) -> None:
    other = WorkerLock(settings.home)
    assert other.try_acquire()
    before = run_count(cli)
    with cli.running("run", PARCEL, *PARCEL_INPUTS, "--stop-on-interrupt", "--json") as running:
        until(lambda: run_count(cli) > before)

        running.send(signal.SIGINT)
        until(lambda: run_count(cli, "stop_requested AND state = 'running'"))
        other.release()
        ended = running.wait()

    assert (ended.code, ended.result["status"]) == (4, "stopped")
