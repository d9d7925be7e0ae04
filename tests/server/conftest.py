"""One server, one database, one worker for the whole session; every history is replayed."""

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from schema.db.migrate import migrate
from schema.runs import Queues
from schema.settings import Settings
from tests import effects, substitutes
from tests.http_peer import HttpPeer, http_peer
from tests.server.harness import RunHarness
from workers.dependencies import Dependencies, open_dependencies
from workers.peers import open_peers
from workers.stack import open_stack
from workers.worker import build_workers, running

RESULT_SCHEMA = Path(__file__).parents[2] / "schema" / "run-result.schema.json"
QUEUES = {
    1: Queues(),
    3: Queues(run="holdfast-run", io="holdfast-io", code="holdfast-code"),
}


@pytest.fixture(scope="session")
def result_schema() -> Draft202012Validator:
    """The promise of `run --json`."""
    return Draft202012Validator(json.loads(RESULT_SCHEMA.read_text()))


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
async def dependencies(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[Dependencies]:
    settings = Settings(
        home=home,
        keeper_idle_seconds=1,
        allowed_addresses=("127.0.0.1",),
        http_proxy=None,
        https_proxy=None,
    )
    async with (
        open_stack(settings) as addresses,
        open_dependencies(settings, addresses) as opened,
    ):
        await migrate(opened.database)
        yield replace(opened, queues=QUEUES[request.config.getoption("--queues")])


@pytest.fixture(scope="session")
async def worker(dependencies: Dependencies, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    substitutes.install()
    effects.install()
    cached = request.config.getoption("--cached-workflows")
    async with (
        open_peers(dependencies.settings, dependencies.artifacts) as peers,
        running(build_workers(dependencies, peers, cached_workflows=cached)),
    ):
        yield


@pytest.fixture(scope="session")
async def runs(
    dependencies: Dependencies,
    worker: None,
    home: Path,
    request: pytest.FixtureRequest,
) -> AsyncIterator[RunHarness]:
    harness = RunHarness(dependencies, dependencies.queues)
    yield harness
    histories = await harness.histories()
    _write(home / "histories", histories)
    if folder := request.config.getoption("--record-histories"):
        kept = harness.names.values()
        _write(Path(folder), {n: h for n, h in histories.items() if n.partition(".")[0] in kept})
    _replay(home)


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    """Whom http-request nodes call."""
    async with http_peer() as opened:
        yield opened


def _write(folder: Path, histories: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in histories.items():
        (folder / f"{name}.json").write_text(text)


def _replay(home: Path) -> None:
    """Replay what this session ran, under three hash seeds (invariant 4)."""
    for seed in ("0", "1", "2"):
        subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.replay.replayer",
                str(home / "histories"),
                str(home / "artifacts"),
            ],
            env={"PYTHONHASHSEED": seed},
            check=True,
            timeout=120,
        )
