"""Plays a run in a data directory of its own and disturbs it at a named place.

The command is killed there (`name:count`), or freezes there (`name:count:stop`) while the processes
around it are killed. Then what the user would do is done: wait, or `holdfast attach`.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from schema.kill_points import KillPoint
from tests.command_line import CommandLine, Ended, Running, until
from tests.integration.stack.processes import census
from tests.kill.apps import APPS
from tests.kill.records import Left, read_left, run_ids

SECONDS = 90
"""Longest wait for a command; a lost activity is noticed after 10 s."""
IDLE_SECONDS = "3"


class Victim(StrEnum):
    """Who is killed when the place is reached."""

    WORKER = "worker"
    KEEPER = "keeper"
    SERVER = "server"
    BOTH = "keeper and server"
    ALL = "all"


@dataclass(frozen=True)
class Case:
    """One run and how it is disturbed."""

    app: str
    point: KillPoint
    count: int
    victim: Victim

    def __str__(self) -> str:
        return f"{self.app}, {self.point}:{self.count}, {self.victim}"


class Stage:
    """A data directory in which runs are disturbed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.cli = self._command_line()

    def play(self, case: Case) -> Left:
        """Start a run, disturb it, and see it to its end."""
        arguments = APPS[case.app].write(self.home / "app")
        if case.victim is Victim.WORKER:
            self.die_at(case.point, case.count, "run", *arguments)
        else:
            with self.frozen_at(case.point, case.count, "run", *arguments) as frozen:
                self.kill(case.victim, frozen)
                if case.victim is not Victim.ALL:
                    frozen.send(signal.SIGCONT)
                    assert_succeeded(frozen.wait(SECONDS))
        (run_id,) = run_ids(self.home)
        if case.victim in (Victim.WORKER, Victim.ALL):
            assert_succeeded(self.call("attach", run_id))
        return read_left(self.home, run_id)

    def run(self, app: str) -> Left:
        """Run an app undisturbed."""
        assert_succeeded(self.call("run", *APPS[app].write(self.home / "app")))
        return read_left(self.home, run_ids(self.home)[-1])

    def call(self, *arguments: str) -> Ended:
        """Run a command to its end."""
        with self.cli.running(*arguments) as running:
            return running.wait(SECONDS)

    def die_at(self, point: KillPoint, count: int, *arguments: str) -> None:
        """Run a command that is killed at a place; fail if it never comes there."""
        with self._command_line(f"{point}:{count}").running(*arguments) as running:
            ended = running.wait(SECONDS)
        assert ended.code == -signal.SIGKILL, f"{point}:{count} was not reached: {ended}"
        assert f"kill point reached: {point}" in ended.stderr

    @contextmanager
    def frozen_at(self, point: KillPoint, count: int, *arguments: str) -> Iterator[Running]:
        """Run a command and give it when it stands still at a place."""
        with self._command_line(f"{point}:{count}:stop").running(*arguments) as running:
            until(lambda: _stands_still(running), SECONDS)
            yield running

    def kill(self, victim: Victim, command: Running | None = None) -> None:
        """Kill processes of this data directory, all at the same moment."""
        living = census(self.home)
        pids: set[int] = set()
        if victim in (Victim.KEEPER, Victim.BOTH, Victim.ALL):
            assert living.keepers
            pids |= living.keepers
        if victim in (Victim.SERVER, Victim.BOTH, Victim.ALL):
            assert living.servers
            pids |= living.servers
        if victim in (Victim.WORKER, Victim.ALL):
            assert command is not None
            pids.add(command.process.pid)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        if command is not None and command.process.pid in pids:
            command.process.wait(SECONDS)

    def until_nothing_is_left(self, seconds: float = 30) -> None:
        """Wait until keeper and server have ended by themselves."""
        until(lambda: census(self.home).is_empty, seconds)

    def _command_line(self, kill_point: str = "") -> CommandLine:
        variables = {
            "HOLDFAST_KILL_POINT": kill_point,
            "HOLDFAST_KEEPER_IDLE_SECONDS": IDLE_SECONDS,
            "HOLDFAST_API_PORT": "0",
        }
        return CommandLine(self.home, variables)


def assert_succeeded(ended: Ended) -> None:
    assert ended.code == 0, (ended.code, ended.stdout[-1000:], ended.stderr[-3000:])


def _stands_still(running: Running) -> bool:
    """Whether the process is stopped; one that ended instead is a failure."""
    pid = running.process.pid
    state = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if state is None:
        return False
    assert state.si_code == os.CLD_STOPPED, f"never reached: {running.wait(5)}"
    return True
