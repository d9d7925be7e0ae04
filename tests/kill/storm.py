"""Many commands at once in one data directory, and death among them at random."""

import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.command_line import Ended, Running, until
from tests.integration.stack.processes import census, openers
from tests.kill.stage import Stage, Victim

LOOK_SECONDS = 0.25
START_SECONDS = 150
"""Until a worker works, while every command of the crowd starts its own Python."""


@dataclass
class Watchman:
    """Looks all the time who has the server's database file open."""

    home: Path
    most_at_once: int = 0
    pids: set[int] = field(default_factory=set)
    """Every server that was ever seen with the file open."""
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def watching(self) -> Iterator["Watchman"]:
        """Look for as long as the block."""
        thread = threading.Thread(target=self._look, name="watchman")
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join(10)

    def _look(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            now = openers(self.home)
            self.most_at_once = max(self.most_at_once, len(now))
            self.pids |= now


class Crowd:
    """Commands that were started at once."""

    def __init__(self, stage: Stage, running: Sequence[Running]) -> None:
        self._stage = stage
        self._running = list(running)
        self.killed: list[Running] = []

    @property
    def is_over(self) -> bool:
        """Whether every command has ended."""
        return all(each.process.poll() is not None for each in self._running)

    def kill_one(self, dice: random.Random) -> None:
        """Kill any command that still runs."""
        living = [each for each in self._running if each.process.poll() is None]
        if living:
            self._kill(dice.choice(living))

    def kill_worker(self) -> None:
        """Kill the command that works for all of them, if one does."""
        owner = worker_pid(self._stage.home)
        for each in self._running:
            if each.process.pid == owner and each.process.poll() is None:
                self._kill(each)

    def wait(self, seconds: float) -> list[Ended]:
        """Wait for all that were not killed."""
        deadline = time.monotonic() + seconds
        return [
            each.wait(max(0.1, deadline - time.monotonic()))
            for each in self._running
            if each not in self.killed
        ]

    def _kill(self, running: Running) -> None:
        running.send(signal.SIGKILL)
        running.process.wait(10)
        self._running.remove(running)
        self.killed.append(running)


@contextmanager
def a_crowd(stage: Stage, count: int, arguments: Sequence[str]) -> Iterator[Crowd]:
    """Start a command many times at once."""
    with ExitStack() as stack:
        running = [stack.enter_context(stage.cli.running(*arguments)) for _ in range(count)]
        yield Crowd(stage, running)


def rage(stage: Stage, crowd: Crowd, dice: random.Random, commands: int) -> None:
    """Kill the keeper, the server, the worker and other commands, at random moments."""
    until(lambda: openers(stage.home) and worker_pid(stage.home), START_SECONDS)
    deeds = ["keeper", "server", "worker", *["command"] * (commands - 1)]
    dice.shuffle(deeds)
    for deed in deeds:
        _let_pass(dice.uniform(0.05, 0.8))
        match deed:
            case "worker":
                until(lambda: crowd.is_over or worker_pid(stage.home))
                crowd.kill_worker()
            case "command":
                crowd.kill_one(dice)
            case "keeper" | "server":
                # A quick crowd may be over by now: then nobody is left to be disturbed.
                until(lambda: crowd.is_over or (census(stage.home).keepers and openers(stage.home)))
                if not crowd.is_over:
                    stage.kill(Victim(deed))


def worker_pid(home: Path) -> int | None:
    """Who works for the data directory, by what stands in its lock."""
    file = home / "locks" / "worker"
    words = file.read_text().split() if file.exists() else []
    return int(words[0]) if words else None


def _let_pass(seconds: float) -> None:
    moment = time.monotonic() + seconds
    until(lambda: time.monotonic() >= moment)
