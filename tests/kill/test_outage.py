"""Server, worker or database stay away for longer than a heartbeat may be late."""

import pytest

from tests.kill.cases import Case
from tests.kill.conftest import Plays
from tests.kill.outages import DatabaseLocked, ServerAway, WorkerStopped
from tests.kill.records import assert_called, assert_undisturbed

MOST_CALLS = {
    WorkerStopped(): 2,
    ServerAway(workers=1, answered="during"): 1,
    ServerAway(workers=1, answered="after"): 1,
    ServerAway(workers=2, answered="during"): 1,
    ServerAway(workers=2, answered="after"): 2,
    DatabaseLocked(): 1,
}
"""How often a call that was under way may come to the peer: once more only where another process
could not know of it."""


@pytest.mark.parametrize("case", MOST_CALLS, ids=str)
def test_inv_09_an_outage_changes_nothing(case: Case, plays: Plays) -> None:
    assert_undisturbed(plays.disturbed[case].result(), plays.undisturbed[case.app].result())


@pytest.mark.parametrize("case", MOST_CALLS, ids=str)
def test_inv_10_an_outage_repeats_no_call_that_this_process_still_makes(
    case: ServerAway | WorkerStopped | DatabaseLocked, plays: Plays
) -> None:
    most = MOST_CALLS[case]

    assert_called(plays.disturbed[case].result(), {**dict.fromkeys("abc", most), "d": 1})
