"""Fixtures that every level of tests shares."""

import os
import sys

import pytest
from hypothesis import settings

# How long an example takes says how busy the machine is.
settings.register_profile("holdfast", deadline=None)
settings.load_profile("holdfast")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("holdfast")
    group.addoption("--queues", type=int, choices=(1, 3), default=1, help="task queues of a run")
    group.addoption(
        "--cached-workflows", type=int, default=1000, help="0: every workflow task replays"
    )
    group.addoption(
        "--record-histories", default="", help="folder for the histories that have a name"
    )


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    session.config.stash[_STATUS] = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """End as `workers/cli/process.py` does: the SDK's threads may abort Python's teardown."""
    if "temporalio.bridge.temporal_sdk_bridge" in sys.modules and _STATUS in config.stash:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(config.stash[_STATUS])


_STATUS = pytest.StashKey[int]()
