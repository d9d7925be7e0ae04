"""Cases in which nobody dies, but something stays away for longer than a heartbeat may be late.

Calls of the peer are under way meanwhile. The peer answers while the outage lasts, or after it.
"""

import contextlib
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from tests.command_line import Running, until
from tests.kill.apps import CALLS_AT_ONCE
from tests.kill.records import Left, open_run_ids, run_ids
from tests.kill.stage import REACH_SECONDS, SECONDS, Stage, assert_succeeded

SERVER_AWAY_SECONDS = 15.0
"""Longer than the heartbeat time-out, and than the SDK tries to report a result (10 s each)."""
NEXT_ATTEMPT_SECONDS = 4.0
LOCKED_SECONDS = 12.0
"""Longer than SQLite waits for a lock."""
STOPPED_SECONDS = 150.0
"""Tasks may be handed to a worker that stands still, until its polls have timed out."""


@dataclass(frozen=True)
class ServerAway:
    """The Temporal server is away for 15 s."""

    workers: int
    answered: str
    """`during` the outage, or `after` it."""
    app: str = "calls"

    def __str__(self) -> str:
        return f"server away, {self.workers} workers, answered {self.answered}"

    def play(self, stage: Stage) -> Left:
        stage.peer.answers.clear()
        with contextlib.ExitStack() as open_until_the_end:
            if self.workers == 2:
                open_until_the_end.enter_context(stage.up())
                open_until_the_end.enter_context(stage.second_worker())
            running = open_until_the_end.enter_context(_a_run(stage, self.app))
            with stage.server_away(SERVER_AWAY_SECONDS):
                if self.answered == "during":
                    stage.peer.answers.set()
            # Time for the next attempts: they join the living calls, or make them once more.
            stage.let_pass(NEXT_ATTEMPT_SECONDS if self.answered == "after" else 0)
            stage.peer.answers.set()
            ended = running.wait(SECONDS)
        assert_succeeded(ended)
        # What the SDK says about the outage stands beside the result, not in it.
        assert ended.result["status"] == "succeeded"
        assert "WARNING temporalio.core: " in ended.stderr or self.workers == 2
        return stage.left(run_ids(stage.home)[-1])


@dataclass(frozen=True)
class WorkerStopped:
    """One of two workers stands still (SIGSTOP) while it waits for the peer, and wakes up later."""

    app: str = "calls"

    def __str__(self) -> str:
        return "a worker stands still"

    def play(self, stage: Stage) -> Left:
        stage.peer.answers.clear()
        with stage.up() as up, _a_run(stage, self.app) as running, stage.second_worker():
            up.send(signal.SIGSTOP)
            stage.peer.until_arrived(2 * CALLS_AT_ONCE, STOPPED_SECONDS)
            stage.peer.answers.set()
            until(lambda: not open_run_ids(stage.home), STOPPED_SECONDS)
            up.send(signal.SIGCONT)
            assert_succeeded(running.wait(SECONDS))
        return stage.left(run_ids(stage.home)[-1])


@dataclass(frozen=True)
class DatabaseLocked:
    """Somebody else holds the lock of the records while the calls end."""

    app: str = "calls"

    def __str__(self) -> str:
        return "database locked"

    def play(self, stage: Stage) -> Left:
        stage.peer.answers.clear()
        with _a_run(stage, self.app) as running:
            other = sqlite3.connect(stage.home / "holdfast.db", isolation_level=None)
            other.execute("BEGIN IMMEDIATE")
            stage.peer.answers.set()
            stage.let_pass(LOCKED_SECONDS)
            other.execute("ROLLBACK")
            other.close()
            assert_succeeded(running.wait(SECONDS))
        return stage.left(run_ids(stage.home)[-1])


@contextlib.contextmanager
def _a_run(stage: Stage, app: str) -> Iterator[Running]:
    """Start a run and give it when its calls are under way."""
    with stage.cli.running("run", *stage.arguments(app), "--json") as running:
        stage.peer.until_arrived(CALLS_AT_ONCE, REACH_SECONDS)
        yield running
