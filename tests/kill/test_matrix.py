"""Kill at every named place, whoever it hits: the run ends as if nothing had happened."""

import pytest

from tests.kill.conftest import Plays
from tests.kill.plays import Case, Victim
from tests.kill.records import assert_undisturbed

CASES = [
    Case("large", "run registered", 1, Victim.WORKER),
    Case("large", "facts written", 1, Victim.WORKER),
    Case("large", "facts written", 2, Victim.WORKER),
    Case("large", "effect begun", 1, Victim.WORKER),
    Case("large", "effect done", 2, Victim.WORKER),
    Case("large", "outcome recorded", 1, Victim.WORKER),
    Case("large", "finalize begun", 1, Victim.WORKER),
    Case("large", "finalize committed", 1, Victim.WORKER),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_disturbed_run_ends_like_an_undisturbed_one(case: Case, plays: Plays) -> None:
    assert_undisturbed(plays.disturbed[case].result(), plays.undisturbed[case.app].result())
