"""A data directory in which runs are disturbed at named places.

The command is killed there (`name:count`), or freezes there (`name:count:stop`) while the processes
around it are killed.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from schema.kill_points import KillPoint
from tests.command_line import CommandLine, Ended, Running, until
from tests.integration.stack.processes import census
from tests.kill.apps import APPS
from tests.kill.peer import a_peer
from tests.kill.records import Left, read_left, run_ids
from workers.data_directory import DataDirectory
from workers.server_record import read_record

SECONDS = 90
"""Longest wait for a command; a lost activity is noticed after 10 s."""
REACH_SECONDS = 90
"""Longest way to a place, while other tests keep the processors busy."""
IDLE_SECONDS = "3"


class Victim(StrEnum):
    """Who is killed when the place is reached."""

    WORKER = "worker"
    KEEPER = "keeper"
    SERVER = "server"
    BOTH = "keeper and server"
    ALL = "all"


class Stage:
    """A data directory in which runs are disturbed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self._open = contextlib.ExitStack()
        self.peer = self._open.enter_context(a_peer())
        self.cli = self._command_line()

    def run(self, app: str) -> Left:
        """Run an app undisturbed."""
        assert_succeeded(self.call("run", *self.arguments(app)))
        return self.left(run_ids(self.home)[-1])

    def arguments(self, app: str) -> list[str]:
        """Write an app; give the arguments of `holdfast run`."""
        inputs = {"peer": self.peer.url} if app == "calls" else {}
        return APPS[app].write(self.home / "app", **inputs)

    def left(self, run_id: str) -> Left:
        """Read what a run left here and at the peer."""
        return replace(read_left(self.home, run_id), calls=self.peer.calls)

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

    def lose_keeper_at(self, point: KillPoint, count: int, *arguments: str) -> None:
        """Run a command whose keeper is killed at a place; fail if that never comes there."""
        with self._command_line(f"{point}:{count}").running(*arguments) as running:
            assert_succeeded(running.wait(SECONDS))
        assert self._keeper_reached(point) == 1

    @contextmanager
    def keeper_frozen_at(self, point: KillPoint, *arguments: str) -> Iterator[Running]:
        """Run a command and give it when its keeper stands still at a place."""
        with self._command_line(f"{point}:1:stop").running(*arguments) as running:
            until(lambda: self._keeper_reached(point), REACH_SECONDS)
            yield running

    @contextmanager
    def up(self, kill_point: str = "") -> Iterator[Running]:
        """Run `holdfast up` for as long as the block."""
        with self._command_line(kill_point).running("up") as running:
            assert running.read_line().startswith("Holdfast is up")
            yield running

    @contextmanager
    def frozen_at(self, point: KillPoint, count: int, *arguments: str) -> Iterator[Running]:
        """Run a command and give it when it stands still at a place."""
        with self._command_line(f"{point}:{count}:stop").running(*arguments) as running:
            until(lambda: _stands_still(running), REACH_SECONDS)
            yield running

    def kill(
        self, victim: Victim, command: Running | None = None, *, at_least_one: bool = True
    ) -> None:
        """Kill processes of this data directory, all at the same moment."""
        living = census(self.home)
        pids: set[int] = set()
        if victim in (Victim.KEEPER, Victim.BOTH, Victim.ALL):
            pids |= living.keepers
        if victim in (Victim.SERVER, Victim.BOTH, Victim.ALL):
            pids |= living.servers
        if victim in (Victim.WORKER, Victim.ALL) and command is not None:
            pids.add(command.process.pid)
        assert pids or not at_least_one
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if command is not None and command.process.pid in pids:
            command.process.wait(SECONDS)

    @contextmanager
    def server_away(self, seconds: float) -> Iterator[None]:
        """Kill the server, run the block, and let nobody start another before the time is over."""
        (keeper,) = census(self.home).keepers
        os.kill(keeper, signal.SIGSTOP)
        self.kill(Victim.SERVER)
        back = time.monotonic() + seconds
        try:
            yield
            self.let_pass(back - time.monotonic())
        finally:
            os.kill(keeper, signal.SIGCONT)

    def let_pass(self, seconds: float) -> None:
        """Wait: how long something stays away is the point."""
        over = time.monotonic() + seconds
        until(lambda: time.monotonic() >= over, seconds + 1)

    def until_nothing_is_left(self, seconds: float = 60) -> None:
        """Wait until keeper and server have ended by themselves."""
        self._open.close()
        try:
            until(lambda: census(self.home).is_empty, seconds)
        except AssertionError as error:
            error.add_note(f"left in {self.home}: {census(self.home)}")
            raise

    def _keeper_reached(self, point: KillPoint) -> int:
        log = self.home / "logs" / "keeper.log"
        return log.read_text().count(f"kill point reached: {point}") if log.exists() else 0

    @contextmanager
    def second_worker(self) -> Iterator[Running]:
        """Run a second worker beside `up`, on the same server and records."""
        record = read_record(DataDirectory(self.home).server_file)
        assert record is not None
        more = {"TEMPORAL_ADDRESS": record.address, "HOLDFAST_HEALTH_PORT": "0"}
        with self._command_line(**more).running("worker") as running:
            assert running.read_line().startswith("Worker is up")
            yield running

    def _command_line(self, kill_point: str = "", **more: str) -> CommandLine:
        variables = {
            "HOLDFAST_KILL_POINT": kill_point,
            "HOLDFAST_KEEPER_IDLE_SECONDS": IDLE_SECONDS,
            "HOLDFAST_API_PORT": "0",
            "HOLDFAST_ALLOWED_ADDRESSES": "127.0.0.1",
        }
        return CommandLine(self.home, {**variables, **more})


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
