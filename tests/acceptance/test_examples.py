"""Every example gives the outputs that its cases.json states, run as a user runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from examples.trip.booking import Booking, serving
from tests.requirements import requirement
from tests.sources import ROOT

EXAMPLES = sorted(export.parent for export in (ROOT / "examples").glob("*/*.yml"))
RUN_SECONDS = 300
"""The first run may have to get a Temporal server; the others take a second or two."""


def cases() -> Iterator[Any]:
    for folder in EXAMPLES:
        for case in json.loads((folder / "cases.json").read_text("utf-8")):
            yield pytest.param(folder, case, id=f"{folder.name}: {case['name']}")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """All runs share one data directory, and so one server."""
    inherited = {name: value for name, value in os.environ.items() if name != "TEMPORAL_ADDRESS"}  # noqa: TID251  # for a child process
    return {
        **inherited,
        "HOLDFAST_ALLOWED_ADDRESSES": "127.0.0.1/32",
        "HOLDFAST_HOME": str(tmp_path_factory.mktemp("examples")),
        "HOLDFAST_KEEPER_IDLE_SECONDS": "10",
    }


@pytest.fixture(scope="module")
def booking() -> Iterator[Booking]:
    """The hotel and the ferry of examples/trip."""
    with serving() as peer:
        yield peer


@requirement("examples:results")
@pytest.mark.parametrize(("folder", "case"), list(cases()))
def test_example_gives_its_outputs(
    folder: Path, case: dict[str, Any], environment: dict[str, str], booking: Booking
) -> None:
    query = ["--query", case["query"]] if "query" in case else []
    if folder.name == "trip":
        booking.tickets.clear()
        query += ["--env", f"BOOKING_URL={booking.url}"]
    file = folder / f"{folder.name}.yml"
    command = [sys.executable, "-m", "workers.cli", "run", str(file), "--json", *query]

    finished = subprocess.run(
        [*command, "--inputs", json.dumps(case["inputs"])],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )

    assert finished.returncode == 0, finished.stderr[-4000:]
    result = json.loads(finished.stdout)
    assert result["status"] == "succeeded"
    assert result["outputs"] == case["outputs"]


@pytest.mark.parametrize("folder", EXAMPLES, ids=lambda folder: folder.name)
def test_example_says_how_it_is_run_and_what_it_gives(folder: Path) -> None:
    text = (folder / "README.md").read_text("utf-8")
    shown = json.loads((folder / "cases.json").read_text("utf-8"))[0]["outputs"]

    assert f"holdfast run examples/{folder.name}/{folder.name}.yml" in text
    if "answer" in shown:
        assert f"```text\n{shown['answer']}\n```" in text
    else:
        assert f"```json\n{json.dumps(shown, indent=2, ensure_ascii=False)}\n```" in text
