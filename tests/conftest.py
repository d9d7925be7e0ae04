"""Fixtures that every level of tests shares."""

import pytest


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
