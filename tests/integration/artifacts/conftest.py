"""The artifact store in a directory and in a bucket."""

from pathlib import Path

import pytest

from schema.db.artifacts import ArtifactFiles
from tests.fixtures_s3 import s3_location, s3_server

__all__ = ["s3_location", "s3_server"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture(params=["directory", "s3"])
def location(request: pytest.FixtureRequest, folder: Path) -> str:
    """Where a store is, of each kind in turn."""
    if request.param == "directory":
        return str(folder)
    found: str = request.getfixturevalue("s3_location")
    return found


@pytest.fixture
def store(location: str) -> ArtifactFiles:
    return ArtifactFiles(location)
