"""http-request nodes in whole runs: retries and strategies (dify-nodes 11.4), stops, large ones."""

import asyncio
import hashlib
import json
import time
from typing import Any

import pytest

from schema.commands import CommandKind
from schema.facts import NodeFinished, NodeRetried, NodeStarted
from schema.plan import Plan
from schema.runs import RunStatus
from tests.factories import a_plan, a_request, a_start, an_end
from tests.http_peer import HttpPeer, after, answering, dripping, in_turn, streaming
from tests.server.harness import FinishedRun, RunHarness
from tests.waiting import until

pytestmark = pytest.mark.anyio

SHOWN = ("body", "status_code", "error_type")


def request_plan(peer: HttpPeer, retries: int | None = None, **data: Any) -> Plan:
    """Start, an http-request, an end that shows its outputs."""
    if retries is not None:
        data["retry_config"] = {
            "retry_enabled": True,
            "max_retries": retries,
            "retry_interval": 20,
        }
    return a_plan(
        [
            a_start("s", "q"),
            a_request("http", f"{peer.url}/x", **data),
            an_end("e", **{name: ["http", name] for name in SHOWN}),
        ],
        [("s", "http"), ("http", "e")],
    )


def tries(run: FinishedRun) -> list[str]:
    """What happened to the http node, in order."""
    return [
        f"retry {fact.retry_index}" if isinstance(fact, NodeRetried) else str(fact.status)
        for fact in run.facts
        if isinstance(fact, NodeRetried | NodeFinished) and fact.node_id == "http"
    ]


async def test_11_4_two_retries_of_a_404_count_three_exceptions(
    runs: RunHarness, peer: HttpPeer
) -> None:
    run = await runs.run(request_plan(peer, 2))

    attempts = [f for f in run.facts if isinstance(f, NodeStarted) and f.node_id == "http"]
    assert len(peer.requests) == 3
    assert tries(run) == ["retry 1", "retry 2", "failed"]
    assert [fact.attempt for fact in attempts] == [1, 2, 3]
    assert run.status is RunStatus.FAILED
    assert run.result.exceptions_count == 3
    assert run.result.error == "Request failed with status code 404"
    told = [e.name for e in run.events() if e.data["data"].get("node_id") == "http"]
    assert told == ["node_started", "node_retry", "node_retry", "node_finished"]


async def test_inv_10_each_try_has_an_idempotency_key_of_its_own(
    runs: RunHarness, peer: HttpPeer
) -> None:
    await runs.run(request_plan(peer, 2))

    keys = peer.by_key()
    assert len(keys) == 3
    assert "" not in keys


async def test_11_4_a_retry_that_succeeds_leaves_the_run_partial(
    runs: RunHarness, peer: HttpPeer
) -> None:
    peer.answers["/x"] = in_turn(answering(status=500), answering("ok"))

    run = await runs.run(request_plan(peer, 3))

    assert tries(run) == ["retry 1", "succeeded"]
    assert run.status is RunStatus.PARTIAL_SUCCEEDED
    assert run.result.exceptions_count == 1
    assert run.outputs == {"body": "ok", "status_code": 200, "error_type": None}


async def test_11_4_default_value_of_a_request_leaves_its_other_outputs_unset(
    runs: RunHarness, peer: HttpPeer
) -> None:
    plan = request_plan(
        peer,
        error_strategy="default-value",
        default_value=[{"key": "body", "type": "string", "value": "none"}],
    )

    run = await runs.run(plan)

    expected = {"body": "none", "status_code": None, "error_type": "HTTPResponseCodeError"}
    assert run.outputs == expected
    assert run.status is RunStatus.PARTIAL_SUCCEEDED


async def test_11_6_a_404_without_strategy_and_retries_is_a_success(
    runs: RunHarness, peer: HttpPeer
) -> None:
    run = await runs.run(request_plan(peer))

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs == {"body": "", "status_code": 404, "error_type": None}


async def test_a_failed_request_keeps_its_log(runs: RunHarness, peer: HttpPeer) -> None:
    run = await runs.run(request_plan(peer, 0, error_strategy="fail-branch"))

    request = (run.node("http").process_data or {})["request"]
    assert request.startswith("GET /x HTTP/1.1\r\nHost: 127.0.0.1:")


async def test_inv_20_a_run_reaches_no_address_that_is_not_for_authors(
    runs: RunHarness, peer: HttpPeer
) -> None:
    plan = a_plan(
        [a_start("s"), a_request("http", "http://169.254.169.254/latest"), an_end("e")],
        [("s", "http"), ("http", "e")],
    )

    run = await runs.run(plan)

    assert run.status is RunStatus.FAILED
    assert "blocked by SSRF protection" in (run.result.error or "")


async def test_inv_11_a_stop_hangs_up(runs: RunHarness, peer: HttpPeer) -> None:
    peer.answers["/x"] = dripping(0.01)
    run_input = await runs.start(request_plan(peer), inputs={"q": "x"})
    await until(lambda: peer.requests)
    begun = time.monotonic()

    await runs.signal(run_input, CommandKind.STOP, "c1")
    run = await runs.finished(run_input)

    assert run.status is RunStatus.STOPPED
    await until(lambda: not peer.open_connections)
    assert time.monotonic() - begun < 5


async def test_slow_peers_hold_up_nobody_else(runs: RunHarness, peer: HttpPeer) -> None:
    peer.answers["/x"] = after(1.0, answering("late"))
    begun = time.monotonic()

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(runs.run(request_plan(peer)))

    assert len(peer.requests) == 20
    assert time.monotonic() - begun < 12


async def test_inv_15_a_large_answer_reaches_an_answer_whole(
    runs: RunHarness, peer: HttpPeer
) -> None:
    peer.answers["/x"] = streaming(3_000_000, "text/plain")
    plan = a_plan(
        [a_start("s"), a_request("http", f"{peer.url}/x"), an_end("e", body=["http", "body"])],
        [("s", "http"), ("http", "e")],
    )

    run = await runs.run(plan)

    assert run.status is RunStatus.SUCCEEDED
    assert run.outputs is not None
    shown = json.dumps(run.outputs)
    assert hashlib.sha256(b'"' + b"x" * 3_000_000 + b'"').hexdigest() in shown
    assert len(shown) < 4_000


async def test_inv_18_a_header_that_a_variable_would_split_fails_the_run(
    runs: RunHarness, peer: HttpPeer
) -> None:
    plan = request_plan(peer, headers="X-A: {{#s.q#}}")

    run = await runs.run(plan, inputs={"q": "a\rEvil: 1"})

    assert run.status is RunStatus.FAILED
    assert "characters that a header cannot carry" in (run.result.error or "")
    assert peer.requests == []
