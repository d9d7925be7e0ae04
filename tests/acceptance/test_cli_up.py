"""`holdfast up`, and what is quick and small beside it."""

import json
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.command_line import CommandLine, Running, until
from tests.requirements import requirement
from tests.sources import ROOT

PARCEL = str(ROOT / "examples" / "parcel" / "parcel.yml")
PARCEL_INPUTS = ("-i", "recipient=Ada", "-i", "weight=1.5", "-i", "destination=Europe")

NOT_LOADED = (
    *(
        "activities",
        "alembic",
        "cryptography",
        "api.app",
        "fastapi",
        "starlette",
        "uvicorn",
        "mako",
    ),
    *("temporalio.worker", "workflows.graph_run", "workflows.interpreter"),
    *("workers.local_worker", "workers.reconciler", "workers.up", "workers.worker"),
)
"""What `run` has no use for while another process works."""

LIBRARIES = {
    *(
        "annotated_doc",
        "annotated_types",
        "cython_runtime",
        "dotenv",
        "google",
        "greenlet",
        "nexusrpc",
        "obstore",
        "platformdirs",
    ),
    *("psycopg", "psycopg_binary", "psycopg_c", "pydantic", "pydantic_core", "pydantic_settings"),
    *(
        "pythonjsonlogger",
        "rich",
        "shellingham",
        "sqlalchemy",
        "temporalio",
        "typer",
        "typing_extensions",
    ),
    *(
        "typing_inspection",
        "yaml",
        "_yaml",
        "markdown_it",
        "mdurl",
        "pygments",
        "attr",
        "aiosqlite",
    ),
}
"""Third-party packages that `run` may load then."""


@pytest.fixture(scope="module")
def health(cli: CommandLine) -> Iterator[tuple[Running, str]]:
    """`holdfast up` in the data directory, and its base URL."""
    cli.variables["HOLDFAST_API_PORT"] = "0"
    with cli.running("up") as running:
        line = running.read_line()
        assert line.startswith("Holdfast is up: Temporal 127.0.0.1:"), line
        url = next(part for part in line.split() if part.endswith("/health/ready"))
        yield running, url.removesuffix("/ready")


def get(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@requirement("up:health")
def test_health_says_that_it_lives_and_works(health: tuple[Running, str]) -> None:
    _, url = health

    until(lambda: get(f"{url}/ready")[0] == 200)

    assert get(f"{url}/live")[1]["status"] == "live"
    checks = get(f"{url}/ready")[1]["checks"]
    assert checks == {"database": "ok", "temporal": "ok", "worker": "ok"}


@requirement("up:small-run")
def test_run_loads_little_while_up_is_alive(cli: CommandLine, health: tuple[Running, str]) -> None:
    program = (
        "import sys\nfrom workers.cli import app\n"
        f"try: app({['run', PARCEL, *PARCEL_INPUTS]!r}, prog_name='holdfast')\n"
        "except SystemExit as ended: print(ended.code)\n"
        "print(' '.join(sys.modules))\nprint(' '.join(sys.stdlib_module_names))"
    )
    until(lambda: get(f"{health[1]}/ready")[0] == 200)

    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=cli.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    *_, code, loaded_line, stdlib = ended.stdout.splitlines()
    loaded = set(loaded_line.split())
    assert code == "0"
    assert not loaded & set(NOT_LOADED)
    ours = {"schema", "workflows", "workers", "api"}
    # Debian's Python, for one, loads a `sitecustomize` of its own at every start.
    machine = {"sitecustomize", "usercustomize"}
    libraries = {name.partition(".")[0] for name in loaded} - set(stdlib.split()) - ours - machine
    assert {name for name in libraries if name.islower() and name[0] != "_"} <= LIBRARIES


@requirement("up:drain")
def test_sigterm_ends_it_in_good_order(cli: CommandLine, health: tuple[Running, str]) -> None:
    running, url = health

    running.send(signal.SIGTERM)
    ended = running.wait()

    assert ended.code == 0, ended.stderr
    assert cli.call("run", PARCEL, *PARCEL_INPUTS).code == 0
    with pytest.raises(urllib.error.URLError):
        get(f"{url}/live")


def test_a_worker_alone_says_where_it_is_and_drains(cli: CommandLine) -> None:
    alone = CommandLine(cli.home, {"HOLDFAST_HEALTH_PORT": "0"})
    with alone.running("worker", "--role", "all") as running:
        line = running.read_line()
        url = next(part for part in line.split() if part.endswith("/health/ready"))
        until(lambda: get(url)[0] == 200)

        running.send(signal.SIGTERM)
        ended = running.wait()

    assert line.startswith("Worker is up: Temporal 127.0.0.1:")
    assert ended.code == 0


def test_a_port_that_is_taken_is_named_with_its_setting(
    cli: CommandLine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        other = CommandLine(cli.home, {"HOLDFAST_API_PORT": port})

        ended = other.call("up")

    assert ended.code == 1
    assert f"Port {port}" in ended.stderr
    assert "HOLDFAST_API_PORT" in ended.stderr


def test_a_wrong_setting_is_named(cli: CommandLine) -> None:
    ended = CommandLine(cli.home, {"HOLDFAST_LOG_LEVEL": "LOUD"}).call("runs")

    assert ended.code == 1
    assert "log_level" in ended.stderr
