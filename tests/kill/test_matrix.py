"""Kill at every named place, whoever it hits: the run ends as if nothing had happened."""

import pytest

from tests.kill.apps import CALLS_AT_ONCE
from tests.kill.cases import Case, Deadly, Killed, KilledDuringCalls, PausedAndKilled
from tests.kill.conftest import Plays
from tests.kill.records import assert_called, assert_in_order, assert_undisturbed
from tests.kill.stage import Victim

W, K, S, B, A = Victim.WORKER, Victim.KEEPER, Victim.SERVER, Victim.BOTH, Victim.ALL

CASES: list[Case] = [
    # Those that take longest come first.
    PausedAndKilled("large", ("facts written", 1), ("outcome recorded", 1)),
    PausedAndKilled("chat", ("outcome recorded", 1), ("finalize committed", 1)),
    KilledDuringCalls(W),
    KilledDuringCalls(A),
    KilledDuringCalls(S),
    Killed("calls", "effect begun", 2, A),
    Killed("calls", "effect done", 3, W),
    Killed("calls", "effect done", 4, S),
    Killed("calls", "outcome recorded", 1, A),
    Killed("calls", "outcome recorded", 4, W),
    Killed("large", "run registered", 1, W),
    Killed("large", "facts written", 1, W),
    Killed("large", "facts written", 2, K),
    Killed("large", "facts written", 3, S),
    Killed("large", "effect begun", 1, W),
    Killed("large", "effect begun", 3, A),
    Killed("large", "effect begun", 4, S),
    Killed("large", "effect done", 2, W),
    Killed("large", "effect done", 1, B),
    Killed("large", "outcome recorded", 1, W),
    Killed("large", "outcome recorded", 6, A),
    Killed("large", "finalize begun", 1, S),
    Killed("large", "finalize committed", 1, W),
    Killed("chain", "run registered", 1, S),
    Killed("chain", "run registered", 1, A),
    Killed("chain", "facts written", 1, S),
    Killed("chain", "facts written", 2, W),
    Killed("chain", "facts written", 1, A),
    Killed("chain", "finalize begun", 1, W),
    Killed("chain", "finalize committed", 1, A),
    Killed("chat", "facts written", 1, A),
    Killed("chat", "facts written", 2, W),
    Killed("chat", "effect begun", 2, W),
    Killed("chat", "effect done", 1, A),
    Killed("chat", "outcome recorded", 2, K),
    Killed("chat", "finalize begun", 1, A),
    Killed("chat", "finalize committed", 1, B),
    Killed("chain", "keeper begun", 1, K),
    Killed("chain", "server started", 1, K),
    Killed("chain", "server ready", 1, K),
]

CALLING: list[Killed | KilledDuringCalls] = [
    case for case in CASES if isinstance(case, Killed | KilledDuringCalls) and case.app == "calls"
]


@pytest.mark.parametrize("case", [Deadly("large")], ids=str)
def test_inv_10_a_node_that_kills_its_worker_three_times_fails(case: Case, plays: Plays) -> None:
    left = plays.disturbed[case].result()

    assert left.status == "failed"
    assert "lost 3 times" in left.result["error"]
    assert_in_order(left.facts)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_disturbed_run_ends_like_an_undisturbed_one(case: Case, plays: Plays) -> None:
    assert_undisturbed(plays.disturbed[case].result(), plays.undisturbed[case.app].result())


@pytest.mark.parametrize("case", CALLING, ids=str)
def test_inv_10_a_killed_process_repeats_only_calls_that_were_in_flight(
    case: Case, plays: Plays
) -> None:
    left = plays.disturbed[case].result()

    assert_called(left, dict.fromkeys("abcd", 2))
    assert sum(sum(keys.values()) for keys in left.calls.values()) <= 4 + CALLS_AT_ONCE


@pytest.mark.parametrize("case", [c for c in CASES if isinstance(c, PausedAndKilled)], ids=str)
def test_inv_06_pause_and_resume_are_answered_once_through_kills(case: Case, plays: Plays) -> None:
    types = plays.disturbed[case].result().types

    assert types.count("CommandApplied") == 2
    assert types.count("RunPaused") == types.count("RunResumed") == 1
    assert types.index("RunPaused") < types.index("RunResumed")
