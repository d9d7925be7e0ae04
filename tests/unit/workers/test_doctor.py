"""What `doctor` finds on machines in different states, and what it tells the user to do."""

import os
import socket
from pathlib import Path

import pytest

from schema.settings import Settings
from schema.version import VERSION
from workers.data_directory import DataDirectory, join
from workers.doctor import Check, CheckState, examine
from workers.server_record import HOST
from workers.worker_lock import WorkerLock

pytestmark = pytest.mark.anyio


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home to be, on a machine with nothing but the system's own programs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    return tmp_path / "home"


def settings(home: Path, **given: object) -> Settings:
    values = {"home": home, "cache": home.parent / "cache", "temporal_address": None, **given}
    return Settings.model_validate(values)


async def check(name: str, found: Settings) -> Check:
    (only,) = [each for each in await examine(found) if each.name == name]
    return only


def put_program(home: Path, name: str, script: str) -> None:
    path = home.parent / "bin" / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


async def test_looking_at_an_unused_machine_makes_nothing(home: Path) -> None:
    found = await examine(settings(home))

    assert "home" not in os.listdir(home.parent)
    assert "not used yet" in next(each.detail for each in found if each.name == "data directory")
    assert all(each.remedy for each in found if each.state is not CheckState.OK)
    assert VERSION in found[0].detail


async def test_no_way_to_a_server_is_a_problem_with_a_remedy(home: Path) -> None:
    found = await check("Temporal program", settings(home, download=False))

    assert found.state is CheckState.PROBLEM
    assert "install the Temporal CLI" in str(found.remedy)


async def test_a_server_that_has_yet_to_be_built_is_announced(home: Path) -> None:
    put_program(home, "go", "")

    found = await check("Temporal program", settings(home, download=False))

    assert found.state is CheckState.WARNING
    assert "builds it with Go" in found.detail


async def test_temporal_on_path_is_named(home: Path) -> None:
    put_program(home, "temporal", "echo '--sqlite-pragma --http-port'")

    found = await check("Temporal program", settings(home))

    assert found == Check("Temporal program", CheckState.OK, f"{home.parent}/bin/temporal (PATH)")


async def test_a_home_of_another_version_is_named(home: Path) -> None:
    (await join(DataDirectory(home), "0.0.1")).release()

    found = await check("data directory", settings(home))

    assert found.state is CheckState.WARNING
    assert "0.0.1" in found.detail


async def test_a_living_worker_is_seen(home: Path) -> None:
    DataDirectory(home).create()
    lock = WorkerLock(home)
    assert lock.try_acquire()

    assert (await check("worker", settings(home))).detail == "running"
    lock.release()


async def test_an_address_where_nobody_answers_is_a_problem(home: Path) -> None:
    address = f"{HOST}:{_unused_port()}"

    found = await check("Temporal server", settings(home, temporal_address=address))

    assert found.state is CheckState.PROBLEM
    assert address in found.detail
    assert "TEMPORAL_ADDRESS" in str(found.remedy)


async def test_a_database_that_does_not_answer_is_a_problem_and_no_password_is_shown(
    home: Path,
) -> None:
    url = f"postgresql+psycopg://u:secret@{HOST}:{_unused_port()}/records"

    found = await check("database", settings(home, database_url=url))

    assert found.state is CheckState.PROBLEM
    assert "DATABASE_URL" in str(found.remedy)
    assert "secret" not in found.detail


async def test_a_file_that_is_no_database_is_a_problem(home: Path) -> None:
    DataDirectory(home).create()
    (home / "holdfast.db").write_text("something else, and long enough to be read as a page")

    assert (await check("database", settings(home))).state is CheckState.PROBLEM


async def test_bubblewrap_that_does_not_work_is_told_from_bubblewrap_that_is_missing(
    home: Path,
) -> None:
    missing = await check("sandbox", settings(home))
    assert "bubblewrap is not installed" in missing.detail

    put_program(home, "bwrap", "echo no permission >&2; exit 1")
    assert "no permission" in (await check("sandbox", settings(home))).detail


async def test_layers_that_isolate_user_code_are_named(home: Path) -> None:
    found = await check("sandbox", settings(home, sandbox_network=True))

    assert "limits" in found.detail
    assert "network allowed" in found.detail
    assert (found.state is CheckState.OK) == (found.remedy is None)


async def test_limits_only_is_a_warning(home: Path) -> None:
    found = await check("sandbox", settings(home, sandbox="limits-only"))

    assert found.state is CheckState.WARNING


def _unused_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


async def test_requests_of_authors_go_to_public_addresses_and_those_allowed(home: Path) -> None:
    nothing = await check("requests of authors", settings(home, http_proxy=None, https_proxy=None))
    allowed = await check(
        "requests of authors",
        settings(home, http_proxy=None, https_proxy=None, allowed_addresses="api.internal"),
    )

    assert (nothing.state, nothing.detail) == (CheckState.OK, "public addresses only")
    assert allowed.detail == "public addresses, and api.internal"


async def test_behind_a_proxy_it_is_the_proxy_that_must_refuse_addresses(home: Path) -> None:
    found = await check(
        "requests of authors", settings(home, https_proxy="http://me:secret@proxy:3128")
    )

    assert found.state is CheckState.WARNING
    assert "proxy:3128" in found.detail
    assert "secret" not in found.detail
    assert "let the proxy itself refuse private" in str(found.remedy)
