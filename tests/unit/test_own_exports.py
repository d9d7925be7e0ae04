"""The exports in tests/dsl and what they must give are whole; acceptance tests run them."""

import json
from pathlib import Path
from typing import Any

import pytest

from schema.dsl import compile_definition, read_definition
from schema.plan import AppMode
from tests.documents import OWN_EXPORTS

EXPORTS = sorted(OWN_EXPORTS.glob("*.yml"))
FIELDS = {"name", "inputs", "query", "status", "outputs", "skipped"}


def expected(path: Path) -> list[dict[str, Any]]:
    file = path.parent / "expected" / f"{path.stem}.json"
    cases: list[dict[str, Any]] = json.loads(file.read_text())
    return cases


def test_every_expectation_has_an_export() -> None:
    stems = {path.stem for path in (OWN_EXPORTS / "expected").glob("*.json")}

    assert stems == {path.stem for path in EXPORTS}


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.stem)
def test_cases_fit_their_export(path: Path) -> None:
    plan = compile_definition(read_definition(path.read_bytes())).plan
    assert plan is not None

    for case in expected(path):
        assert case.keys() - {"error"} == FIELDS
        assert (case["query"] is not None) is (plan.mode is AppMode.ADVANCED_CHAT)
        assert set(case["skipped"]) <= plan.graph.by_id.keys()
        assert (case["status"] == "failed") is ("error" in case)
