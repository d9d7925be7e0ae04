"""docker-compose.yml is read by the parser that Docker Compose itself uses."""

import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import ParserBuild
from tests.sources import ROOT


@pytest.fixture(scope="module")
def compose_parser(compose_parser_build: ParserBuild | None) -> Path:
    """The parser's own command, built from its module."""
    if compose_parser_build is None:
        pytest.skip("Go is not installed; it builds the Compose parser")
    if reason := compose_parser_build.wait():
        pytest.skip(f"the Compose parser cannot be built here: {reason}")
    return compose_parser_build.program


def parse(parser: Path, file: Path) -> subprocess.CompletedProcess[str]:
    command = [str(parser), str(file)]
    return subprocess.run(
        command, cwd=file.parent, capture_output=True, text=True, timeout=30, check=False
    )


def test_compose_file_is_valid(compose_parser: Path) -> None:
    parsed = parse(compose_parser, ROOT / "docker-compose.yml")

    assert parsed.returncode == 0, parsed.stderr
    assert "temporal-namespace:" in parsed.stdout


def test_misspelt_key_is_noticed(compose_parser: Path, tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    file.write_text(text.replace("retries:", "retrys:", 1), "utf-8")

    parsed = parse(compose_parser, file)

    assert parsed.returncode != 0
    assert "retrys" in parsed.stderr + parsed.stdout
