"""Runs that are disturbed in one way, so that many ways can be tried side by side.

After each the user does what a user would do: wait, or `holdfast attach`.
"""

import signal
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from schema.kill_points import KillPoint
from schema.limits import MAX_EFFECT_STARTS
from tests.kill.apps import CALLS_AT_ONCE
from tests.kill.records import Left, run_ids
from tests.kill.stage import REACH_SECONDS, SECONDS, Stage, Victim, assert_succeeded

KEEPER_POINTS: tuple[KillPoint, ...] = ("keeper begun", "server started", "server ready")
"""Places of the keeper's process, not of the command's."""


@runtime_checkable
class Case(Protocol):
    """A run and what happens to it."""

    @property
    def app(self) -> str:
        """Key of `APPS`."""

    def play(self, stage: Stage) -> Left:
        """Start the run, disturb it, and see it to its end."""


@dataclass(frozen=True)
class Killed:
    """Processes are killed when the run reaches a place."""

    app: str
    point: KillPoint
    count: int
    victim: Victim

    def __str__(self) -> str:
        return f"{self.app}, {self.point}:{self.count}, {self.victim}"

    def play(self, stage: Stage) -> Left:
        arguments = [*stage.arguments(self.app), "--json"]
        if self.point in KEEPER_POINTS:
            stage.lose_keeper_at(self.point, self.count, "run", *arguments)
        elif self.victim is Victim.WORKER:
            stage.die_at(self.point, self.count, "run", *arguments)
        else:
            with stage.frozen_at(self.point, self.count, "run", *arguments) as frozen:
                stage.kill(self.victim, frozen)
                if self.victim is not Victim.ALL:
                    frozen.send(signal.SIGCONT)
                    ended = frozen.wait(SECONDS)
                    assert_succeeded(ended)
                    # Whatever died around it, the one object is all that is printed.
                    assert ended.result["status"] == "succeeded"
        (run_id,) = run_ids(stage.home)
        if self.victim in (Victim.WORKER, Victim.ALL):
            assert_succeeded(stage.call("attach", run_id))
        return stage.left(run_id)


@dataclass(frozen=True)
class PausedAndKilled:
    """A run is paused while nobody works, and the worker is killed before and after the resume."""

    app: str
    pausing: tuple[KillPoint, int]
    resuming: tuple[KillPoint, int]

    def __str__(self) -> str:
        return f"{self.app}, paused, {self.pausing[0]}, resumed, {self.resuming[0]}"

    def play(self, stage: Stage) -> Left:
        stage.die_at("effect begun", 1, "run", *stage.arguments(self.app))
        (run_id,) = run_ids(stage.home)
        assert "accepted" in stage.call("pause", run_id).stdout
        stage.die_at(*self.pausing, "attach", run_id)
        assert stage.call("attach", run_id).code == 3
        assert stage.left(run_id).status == "paused"
        assert "accepted" in stage.call("resume", run_id).stdout
        stage.die_at(*self.resuming, "attach", run_id)
        assert_succeeded(stage.call("attach", run_id))
        return stage.left(run_id)


@dataclass(frozen=True)
class Deadly:
    """A node kills its worker every time that it begins."""

    app: str

    def __str__(self) -> str:
        return f"{self.app}, deadly"

    def play(self, stage: Stage) -> Left:
        command = ["run", *stage.arguments(self.app)]
        for _ in range(MAX_EFFECT_STARTS):
            stage.die_at("effect begun", 1, *command)
            (run_id,) = run_ids(stage.home)
            command = ["attach", run_id]
        assert stage.call(*command).code == 1
        return stage.left(run_id)


@dataclass(frozen=True)
class KilledDuringCalls:
    """Processes are killed while calls of the peer are under way."""

    victim: Victim
    app: str = "calls"

    def __str__(self) -> str:
        return f"{self.app}, under way, {self.victim}"

    def play(self, stage: Stage) -> Left:
        stage.peer.answers.clear()
        with stage.cli.running("run", *stage.arguments(self.app)) as running:
            stage.peer.until_arrived(CALLS_AT_ONCE, REACH_SECONDS)
            stage.kill(self.victim, running)
            stage.peer.answers.set()
            if self.victim not in (Victim.WORKER, Victim.ALL):
                assert_succeeded(running.wait(SECONDS))
        (run_id,) = run_ids(stage.home)
        if self.victim in (Victim.WORKER, Victim.ALL):
            assert_succeeded(stage.call("attach", run_id))
        return stage.left(run_id)
