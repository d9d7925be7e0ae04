"""The `holdfast` command as a process of its own, in a data directory of the tests."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from tests.sources import ROOT

RUN_SECONDS = 300
"""The first command may have to get a Temporal server; the others take seconds."""
POLL_SECONDS = 0.02

_SHAPE = Draft202012Validator(
    json.loads((ROOT / "schema" / "run-result.schema.json").read_text("utf-8"))
)


@dataclass(frozen=True)
class CommandLine:
    """Calls commands that share a data directory, and so a server."""

    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every command."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")}  # noqa: TID251  # for a child process
        return {
            **inherited,
            "HOLDFAST_HOME": str(self.home),
            "HOLDFAST_KEEPER_IDLE_SECONDS": "10",
            **self.variables,
        }

    def call(self, *arguments: str, input: bytes | None = None) -> "Ended":
        """Run a command to its end."""
        ended = subprocess.run(
            [sys.executable, "-m", "workers.cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=input or b"",
            capture_output=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    @contextmanager
    def running(self, *arguments: str) -> Iterator["Running"]:
        """Start a command; it is killed with the block if it still runs."""
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.cli", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            yield Running(process)
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        """The one JSON object on stdout, which keeps its promise however the run ended."""
        assert self.stdout.count("\n") == 1, (self.stdout[:2000], self.stderr[-2000:])
        parsed: dict[str, Any] = json.loads(self.stdout)
        _SHAPE.validate(parsed)
        return parsed


@dataclass(frozen=True)
class Running:
    """A command that runs."""

    process: subprocess.Popen[bytes]

    def read_line(self) -> str:
        """Wait for its next line on stdout."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def wait(self, seconds: float = 60) -> Ended:
        """Wait for its end."""
        out, err = self.process.communicate(timeout=seconds)
        return Ended(self.process.returncode, out.decode(), err.decode())


def until(condition: Any, seconds: float = 60) -> Any:
    """Poll until a condition gives something true, and return that."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(POLL_SECONDS)
    return value
