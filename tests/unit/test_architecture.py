"""Imports go downhill: who may import whom, read from the syntax trees.

`schema` holds shapes, `workflows` decides, `activities` does, `workers` wires, `api` translates.
"""

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.sources import (
    PACKAGES,
    ROOT,
    Source,
    from_text,
    imports,
    is_stdlib,
    is_within,
    reachable,
    sources,
)

PYDANTIC = ("pydantic", "pydantic_core", "typing_extensions")
MAY_IMPORT: Mapping[str, tuple[str, ...]] = {
    "schema": ("schema", *PYDANTIC),
    "schema.dsl": ("schema", *PYDANTIC, "yaml"),
    # Its parser says of a template whether it is one.
    "schema.dsl.author_code": ("schema", *PYDANTIC, "jinja2"),
    "schema.settings": ("schema", *PYDANTIC, "pydantic_settings", "platformdirs"),
    "schema.keyring": ("schema", *PYDANTIC, "cryptography"),
    "schema.db": ("schema", *PYDANTIC, "sqlalchemy", "alembic", "psycopg"),
    "schema.db.artifacts": ("schema", *PYDANTIC, "obstore"),
    "workflows": ("schema", "workflows", *PYDANTIC, "temporalio"),
    # Loaded by the fork server, and what user code is made of.
    "activities.sandbox.programs": ("schema", "activities.sandbox", "jinja2", "_quickjs"),
    "activities": ("schema", "activities", *PYDANTIC, "temporalio", "sqlalchemy"),
    # What the client raises is told as the node's failure.
    "activities.http_request": (*("schema", "activities", *PYDANTIC, "httpx"),),
    # The outside world: clients, the text of answers, the mending of JSON.
    "activities.tools": (
        *("schema", "activities.tools", *PYDANTIC),
        *("httpx", "httpcore", "certifi", "json_repair", "charset_normalizer"),
    ),
    "api": (
        *("schema", "workflows.client", "workflows.payloads", "api"),
        *(*PYDANTIC, "fastapi", "starlette", "uvicorn", "sse_starlette"),
    ),
}
"""The most specific entry counts. `workers` has none: it wires everything."""

NEVER_IMPORTS: Mapping[str, tuple[str, ...]] = {
    "schema": ("schema.db",),
    "schema.db": (),
    "workflows": ("schema.db", "schema.settings", "schema.keyring"),
    "workflows.payloads": ("schema.db", "schema.settings"),
}
"""Exceptions from the table above: parts of an allowed package that stay out of reach."""

ENTRY_POINTS = ("workflows.graph_run",)
"""Modules that define Temporal workflows: what they import runs inside one."""


def most_specific(table: Mapping[str, tuple[str, ...]], module: str) -> tuple[str, ...] | None:
    """The entry of the longest package that holds the module."""
    found = [package for package in table if is_within(module, package)]
    return table[max(found, key=len)] if found else None


def forbidden_imports(source: Source) -> Iterator[str]:
    """What a file imports and may not, as `file: name`."""
    may = most_specific(MAY_IMPORT, source.module)
    never = most_specific(NEVER_IMPORTS, source.module) or ()
    for name in sorted(set(imports(source))):
        is_allowed = may is None or is_stdlib(name) or any(related(name, part) for part in may)
        if not is_allowed or any(is_within(name, part) for part in never):
            yield f"{source.place}: {name}"


def related(name: str, package: str) -> bool:
    """Whether an imported name is the package, in it, or a parent of it.

    `from workflows import client` counts as `workflows` and `workflows.client`; of these only the
    second says what is used.
    """
    return is_within(name, package) or ("." in package and is_within(package, name))


def test_inv_22_imports_go_downhill() -> None:
    found = [line for source in sources(*PACKAGES) for line in forbidden_imports(source)]

    assert not found, "imports against the table of this file:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("module", "text", "culprit"),
    [
        ("schema.plan", "from schema.db import engine", "schema.db"),
        ("schema.plan", "import temporalio.workflow", "temporalio.workflow"),
        ("schema.graph", "import yaml", "yaml"),
        ("schema.db.event_log", "from activities import flush", "activities"),
        ("workflows.interpreter", "from activities.base import implements", "activities.base"),
        ("workflows.graph_run", "import httpx", "httpx"),
        ("workflows.nodes.end", "from ...schema.db import engine", "schema.db"),
        ("activities.flush", "from workflows.client import GraphRunClient", "workflows.client"),
        ("api.runs", "from workflows.interpreter import Interpreter", "workflows.interpreter"),
        ("api.runs", "from activities import flush", "activities"),
        ("activities.base", "import workers.cli", "workers.cli"),
    ],
)
def test_import_uphill_is_noticed(module: str, text: str, culprit: str) -> None:
    source = from_text(text, module.removeprefix("."))

    found = list(forbidden_imports(source))

    assert any(line.endswith(f": {culprit}") for line in found), found


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("schema.dsl.reader", "import yaml"),
        ("schema.db.event_log", "from schema.facts import Fact"),
        ("api.runs", "from workflows.client import GraphRunClient"),
        ("workers.up", "from api.runs import start"),
    ],
)
def test_import_downhill_is_allowed(module: str, text: str) -> None:
    assert not list(forbidden_imports(from_text(text, module)))


def test_nothing_imports_workers() -> None:
    below = [package for package in PACKAGES if package != "workers"]

    found = [
        f"{source.place}: {name}"
        for source in sources(*below)
        for name in imports(source)
        if is_within(name, "workers")
    ]

    assert not found


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_workflow_code_reaches_neither_converter_nor_client(entry_point: str) -> None:
    names = {source.module for source in reachable(entry_point)}

    assert entry_point in names
    assert not names & {"workflows.payloads", "workflows.client", "schema.settings"}


@pytest.mark.parametrize("package", PACKAGES)
def test_imported_package_is_the_one_of_this_repository(package: str) -> None:
    """Our names are generic: a dependency that installs a `schema` would shadow ours."""
    origin = importlib.import_module(package).__file__

    assert origin is not None
    assert Path(origin).resolve().parent == ROOT / package
