"""Secrets reach whom they are for, and stay nowhere (invariant 17)."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.canary import (
    CANARY,
    EXPORTED,
    LITERAL,
    MARK,
    EchoingPeer,
    an_export,
    echoing_peer,
    find_in_files,
    find_secrets,
    told,
)
from tests.command_line import CommandLine, Ended, until
from tests.fixtures_db import (
    database_url,
    postgres,
    postgres_server,
    postgres_template,
    sqlite_template,
)
from tests.requirements import requirement
from tests.sources import ROOT

__all__ = ["database_url", "postgres", "postgres_server", "postgres_template", "sqlite_template"]

MASKS = {CANARY: "canary************\\w", EXPORTED: "export************89"}


@pytest.fixture
def peer() -> Iterator[EchoingPeer]:
    with echoing_peer() as opened:
        yield opened


@pytest.fixture
def cli(tmp_path: Path, database_url: str) -> CommandLine:
    """Records in each kind of database; everything is logged."""
    variables = {"HOLDFAST_ALLOWED_ADDRESSES": "127.0.0.0/8", "HOLDFAST_LOG_LEVEL": "DEBUG"}
    home = tmp_path / "home"
    home.mkdir()
    if database_url.startswith("postgres"):
        variables["DATABASE_URL"] = database_url
    return CommandLine(home, variables)


def run(cli: CommandLine, export: str, tmp_path: Path, *options: str) -> Ended:
    """Run the export with its secret from a file beside the data directory."""
    (tmp_path / "app.yml").write_text(export, "utf-8")
    (tmp_path / "key").write_text(f"{CANARY}\n", "utf-8")
    key = ("--env", f"KEY=@{tmp_path / 'key'}")
    return cli.call("run", str(tmp_path / "app.yml"), "-i", f"mark={MARK}", *key, *options)


def everything_printed(cli: CommandLine, run_id: str) -> Iterator[tuple[str, Ended]]:
    """What every command says about a run."""
    for command in (
        ("runs",),
        ("show", run_id),
        ("show", run_id, "--json"),
        ("events", run_id),
        ("events", run_id, "--json"),
        ("events", run_id, "--client"),
        ("keys", "list"),
        ("doctor",),
    ):
        ended = cli.call(*command)
        assert ended.code == 0, (command, ended.stderr[-2000:])
        yield " ".join(command), ended


@requirement("secrets:nowhere")
@pytest.mark.parametrize("chat", [False, True], ids=["workflow", "chatflow"])
def test_inv_17_a_canary_reaches_its_peer_and_is_found_nowhere(
    cli: CommandLine, peer: EchoingPeer, tmp_path: Path, database_url: str, chat: bool
) -> None:
    query = ("--query", "Hi") if chat else ()

    ended = run(cli, an_export(peer.url, chat=chat), tmp_path, "--json", *query)

    assert ended.code == 0, ended.stderr[-4000:]
    result = ended.result
    assert result["status"] == "partial-succeeded"
    assert_peer_was_told(peer)
    answer = json.dumps(result["outputs"])
    assert json.dumps(MASKS[CANARY])[1:-1] in answer
    assert MASKS[EXPORTED] in answer
    assert f", {json.dumps(MASKS[CANARY])}: {len(CANARY)}" in json.dumps(result["nodes"])
    said = {"run": ended, **dict(everything_printed(cli, result["run_id"]))}
    shown = {name: find_secrets((e.stdout + e.stderr).encode()) for name, e in said.items()}
    assert shown == {name: [] for name in said}
    assert MARK in said[f"events {result['run_id']} --client"].stdout
    assert_kept_nowhere(cli.home, database_url)


def assert_peer_was_told(peer: EchoingPeer) -> None:
    """References and tokens became what they stand for, in every spelling."""
    assert peer.header("/echo", "authorization") == f"Bearer {CANARY}"
    assert peer.header("/echo", "x-header") == f"Bearer {CANARY}"
    assert peer.header("/echo", "x-api-key") == LITERAL
    assert json.loads(peer.body("/echo")) == {"a": EXPORTED}
    again = json.loads(peer.body("/again"))
    assert set(told(CANARY)) <= set(again["told"])
    assert again[""] == {CANARY: 1, EXPORTED: 1, LITERAL: 1}
    assert "\n".join(told(CANARY)) in peer.body("/upload")


def assert_kept_nowhere(home: Path, database_url: str) -> None:
    """Neither in a file nor in a table; what is no secret is found in both."""
    assert find_in_files(home) == {}
    temporal = b"".join(path.read_bytes() for path in home.glob("temporal.db*"))
    assert MARK.encode() in temporal
    assert len(list((home / "artifacts").rglob("*"))) > 2
    if database_url.startswith("postgres"):
        records = dump(database_url)
    else:
        records = b"".join(path.read_bytes() for path in home.glob("holdfast.db*"))
    assert find_secrets(records) == []
    assert MARK.encode() in records


def dump(url: str) -> bytes:
    """Every row of every table."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        rows = [connection.execute(f'SELECT * FROM "{name}"').fetchall() for (name,) in tables]
    return json.dumps(rows, default=str, ensure_ascii=False).encode()


