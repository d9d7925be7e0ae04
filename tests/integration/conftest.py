"""What one test of this level needs minutes for is begun at once, beside the others."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PARSER = "github.com/compose-spec/compose-go/v2/cmd@v2.16.2"
BUILD_SECONDS = 480
_FIXTURE = "compose_parser"


@dataclass(frozen=True)
class ParserBuild:
    """The build of the command that reads Compose files, under way or done."""

    process: subprocess.Popen[str]
    program: Path

    def wait(self) -> str | None:
        """Wait for its end; say what went wrong."""
        _, said = self.process.communicate(timeout=BUILD_SECONDS)
        return None if self.process.returncode == 0 else said[-300:]


@pytest.fixture(scope="session", autouse=True)
def compose_parser_build(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ParserBuild | None]:
    """Build the parser if a test of this session asks for it; None without Go."""
    go = shutil.which("go")
    wanted = any(_FIXTURE in getattr(item, "fixturenames", ()) for item in request.session.items)
    if go is None or not wanted:
        yield None
        return
    folder = tmp_path_factory.mktemp("compose")
    process = subprocess.Popen(
        ["env", f"GOBIN={folder}", go, "install", PARSER],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield ParserBuild(process, folder / "cmd")
    if process.poll() is None:
        process.kill()
    process.communicate()
