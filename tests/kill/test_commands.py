"""Commands and takeovers between the moments at which processes die."""

import asyncio

import pytest

from schema.kill_points import KillPoint
from schema.runs import RunStatus
from schema.settings import Settings
from tests.command_line import until
from tests.kill.cases import KEEPER_POINTS
from tests.kill.records import (
    assert_in_order,
    assert_undisturbed,
    open_run_ids,
    read_left,
    run_ids,
)
from tests.kill.stage import SECONDS, Stage, Victim, assert_succeeded
from tests.requirements import requirement
from workers.cli.session import opened_stack
from workflows.client import workflow_id_of


async def _workflow_closes(stage: Stage, run_id: str) -> None:
    async with (
        opened_stack(Settings(home=stage.home, keeper_idle_seconds=3)) as (_, dependencies),
        asyncio.timeout(SECONDS),
    ):
        workflow = dependencies.temporal.get_workflow_handle(workflow_id_of(run_id))
        await workflow.result()


def test_inv_05_a_pause_between_the_end_and_its_acknowledgement_is_refused_once(
    stage: Stage,
) -> None:
    stage.die_at("finalize committed", 1, "run", *stage.arguments("chain"))
    (run_id,) = run_ids(stage.home)
    before = read_left(stage.home, run_id)

    paused = stage.call("pause", run_id, "--reason", "too late")
    with stage.up():
        asyncio.run(_workflow_closes(stage, run_id))
    after = read_left(stage.home, run_id)

    assert (paused.code, paused.stdout) == (1, f"pause {run_id}: refused: run ended\n")
    assert before.status == after.status == RunStatus.SUCCEEDED
    assert after.result == before.result
    assert after.facts[: len(before.facts)] == before.facts
    assert [logged.fact.type for logged in after.facts[len(before.facts) :]] == ["CommandRefused"]
    assert_in_order(after.facts)


def test_inv_06_a_pause_before_the_end_is_written_holds_the_run(stage: Stage) -> None:
    undisturbed = stage.run("chain")
    stage.die_at("finalize begun", 1, "run", *stage.arguments("chain"))
    (run_id,) = open_run_ids(stage.home)

    paused = stage.call("pause", run_id)
    waited = stage.call("attach", run_id)
    resumed = stage.call("resume", run_id)
    ended = stage.call("attach", run_id)

    assert "accepted" in paused.stdout
    left = read_left(stage.home, run_id)
    assert (waited.code, resumed.code, ended.code) == (3, 0, 0)
    assert_undisturbed(left, undisturbed)
    assert left.types.count("CommandApplied") == 2


def test_a_run_that_was_only_registered_is_started_by_up_after_everything_died(
    stage: Stage,
) -> None:
    undisturbed = stage.run("chain")
    arguments = stage.arguments("chain")
    with stage.frozen_at("run registered", 1, "run", *arguments) as frozen:
        stage.kill(Victim.ALL, frozen)
    (run_id,) = open_run_ids(stage.home)

    with stage.up():
        until(lambda: not open_run_ids(stage.home), SECONDS)

    assert_undisturbed(read_left(stage.home, run_id), undisturbed)


@requirement("run:takeover")
def test_a_waiting_run_works_on_as_soon_as_up_is_killed(stage: Stage) -> None:
    with stage.up("effect begun:2") as up:
        ended = stage.call("run", *stage.arguments("large"), "--json")
        died = up.wait()
    (run_id,) = run_ids(stage.home)
    left = read_left(stage.home, run_id)

    assert died.code == -9
    assert_succeeded(ended)
    assert ended.result["outputs"] == left.result["outputs"]
    assert_undisturbed(left, stage.run("large"))


@pytest.mark.parametrize("point", KEEPER_POINTS)
def test_a_start_that_died_on_the_way_blocks_nobody(stage: Stage, point: KillPoint) -> None:
    arguments = stage.arguments("chain")
    with stage.keeper_frozen_at(point, "run", *arguments) as running:
        stage.kill(Victim.ALL, running)

    assert_succeeded(stage.call("run", *arguments))
    assert len(run_ids(stage.home)) == 1
