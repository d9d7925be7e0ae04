"""Every export of the corpus is read; every graph that is whole has a plan."""

import time
from collections import Counter
from pathlib import Path

import pytest

from schema.dsl import Compilation, DocumentKind, compile_definition, read_definition
from schema.findings import FindingCode
from schema.plan import Plan
from tests.corpus import require_corpus

SECONDS_FOR_ALL = 20.0

Compilations = dict[Path, Compilation]


@pytest.fixture(scope="module")
def compilations() -> Compilations:
    return {
        path: compile_definition(read_definition(path.read_bytes())) for path in require_corpus()
    }


def outcome(compilation: Compilation) -> str:
    if compilation.definition.kind is DocumentKind.RAG_PIPELINE:
        return "pipeline"
    if compilation.definition.app_mode is None:
        return "no graph"
    return "runnable" if compilation.is_runnable else "named"


def test_every_export_is_read_in_time() -> None:
    files = require_corpus()
    started = time.monotonic()
    for path in files:
        compile_definition(read_definition(path.read_bytes()))

    assert time.monotonic() - started < SECONDS_FOR_ALL


def test_every_graph_has_a_plan(compilations: Compilations) -> None:
    without = [
        path.name
        for path, compilation in compilations.items()
        if compilation.definition.app_mode is not None and compilation.plan is None
    ]
    duplicates = [
        path.name
        for path, compilation in compilations.items()
        if any(f.code is FindingCode.DUPLICATE_NODE_ID for f in compilation.findings)
    ]

    # A graph whose nodes all have the same id is none.
    assert without == duplicates


def test_what_cannot_run_says_why(compilations: Compilations) -> None:
    for path, compilation in compilations.items():
        assert compilation.is_runnable or any(f.is_error for f in compilation.findings), path.name


def test_findings_are_about_what_this_version_lacks(compilations: Compilations) -> None:
    """No rule of ours refuses a real export for its shape."""
    found = Counter(
        finding.code
        for compilation in compilations.values()
        for finding in compilation.findings
        if finding.is_error
    )

    assert found.keys() <= {
        *(FindingCode.NOTHING_TO_RUN, FindingCode.DUPLICATE_NODE_ID),
        *(code for code in FindingCode if code.value.startswith("unsupported-")),
    }


def test_outcomes_of_the_visible_corpus(compilations: Compilations) -> None:
    counts = Counter(outcome(compilation) for compilation in compilations.values())
    if len(compilations) != 132:
        pytest.skip(f"another corpus: {dict(counts)}")

    assert counts["pipeline"] == 4
    assert counts["no graph"] == 16
    assert counts["runnable"] >= 3
    assert counts["runnable"] + counts["named"] == 112


def test_plans_survive_json(compilations: Compilations) -> None:
    for path, compilation in compilations.items():
        if compilation.plan is not None:
            read_back = Plan.model_validate_json(compilation.plan.model_dump_json())
            assert read_back == compilation.plan, path.name
