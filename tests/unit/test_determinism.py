"""Workflow code has no clock, no randomness, no environment and no order that depends on hashes.

The rules are read from the syntax trees of everything that a Temporal workflow of ours imports, and
of all of `workflows/` besides its converter and client, which run outside the workflow.
"""

import ast
from collections.abc import Iterator

import pytest

from tests.sources import Source, from_text, reachable, sources

OUTSIDE = frozenset({"workflows.payloads", "workflows.client"})
BANNED_MODULES = frozenset(
    {
        "os",
        "random",
        "secrets",
        "time",
        "threading",
        "subprocess",
        "socket",
        "tempfile",
        "mimetypes",
    }
)
BANNED_CALLS = frozenset(
    {
        *("datetime.now", "datetime.utcnow", "datetime.today", "date.today"),
        *("uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4"),
        # Both settle in an order of their own; workflow.wait and workflow.as_completed do not.
        *("asyncio.wait", "asyncio.as_completed", "asyncio.to_thread"),
        # Differ from process to process.
        *("hash", "id", "open", "input"),
    }
)
ORDERED_READERS = frozenset({"list", "tuple", "enumerate", "iter", "next", "zip", "map", "join"})


def violations(source: Source) -> Iterator[str]:
    """Every place of a file that is not deterministic, as `file:line what`."""
    for node in ast.walk(source.tree):
        for what in (*_banned_imports(node), *_banned_calls(node), *_reads_set_in_order(node)):
            yield f"{source.place}:{getattr(node, 'lineno', 0)} {what}"


def _banned_imports(node: ast.AST) -> Iterator[str]:
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module or ""]
    yield from (f"imports {name}" for name in names if name.partition(".")[0] in BANNED_MODULES)


def _banned_calls(node: ast.AST) -> Iterator[str]:
    if not isinstance(node, ast.Call):
        return
    name = ast.unparse(node.func)
    short = ".".join(name.split(".")[-2:])
    if name in BANNED_CALLS or short in BANNED_CALLS:
        yield f"calls {name}"


def _reads_set_in_order(node: ast.AST) -> Iterator[str]:
    read: list[ast.expr] = []
    if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        read = [node.iter]
    elif isinstance(node, ast.Call) and _last_name(node.func) in ORDERED_READERS:
        read = list(node.args)
    elif isinstance(node, ast.Starred):
        read = [node.value]
    yield from (f"reads {ast.unparse(part)} in order" for part in read if _is_set(part))


def _last_name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def _is_set(part: ast.expr) -> bool:
    is_call = isinstance(part, ast.Call) and _last_name(part.func) in {"set", "frozenset"}
    return is_call or isinstance(part, ast.Set | ast.SetComp)


def workflow_sources() -> list[Source]:
    own = [source for source in sources("workflows") if source.module not in OUTSIDE]
    imported = [reached for source in own for reached in reachable(source.module)]
    return list({source.module: source for source in (*own, *imported)}.values())


def test_inv_01_workflow_code_is_deterministic() -> None:
    found = [line for source in workflow_sources() for line in violations(source)]

    assert not found, "not deterministic:\n" + "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "import os",
        "from random import choice",
        "import time as clock",
        "now = datetime.now(UTC)",
        "now = datetime.datetime.utcnow()",
        "day = date.today()",
        "name = uuid.uuid4()",
        "for edge in {1, 2}: pass",
        "edges = [edge for edge in set(taken)]",
        "edges = list(frozenset(taken))",
        "text = ', '.join({name for name in names})",
        "edges = [*set(taken)]",
        "order = hash(node)",
    ],
)
def test_source_of_non_determinism_is_noticed(text: str) -> None:
    assert list(violations(from_text(text, "workflows.x")))


@pytest.mark.parametrize(
    "text",
    [
        "now = workflow.now()",
        "name = workflow.uuid4()",
        "for edge in sorted({1, 2}): pass",
        "done = node in {1, 2}",
        "key = uuid.uuid5(NAMESPACE, name)",
        "count = len(set(taken))",
    ],
)
def test_deterministic_code_is_left_alone(text: str) -> None:
    assert not list(violations(from_text(text, "workflows.x")))
