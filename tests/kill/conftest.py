"""Plays all chosen cases a few at a time: most of their time they wait for time-outs."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kill.plays import Case, Stage
from tests.kill.records import Left

AT_ONCE = 4


@dataclass(frozen=True)
class Plays:
    """What the cases left, and what the same runs leave undisturbed."""

    disturbed: Mapping[Case, "Future[Left]"]
    undisturbed: Mapping[str, "Future[Left]"]


@pytest.fixture(scope="session")
def plays(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Plays]:
    cases = [
        item.callspec.params["case"]
        for item in request.session.items
        if isinstance(item, pytest.Function)
        and hasattr(item, "callspec")
        and "case" in item.callspec.params
    ]
    apps = list(dict.fromkeys(case.app for case in cases))
    stages: list[Stage] = []

    def a_stage(name: str) -> Stage:
        stage = Stage(tmp_path_factory.mktemp(name) / "home")
        stages.append(stage)
        return stage

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield Plays(
            undisturbed={app: pool.submit(a_stage(app).run, app) for app in apps},
            disturbed={case: pool.submit(a_stage("case").play, case) for case in cases},
        )
    finally:
        pool.shutdown(cancel_futures=True)
    for stage in stages:
        stage.until_nothing_is_left()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A data directory for one test; nothing may be left in it."""
    made = Stage(tmp_path / "home")
    yield made
    made.until_nothing_is_left()
