"""One data directory, and so one Temporal server, for the tests of a file."""

from pathlib import Path

import pytest

from schema.settings import Settings
from tests.command_line import CommandLine


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    return CommandLine(tmp_path_factory.mktemp("home"))


@pytest.fixture
def settings(cli: CommandLine) -> Settings:
    """Settings of this process for the same data directory."""
    return Settings(home=Path(cli.home), keeper_idle_seconds=10)
