"""The wrapper's tests run on SQLite and on PostgreSQL, with a real log and a real store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.base import ActivityWrapper
from activities.living import LivingWork
from schema.db.artifacts import ArtifactFiles
from schema.db.event_log import EventLog
from schema.key_file import KeyFile, KeySource
from tests.fixtures_db import (
    database,
    database_url,
    event_log,
    postgres,
    postgres_server,
    postgres_template,
    sqlite_template,
)

__all__ = [
    "database",
    "database_url",
    "event_log",
    "postgres",
    "postgres_server",
    "postgres_template",
    "sqlite_template",
]


@pytest.fixture
def artifacts(tmp_path: Path) -> ArtifactFiles:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    return ArtifactFiles(str(folder))


@pytest.fixture
def keys(tmp_path: Path) -> KeySource:
    return KeySource(KeyFile(tmp_path / "secret.keys"))


@pytest.fixture
async def living(event_log: EventLog) -> AsyncIterator[LivingWork]:
    work = LivingWork(event_log)
    yield work
    await work.close()


@pytest.fixture
def wrapper(event_log: EventLog, artifacts: ArtifactFiles, living: LivingWork) -> ActivityWrapper:
    return ActivityWrapper(event_log, artifacts, living)
