"""A server that stays away for longer than a heartbeat may be late."""

import os
import signal
import time

from tests.command_line import until
from tests.integration.stack.processes import census
from tests.kill.apps import APPS
from tests.kill.records import assert_undisturbed, read_left, run_ids
from tests.kill.stage import SECONDS, Stage, Victim, assert_succeeded

AWAY_SECONDS = 12.0
"""Longer than the heartbeat time-out, and than the SDK tries to report a result (10 s each)."""


def test_inv_09_a_server_that_was_away_for_long_fails_nothing(stage: Stage) -> None:
    undisturbed = stage.run("large")
    arguments = [*APPS["large"].write(stage.home / "app"), "--json"]
    with stage.frozen_at("effect begun", 2, "run", *arguments) as running:
        (keeper,) = census(stage.home).keepers
        os.kill(keeper, signal.SIGSTOP)  # so that nobody starts another server
        stage.kill(Victim.SERVER)
        running.send(signal.SIGCONT)
        back = time.monotonic() + AWAY_SECONDS
        until(lambda: time.monotonic() > back)
        os.kill(keeper, signal.SIGCONT)
        ended = running.wait(SECONDS)

    assert_succeeded(ended)
    # What the SDK says about the outage stands beside the result, not in it.
    assert ended.result["status"] == "succeeded"
    assert "WARNING temporalio.core: " in ended.stderr
    assert_undisturbed(read_left(stage.home, run_ids(stage.home)[-1]), undisturbed)
