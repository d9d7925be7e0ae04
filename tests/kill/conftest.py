"""Plays all chosen cases a few at a time, beside other tests: they mostly wait for time-outs."""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kill.cases import Case
from tests.kill.outages import ServerAway, WorkerStopped
from tests.kill.records import Left
from tests.kill.stage import Stage

AT_ONCE = 6


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("holdfast").addoption(
        "--fault-rounds", type=int, default=1, help="rounds of tests/kill/faults.py"
    )


@dataclass(frozen=True)
class Plays:
    """What the cases left, and what the same runs leave undisturbed."""

    disturbed: Mapping[Case, "Future[Left]"]
    undisturbed: Mapping[str, "Future[Left]"]


@pytest.fixture(scope="session")
def stages() -> Iterator[list[Stage]]:
    """Every data directory of the session; in the end nothing may be left in any of them."""
    made: list[Stage] = []
    yield made
    for stage in made:
        stage.until_nothing_is_left()


@pytest.fixture(scope="session", autouse=True)
def plays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, stages: list[Stage]
) -> Iterator[Plays]:
    """Begin to play at once, while the tests of other files run."""
    cases = list(dict.fromkeys(_chosen(request.session.items)))
    # Those that wait longest begin first, while other tests keep the processors busy.
    cases.sort(key=lambda case: not isinstance(case, ServerAway | WorkerStopped))
    apps = list(dict.fromkeys(case.app for case in cases))

    def a_stage(name: str) -> Stage:
        stage = Stage(tmp_path_factory.mktemp(name) / "home")
        stages.append(stage)
        return stage

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield Plays(
            undisturbed={app: pool.submit(a_stage(app).run, app) for app in apps},
            disturbed={case: pool.submit(case.play, a_stage("case")) for case in cases},
        )
    finally:
        pool.shutdown(cancel_futures=True)


def _chosen(items: Iterable[pytest.Item]) -> Iterator[Case]:
    """The cases of the tests that this session runs."""
    for item in items:
        spec = getattr(item, "callspec", None)
        case = spec.params.get("case") if spec is not None else None
        if isinstance(case, Case):
            yield case


@pytest.fixture
def stage(tmp_path: Path, stages: list[Stage]) -> Stage:
    """A data directory for one test."""
    made = Stage(tmp_path / "home")
    stages.append(made)
    return made
