"""The long sweep, `make faults`: every place, count and victim, and kills at random moments.

Each round plays one random case of the matrix and one run that is hit at a random moment.
"""

import random
import time
from pathlib import Path

import pytest

from schema.kill_points import KILL_POINTS
from tests.command_line import until
from tests.kill.apps import APPS
from tests.kill.cases import KEEPER_POINTS, Killed
from tests.kill.records import assert_undisturbed, has_records, open_run_ids, run_ids
from tests.kill.stage import SECONDS, Stage, Victim

_ONCE = {"run registered": 1, "finalize begun": 1, "finalize committed": 1}
REACHED = {
    "chain": {**_ONCE, "facts written": 2},
    "large": {
        **_ONCE,
        "facts written": 3,
        "effect begun": 6,
        "effect done": 6,
        "outcome recorded": 6,
    },
    "calls": {
        **_ONCE,
        "facts written": 2,
        "effect begun": 4,
        "effect done": 4,
        "outcome recorded": 4,
    },
    "chat": {
        **_ONCE,
        "facts written": 3,
        "effect begun": 2,
        "effect done": 2,
        "outcome recorded": 2,
    },
}
"""How often an undisturbed run of each app comes to each place."""
EVERYWHERE = [
    Killed(app, point, count, victim)
    for app, reached in REACHED.items()
    for point in KILL_POINTS
    for count in range(1, reached.get(point, 0) + 1)
    for victim in Victim
]


def test_the_sweep_knows_every_place() -> None:
    assert {case.point for case in EVERYWHERE} | set(KEEPER_POINTS) == set(KILL_POINTS)


def test_every_round_of_the_sweep_ends_undisturbed(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    rounds = pytestconfig.getoption("--fault-rounds")
    seed = random.randrange(10**6)
    dice = random.Random(seed)
    undisturbed = {app: Stage(tmp_path / app).run(app) for app in APPS}
    cases = dice.sample(EVERYWHERE, len(EVERYWHERE))
    for number in range(rounds):
        case = cases[number % len(cases)]
        try:
            stage = Stage(tmp_path / f"named{number}")
            assert_undisturbed(case.play(stage), undisturbed[case.app])
            stage = Stage(tmp_path / f"random{number}")
            _hit_at_random(stage, case.app, dice)
            for run_id in run_ids(stage.home):
                assert_undisturbed(stage.left(run_id), undisturbed[case.app])
            # Three times somebody was killed: so often may a call be repeated, and no more.
            counts = [count for keys in stage.peer.calls.values() for count in keys.values()]
            assert max(counts, default=0) <= 4
            stage.until_nothing_is_left()
        except BaseException as error:
            error.add_note(f"round {number} of seed {seed}: {case}")
            raise


def _hit_at_random(stage: Stage, app: str, dice: random.Random) -> None:
    """Start a run, kill at random moments, start again, and see it to its end."""
    arguments = stage.arguments(app)
    for _ in range(3):
        victim, moment = dice.choice(list(Victim)), dice.uniform(0.5, 6.0)
        open_ids = open_run_ids(stage.home) if has_records(stage.home) else []
        command = ["attach", open_ids[0]] if open_ids else ["run", *arguments]
        with stage.cli.running(*command) as running:
            over = time.monotonic() + moment
            until(lambda over=over: time.monotonic() > over)
            stage.kill(victim, running, at_least_one=False)
            running.wait(SECONDS)
    with stage.up():
        until(lambda: not open_run_ids(stage.home), SECONDS)
