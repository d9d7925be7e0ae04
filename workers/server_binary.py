"""Find the `temporal` program, or get it: PATH, our cache, the SDK's download, a build with Go.

Each way is a source that gives the program or says why it cannot; when none can, the error names
them all. Only one process at a time downloads or builds; the others wait for its result.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from schema.errors import DevServerUnavailable, SetupError
from schema.settings import Settings
from workers.dev_server import NEWS_SWITCH
from workers.file_lock import FileLock
from workers.program import run_program

Progress: TypeAlias = Callable[[str], None]
"""Called with one line of text for the user whenever something takes a while."""

CLI_VERSION = "1.8.2"
"""The pinned version; `deploy/temporal-cli/go.mod` names the same."""

MODULE = Path(__file__).resolve().parents[1] / "deploy" / "temporal-cli"
"""The Go module that pins the program; package data, beside the package in every installation."""

REMEDY = "install the Temporal CLI (https://docs.temporal.io/cli) so that `temporal` is on PATH"

CHECK_SECONDS = 20.0
DOWNLOAD_SECONDS = 600.0
"""Longest download, the 10 s for its connection included."""
BUILD_SECONDS = 1800.0
PROGRESS_SECONDS = 5.0

_IMPORT_ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class DevServerBinary:
    """A `temporal` program that can serve."""

    path: Path
    source: str
    """Where it comes from, as in the error: `PATH`, `cache`, `download`, `go build`."""
    knows_news_switch: bool = True


@dataclass(frozen=True)
class Missing:
    """Why a source has no program."""

    reason: str


@dataclass(frozen=True)
class Source:
    """One way to the program."""

    name: str
    get: Callable[[Progress], Awaitable[DevServerBinary | Missing]]


@dataclass(frozen=True)
class Sources:
    """All ways to the program, in the order in which they are tried."""

    quick: Sequence[Source]
    slow: Sequence[Source]
    """Tried by one process at a time, after another look at what that one may have left."""
    lock_file: Path


def default_sources(settings: Settings) -> Sources:
    """List the ways of a usual installation."""
    cache = BinaryCache(settings.cache)
    kept = Source("cache", cache.find)
    return Sources(
        quick=[Source("TEMPORAL_ADDRESS", _no_address), Source("PATH", from_path), kept],
        slow=[
            kept,
            Source("download", lambda progress: cache.download(progress, settings.download)),
            Source("go build", lambda progress: cache.build(progress, MODULE)),
        ],
        lock_file=cache.lock_file,
    )


async def find_binary(sources: Sources, progress: Progress) -> DevServerBinary:
    """Take the first program that a source has.

    Raises:
        DevServerUnavailable: If none has one; it lists each source and its reason.
        SetupError: If another process works on it for longer than a build may take.
    """
    reasons: dict[str, str] = {}
    found = await _first(sources.quick, progress, reasons)
    if found is None:
        lock = await _wait_for_turn(sources.lock_file, progress)
        try:
            found = await _first(sources.slow, progress, reasons)
        finally:
            lock.release()
    if found is None:
        raise DevServerUnavailable(list(reasons.items()), REMEDY)
    return found


async def from_path(_progress: Progress) -> DevServerBinary | Missing:
    """Take the `temporal` on PATH, if it knows the flags that we need."""
    found = shutil.which("temporal")
    if found is None:
        return Missing("no `temporal` there")
    path = Path(found)
    shown = await run_program([found, "server", "start-dev", "--help"], CHECK_SECONDS)
    if shown.status != 0:
        return Missing(f"{found} does not work: {shown.last_line}")
    if "--sqlite-pragma" not in shown.text or "--http-port" not in shown.text:
        return Missing(f"{found} is too old")
    return DevServerBinary(path, "PATH", knows_news_switch=NEWS_SWITCH in shown.text)


class BinaryCache:
    """The user's folder of fetched and built programs; only whole ones ever have their name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / f"temporal-{CLI_VERSION}"
        self.lock_file = folder / "temporal.lock"

    async def find(self, _progress: Progress) -> DevServerBinary | Missing:
        """Take what was fetched or built before."""
        if os.access(self.program, os.X_OK):
            return DevServerBinary(self.program, "cache")
        return Missing(f"{self.program} does not exist")

    async def download(self, progress: Progress, allowed: bool) -> DevServerBinary | Missing:
        """Let Temporal's SDK download the program."""
        if not allowed:
            return Missing("switched off by HOLDFAST_DOWNLOAD")
        progress(f"Downloading the Temporal server {CLI_VERSION} (once)")
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".download-") as folder:
            command = [sys.executable, "-m", "workers.server_download", folder, CLI_VERSION]
            ended = await run_program(command, DOWNLOAD_SECONDS, folder=_IMPORT_ROOT)
            if ended.status != 0:
                return Missing(ended.last_line)
            self._keep(Path(ended.last_line))
        return DevServerBinary(self.program, "download")

    async def build(self, progress: Progress, module: Path) -> DevServerBinary | Missing:
        """Build the program of a Go module that names it as its tool."""
        if shutil.which("go") is None:
            return Missing("no `go` on PATH")
        if not (module / "go.mod").exists():
            return Missing(f"{module} has no go.mod; the installation is incomplete")
        progress("Building the Temporal server with Go (once; 2 to 4 minutes on two cores)")
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".build-") as folder:
            draft = Path(folder) / "temporal"
            ended = await run_program(
                _build_command(draft), BUILD_SECONDS, folder=module, watch=BuildProgress(progress)
            )
            if ended.status != 0:
                return Missing(ended.last_line)
            self._keep(draft)
        return DevServerBinary(self.program, "go build")

    def _keep(self, draft: Path) -> None:
        draft.chmod(0o755)
        os.replace(draft, self.program)


