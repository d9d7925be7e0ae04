"""The tables of README.md and docs/settings.md that follow from the code are what the code says.

When one differs, the failure shows the table to put between its two comments.
"""

import inspect
import re
from collections.abc import Iterable, Sequence

from schema.nodes import ALIASES
from schema.settings import settings_table
from tests.sources import ROOT
from workflows.nodes import EXECUTORS


def between_comments(page: str, name: str) -> str:
    text = (ROOT / page).read_text("utf-8")
    found = re.search(f"<!-- {name}: .*? -->\n(.*?)<!-- end of {name} -->", text, re.DOTALL)
    assert found is not None, f"{page} has no table of {name}"
    return found[1].strip()


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    rule = "|" + "---|" * len(header)
    first, *others = ("| " + " | ".join(cells) + " |" for cells in (header, *rows))
    return "\n".join([first, rule, *others])


def node_types_table() -> str:
    """Node type, its older names, and the first line of its executor's docstring."""
    names = {kind: [f"`{kind}`"] for kind in EXECUTORS}
    for alias, kind in ALIASES.items():
        names[kind].append(f"`{alias}`")
    rows = [
        (", ".join(names[kind]), (inspect.getdoc(executor) or "").splitlines()[0])
        for kind, executor in EXECUTORS.items()
    ]
    return table(["node type", "what it does"], rows)


def settings_rows() -> str:
    """Every setting but those that only tests read."""
    rows = [
        (f"`{row.variable}`", row.default, row.description.replace("|", "\\|"))
        for row in settings_table()
        if not row.description.startswith("Tests only")
    ]
    return table(["variable", "default", "meaning"], rows)


def test_node_types_of_the_readme_are_those_that_run() -> None:
    assert between_comments("README.md", "node types") == node_types_table()


def test_documented_settings_are_those_that_are_read() -> None:
    assert between_comments("docs/settings.md", "settings") == settings_rows()
