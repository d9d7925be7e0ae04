"""Every call of an activity states its bounds, read from the syntax trees of `workflows`."""

import ast
from collections.abc import Iterator

import pytest

from tests.sources import Source, from_text, sources

REGULAR = frozenset({"execute_activity", "start_activity", "execute_activity_method"})
LOCAL = frozenset({"execute_local_activity", "start_local_activity"})
BOUNDS = frozenset(
    {"start_to_close_timeout", "schedule_to_close_timeout", "heartbeat_timeout", "retry_policy"}
)


def calls(source: Source, names: frozenset[str]) -> Iterator[ast.Call]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in names:
            yield node


def missing_bounds(source: Source) -> Iterator[str]:
    for call in calls(source, REGULAR):
        missing = BOUNDS - {keyword.arg for keyword in call.keywords}
        if missing:
            yield f"{source.place}:{call.lineno} lacks {', '.join(sorted(missing))}"


def unbounded_retries(source: Source) -> Iterator[str]:
    for call in calls(source, frozenset({"RetryPolicy"})):
        attempts = [each.value for each in call.keywords if each.arg == "maximum_attempts"]
        if not attempts or (isinstance(attempts[0], ast.Constant) and attempts[0].value == 0):
            yield f"{source.place}:{call.lineno}"


def test_inv_11_every_activity_call_has_every_bound() -> None:
    places = [call for source in sources("workflows") for call in calls(source, REGULAR)]
    found = [line for source in sources("workflows") for line in missing_bounds(source)]

    assert places
    assert not found


def test_inv_11_every_retry_policy_has_a_bound() -> None:
    found = [line for source in sources("workflows") for line in unbounded_retries(source)]

    assert not found


def test_inv_03_finalize_is_the_only_local_activity() -> None:
    """A local activity is durable only when its workflow task completes."""
    local = [call for source in sources("workflows") for call in calls(source, LOCAL)]

    assert [ast.unparse(call.args[0]) for call in local] == ["FINALIZE.name"]


@pytest.mark.parametrize("bound", sorted(BOUNDS))
def test_missing_bound_is_noticed(bound: str) -> None:
    options = ", ".join(f"{name}=x" for name in sorted(BOUNDS - {bound}))
    source = from_text(f"workflow.execute_activity('a', {options})", "workflows.x")

    assert [line.endswith(f"lacks {bound}") for line in missing_bounds(source)] == [True]


@pytest.mark.parametrize("text", ["RetryPolicy()", "RetryPolicy(maximum_attempts=0)"])
def test_retry_without_a_bound_is_noticed(text: str) -> None:
    assert list(unbounded_retries(from_text(text, "workflows.x")))