class BuildProgress:
    """Tells the user now and then how far a build is; `go build -v` prints a line a package."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._begin = self._told = time.monotonic()
        self._packages = 0

    def __call__(self, _line: str) -> None:
        """Count one line."""
        self._packages += 1
        now = time.monotonic()
        if now - self._told >= PROGRESS_SECONDS:
            self._told = now
            elapsed = now - self._begin
            self._progress(f"Building the Temporal server: {self._packages} steps, {elapsed:.0f} s")


def _build_command(draft: Path) -> list[str]:
    version = f"github.com/temporalio/cli/internal/temporalcli.Version={CLI_VERSION}"
    # `env` instead of our own environment: CGO off needs no C compiler, GOWORK off ignores a
    # workspace of the user around our module.
    command = ["env", "CGO_ENABLED=0", "GOWORK=off", "go", "build", "-v", "-mod=readonly"]
    command += ["-trimpath", "-buildvcs=false", "-ldflags", f"-s -w -X {version}"]
    return [*command, "-o", str(draft), "github.com/temporalio/cli/cmd/temporal"]


async def _no_address(_progress: Progress) -> DevServerBinary | Missing:
    return Missing("not set, so a server of our own is needed")


async def _first(
    sources: Sequence[Source], progress: Progress, reasons: dict[str, str]
) -> DevServerBinary | None:
    for source in sources:
        found = await source.get(progress)
        if isinstance(found, DevServerBinary):
            return found
        reasons[source.name] = found.reason
    return None


async def _wait_for_turn(lock_file: Path, progress: Progress) -> FileLock:
    try:
        lock_file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(
            f"The cache {str(lock_file.parent)!r} cannot be written ({error.strerror}); make it "
            "writable or set HOLDFAST_CACHE to another directory."
        ) from error
    lock = FileLock(lock_file)
    if not lock.try_exclusive():
        progress("Another process is getting the Temporal server; waiting for it")
        await lock.exclusive(DOWNLOAD_SECONDS + BUILD_SECONDS)
    return lock
