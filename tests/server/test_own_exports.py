"""The exports in tests/dsl give, on a real server, what `tests/dsl/expected` says.

Each case goes the whole way: document, plan, checked request, run, log, result, client text.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.run_requests import RunRequest
from schema.dsl import compile_definition, read_definition
from schema.plan import AppMode, Plan
from tests.documents import OWN_EXPORTS
from tests.http_peer import HttpPeer, answering, echo, raw
from tests.run_logs import visible_text
from tests.server.harness import FinishedRun, RunHarness, exactly

pytestmark = pytest.mark.anyio

PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(60)
STUCK = {"placeholders": "Hi "}
"""Exports that name a variable which never gets a value: all that is said (dify-nodes 2.14, 5)."""


def cases() -> list[Any]:
    """Every export with every case that is expected of it."""
    return [
        pytest.param(path, case, id=f"{path.stem}: {case['name']}")
        for path in sorted(OWN_EXPORTS.glob("*.yml"))
        for case in json.loads((path.parent / "expected" / f"{path.stem}.json").read_text())
    ]


def plan_of(path: Path) -> Plan:
    compilation = compile_definition(read_definition(path.read_bytes()))
    assert compilation.is_runnable, compilation.findings
    assert compilation.plan is not None
    return compilation.plan


def check_text(run: FinishedRun, path: Path) -> None:
    """Compare what a client has read with the answer of the run, where Dify promises it."""
    text = visible_text(run.events())
    if run.run_input.plan.mode is AppMode.ADVANCED_CHAT:
        answer = (run.folded()["outputs"] or {}).get("answer", "")
        assert text == STUCK.get(path.stem, answer)


@pytest.fixture(autouse=True)
def _answers(peer: HttpPeer) -> None:
    """What requests of these exports find."""
    peer.answers["/echo"] = echo
    peer.answers["/pixel.png"] = answering(PIXEL, headers={"Content-Type": "image/png"})
    peer.answers["/broken"] = raw(b"")


def inputs_of(case: dict[str, Any], peer: HttpPeer) -> dict[str, Any]:
    """The inputs of a case; `PEER` is the address of the peer."""
    return {name: peer.url if v == "PEER" else v for name, v in case["inputs"].items()}


@pytest.mark.parametrize(("path", "case"), cases())
async def test_an_own_export_gives_what_is_expected(
    runs: RunHarness,
    result_schema: Draft202012Validator,
    peer: HttpPeer,
    path: Path,
    case: dict[str, Any],
) -> None:
    inputs = inputs_of(case, peer)
    request = RunRequest(plan=plan_of(path), inputs=inputs, query=case["query"])

    run = await runs.run_request(request)

    result = run.folded()
    result_schema.validate(result)
    assert result["status"] == case["status"]
    assert exactly(result["outputs"] or {}) == exactly(case["outputs"])
    assert result["error"] == case.get("error")
    assert result["skipped"] == sorted(case["skipped"])
    assert run.result.status.value == result["status"]
    check_text(run, path)
