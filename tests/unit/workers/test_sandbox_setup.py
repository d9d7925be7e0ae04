"""Which ways to isolate a process accepts, by settings and by what it is."""

from pathlib import Path

import pytest

from activities.sandbox.isolation import LIMITS_ONLY, STRONGEST_FIRST
from schema.settings import Settings
from workers.sandbox_setup import sandbox_options


@pytest.mark.parametrize("required", [True, False])
def test_limits_alone_are_the_last_resort_and_none_where_strangers_send_code(
    required: bool,
) -> None:
    ways = sandbox_options(Settings(sandbox="auto"), isolation_required=required).ways

    assert (ways[-1] == LIMITS_ONLY) != required
    assert tuple(ways[: len(STRONGEST_FIRST)]) == STRONGEST_FIRST


@pytest.mark.parametrize("required", [True, False])
def test_operator_may_take_limits_only(required: bool) -> None:
    options = sandbox_options(Settings(sandbox="limits-only"), isolation_required=required)

    assert options.ways == (LIMITS_ONLY,)


def test_network_is_off_and_packages_are_in_the_data_directory(tmp_path: Path) -> None:
    options = sandbox_options(Settings(home=tmp_path), isolation_required=True)

    assert not options.network
    assert options.packages == tmp_path / "code-packages"


def test_every_way_that_isolates_filters_system_calls_and_separates_jobs() -> None:
    assert all(way.isolates for way in STRONGEST_FIRST)
    assert not LIMITS_ONLY.isolates
    assert all("limits" in way.layers for way in (*STRONGEST_FIRST, LIMITS_ONLY))
