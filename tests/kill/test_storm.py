"""Twenty commands at once on an empty home, while keeper, server and five of them are killed."""

import random
import time

from tests.command_line import until
from tests.integration.stack.processes import census
from tests.kill.records import assert_undisturbed, open_run_ids, read_left, run_ids
from tests.kill.stage import Stage
from tests.kill.storm import Watchman, a_crowd, rage

COMMANDS = 20
KILLED = 5
STORM_SECONDS = 150
LEFT_SECONDS = 90


def test_in_a_storm_of_kills_all_others_finish_and_nothing_is_left(stage: Stage) -> None:
    arguments = ["run", *stage.arguments("chat"), "--json"]
    seed = random.randrange(10**6)
    dice = random.Random(seed)
    with Watchman(stage.home).watching() as watchman:
        with a_crowd(stage, COMMANDS, arguments) as crowd:
            rage(stage, crowd, dice, KILLED)
            ended = crowd.wait(STORM_SECONDS)
            killed = len(crowd.killed)
        # Runs of killed commands are finished by whoever works next.
        with stage.up():
            until(lambda: not open_run_ids(stage.home))
        undisturbed = stage.run("chat")
    over = time.monotonic()
    until(lambda: census(stage.home).is_empty, LEFT_SECONDS)

    assert killed >= KILLED - 1, f"seed {seed}"
    assert [each.code for each in ended] == [0] * (COMMANDS - killed), (seed, ended)
    assert {each.result["outputs"]["answer"] for each in ended} == {
        undisturbed.result["outputs"]["answer"]
    }
    ids = run_ids(stage.home)
    assert COMMANDS - killed <= len(ids) - 1 <= COMMANDS
    for run_id in ids:
        assert_undisturbed(read_left(stage.home, run_id), undisturbed)
    assert watchman.most_at_once == 1
    assert len(watchman.pids) >= 2
    assert time.monotonic() - over < LEFT_SECONDS
