"""Every graph of the corpus runs on a real server, its foreign nodes replaced by substitutes.

What must come of each run is read off its graph by `tests/prediction.py`, not by our interpreter.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from api.run_requests import RunRequest, missing_secrets
from schema.dsl import compile_definition, read_definition
from schema.facts import NodeFinished, NodeStarted
from schema.plan import AppMode, Plan
from schema.runs import RunStatus
from tests.corpus import require_corpus
from tests.plausible import plausible_inputs
from tests.prediction import Fate, Mark, Prediction
from tests.run_logs import visible_text
from tests.server.harness import FinishedRun, RunHarness, exactly
from tests.substituted import variants

pytestmark = pytest.mark.anyio

AT_ONCE = 10
QUERY = "What is new?"


def graphs() -> Iterator[tuple[str, RunRequest]]:
    """A run of every plan of the corpus in every variant, with a name."""
    for path in require_corpus():
        compilation = compile_definition(read_definition(path.read_bytes()))
        for number, variant in enumerate(variants(compilation.plan) if compilation.plan else ()):
            yield f"{path.name} #{number}", request_of(variant, compilation.secrets)


async def test_every_corpus_graph_runs_as_its_shape_says(
    runs: RunHarness, result_schema: Draft202012Validator
) -> None:
    turns = asyncio.Semaphore(AT_ONCE)
    problems: dict[str, list[str]] = {}
    seen: Counter[str] = Counter()

    async def run_one(name: str, request: RunRequest) -> None:
        async with turns:
            run = await runs.run_request(request)
        result_schema.validate(run.folded())
        problems[name] = list(compare(run, predict(run)))
        seen[run.status] += 1

    async with asyncio.TaskGroup() as group:
        for name, request in graphs():
            group.create_task(run_one(name, request))

    found = [f"{name}: {problem}" for name, all_ in problems.items() for problem in all_]
    assert not found, "\n".join(found)
    assert seen[RunStatus.SUCCEEDED] > len(problems) // 2, seen


def request_of(plan: Plan, secrets: Mapping[str, str]) -> RunRequest:
    is_chat = plan.mode is AppMode.ADVANCED_CHAT
    request = RunRequest(
        plan=plan,
        inputs=plausible_inputs(plan),
        query=QUERY if is_chat else None,
        raw_inputs=True,
        secrets=secrets,
    )
    return replace(
        request, environment={name: f"value of {name}" for name in missing_secrets(request)}
    )


def predict(run: FinishedRun) -> Prediction:
    given = run.run_input
    inputs = plausible_inputs(given.plan)
    handles = {f.node_id: f.handle for f in run.facts if isinstance(f, NodeFinished)}
    return Prediction(given.plan, inputs, given.system, handles)


def compare(run: FinishedRun, expected: Prediction) -> Iterator[str]:
    """Say what of a run is not as predicted."""
    starts = Counter(f.node_id for f in run.facts if isinstance(f, NodeStarted))
    if any(count > 1 for count in starts.values()):
        yield f"started more than once: {starts}"
    if expected.errors:
        yield from _compare_failed(run, expected)
        return
    status = RunStatus.PARTIAL_SUCCEEDED if expected.exceptions else RunStatus.SUCCEEDED
    if run.status is not status:
        yield f"ended {run.status} ({run.result.error}), not {status}"
        return
    if run.result.exceptions_count != expected.exceptions:
        yield f"{run.result.exceptions_count} exceptions, not {expected.exceptions}"
    if sorted(run.finished_nodes()) != sorted(expected.those(Fate.RUNS)):
        yield f"ran {sorted(run.finished_nodes())}, not {sorted(expected.those(Fate.RUNS))}"
    if run.folded()["skipped"] != sorted(expected.those(Fate.SKIPPED)):
        yield f"skipped {run.folded()['skipped']}, not {expected.those(Fate.SKIPPED)}"
    yield from _compare_outputs(run.folded()["outputs"], expected)
    if "answer" in expected.response() and not expected.says_missing:
        yield from _compare_text(run)


def _compare_failed(run: FinishedRun, expected: Prediction) -> Iterator[str]:
    """A failure ends the run, wherever its branches were by then."""
    if run.status is not RunStatus.FAILED:
        yield f"ended {run.status}, but these must fail: {expected.errors}"
    texts = set(expected.errors.values())
    if not texts & {Mark.UNKNOWN, run.result.error}:
        yield f"failed with {run.result.error!r}, not with one of {texts}"
    if not run.finished_nodes().keys() <= set(expected.those(Fate.RUNS)):
        yield f"ran {list(run.finished_nodes())}"
    if not set(run.folded()["skipped"]) <= set(expected.those(Fate.SKIPPED)):
        yield f"skipped {run.folded()['skipped']}"


def _compare_outputs(outputs: dict[str, Any], expected: Prediction) -> Iterator[str]:
    response = expected.response()
    if outputs.keys() - {"files"} != response.keys() - {"files"}:
        yield f"gave {sorted(outputs)}, not {sorted(response)}"
        return
    for name, values in response.items():
        if any(_has_unknown(value) for value in values):
            continue
        given = outputs[name]
        if name == "answer" and len(values) > 1:
            # Answers are joined in the order in which their nodes end.
            pieces = [value for value in values if value is not None]
            is_right = len(given) == sum(map(len, pieces)) and all(p in given for p in pieces)
        else:
            is_right = exactly(given) in map(exactly, values)
        if not is_right:
            yield f"output {name!r} is {given!r}, not {values!r}"


def _compare_text(run: FinishedRun) -> Iterator[str]:
    """A chatflow's client has read its answer, in the order in which its parts could be said."""
    if run.run_input.plan.mode is not AppMode.ADVANCED_CHAT:
        return
    text, answer = visible_text(run.events()), run.folded()["outputs"]["answer"]
    if text != answer and sorted(text) != sorted(answer):
        yield f"a client read {text!r}, the answer is {answer!r}"


def _has_unknown(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_unknown, value.values()))
    return isinstance(value, Mark)