def test_inv_17_health_knows_no_secret(peer: EchoingPeer, tmp_path: Path) -> None:
    variables = {"HOLDFAST_ALLOWED_ADDRESSES": "127.0.0.0/8", "HOLDFAST_API_PORT": "0"}
    cli = CommandLine(tmp_path / "home", variables)
    log = tmp_path / "up.log"
    with up(cli, log) as line:
        ready = next(part for part in line.split() if part.endswith("/health/ready"))
        until(lambda: b'"ready"' in page(ready))

        ended = run(cli, an_export(peer.url), tmp_path, "--json")
        pages = [page(ready), page(ready.replace("/ready", "/live"))]

    assert ended.code == 0, ended.stderr[-2000:]
    assert find_secrets(b"".join(pages)) == []
    assert find_secrets(log.read_bytes()) == []
    assert b" DEBUG " in log.read_bytes()


@contextmanager
def up(cli: CommandLine, log: Path) -> Iterator[str]:
    """Run `holdfast up`, which logs everything to a file; give the line it begins with."""
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "workers.cli", "up"],
            cwd=ROOT,
            env={**cli.environment, "HOLDFAST_LOG_LEVEL": "DEBUG"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=file,
        ) as process,
    ):
        assert process.stdout is not None
        try:
            yield process.stdout.readline().decode()
        finally:
            process.terminate()
            process.wait(60)


def page(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return bytes(response.read())
    except urllib.error.HTTPError as error:
        return error.read()


@requirement("secrets:validate")
def test_validate_lists_what_is_kept_secret_and_shows_none(
    peer: EchoingPeer, tmp_path: Path
) -> None:
    file = tmp_path / "app.yml"
    file.write_text(an_export(peer.url), "utf-8")
    cli = CommandLine(tmp_path / "home")

    ended, as_json = cli.call("validate", str(file)), cli.call("validate", str(file), "--json")

    assert ended.code == 0
    assert "notice secret-literal  node echo" in ended.stdout
    assert "headers.0" in ended.stdout
    assert "'KEY' has no value in the export" in ended.stdout
    assert find_secrets((ended.stdout + as_json.stdout).encode()) == []
    findings = json.loads(as_json.stdout)["findings"]
    assert {f["severity"] for f in findings} == {"notice", "warning"}


@requirement("run:environment")
def test_a_secret_that_nobody_gave_is_named_before_anything_starts(
    peer: EchoingPeer, tmp_path: Path
) -> None:
    file = tmp_path / "app.yml"
    file.write_text(an_export(peer.url), "utf-8")
    cli = CommandLine(tmp_path / "home")

    missing = cli.call("run", str(file), "-i", "mark=x")
    mistyped = cli.call("run", str(file), "--env", CANARY)

    assert missing.code == 2
    assert "'KEY' is a secret without a value: give --env KEY=@FILE" in missing.stderr
    assert mistyped.code == 2
    assert not (tmp_path / "home" / "holdfast.db").exists()


@requirement("secrets:keys")
def test_keys_are_listed_and_replaced_and_old_runs_go_on(peer: EchoingPeer, tmp_path: Path) -> None:
    cli = CommandLine(tmp_path / "home", {"HOLDFAST_ALLOWED_ADDRESSES": "127.0.0.0/8"})
    assert run(cli, an_export(peer.url), tmp_path).code == 0
    first = cli.call("keys", "list").stdout.split()[0]

    rotated = cli.call("keys", "rotate-secrets")
    listed = cli.call("keys", "list").stdout.splitlines()

    assert (rotated.code, listed[1]) == (0, f"{first}  0 secrets")
    second = listed[0].split()[0]
    assert listed[0] == f"{second}  4 secrets  current"
    assert f"Encrypted 4 secrets again with the key {second}." in rotated.stdout
    key = cli.call("keys", "new").stdout.strip()
    elsewhere = CommandLine(cli.home, {"HOLDFAST_SECRET_KEYS": key})
    assert "4 secrets  MISSING: they cannot be read" in elsewhere.call("keys", "list").stdout
    assert "HOLDFAST_SECRET_KEYS" in elsewhere.call("keys", "rotate-secrets").stderr
