"""Run another program to its end, within a time limit, and never leave it behind."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

OUTPUT_LINES = 500
"""How many of its last lines are kept."""


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    status: int
    """Exit status; negative after a signal."""
    text: str
    """The end of what it printed, both streams together."""

    @property
    def last_line(self) -> str:
        """The last line that says something."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1] if lines else f"exit status {self.status}"


async def run_program(
    command: Sequence[str],
    seconds: float,
    *,
    folder: Path | None = None,
    watch: Callable[[str], None] | None = None,
) -> Ended:
    """Run a program in a process group of its own; it ends with the call, however that ends.

    Args:
        command: The program and its arguments; no shell.
        seconds: Time after which it is killed; the result then says so.
        folder: Its working directory.
        watch: Called with each line it prints.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=folder,
            start_new_session=True,
        )
    except OSError as error:
        return Ended(127, f"{command[0]}: {error.strerror}")
    lines: list[str] = []
    try:
        async with asyncio.timeout(seconds):
            await _collect(process, lines, watch)
            status = await process.wait()
    except TimeoutError:
        lines.append(f"{command[0]} took longer than {seconds:g} s")
        status = -signal.SIGKILL
    finally:
        await _end(process)
    return Ended(status, "\n".join(lines))


async def _collect(
    process: asyncio.subprocess.Process, lines: list[str], watch: Callable[[str], None] | None
) -> None:
    assert process.stdout is not None  # it is a pipe
    while chunk := await process.stdout.readline():
        line = chunk.decode(errors="replace").rstrip("\n")
        lines.append(line)
        del lines[:-OUTPUT_LINES]
        if watch is not None:
            watch(line)


async def _end(process: asyncio.subprocess.Process) -> None:
    # The group also holds what the program started, such as the compilers of `go build`.
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
