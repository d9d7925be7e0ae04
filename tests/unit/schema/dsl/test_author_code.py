"""What can be said of code and templates without running them."""

import pytest

from schema.dsl.author_code import check_author_code, imported_names
from schema.findings import Finding
from tests.documents import compiled
from tests.factories import a_code, a_node, a_start, a_template


def findings(*nodes: dict[str, object], installed: tuple[str, ...] = ()) -> list[Finding]:
    ids = [str(node["id"]) for node in nodes]
    plan = compiled([a_start("s"), *nodes], [("s", node_id) for node_id in ids]).plan
    assert plan is not None
    found = list(check_author_code(plan.graph, installed.__contains__))
    assert not any(finding.is_error for finding in found)
    return found


def told(*found: Finding) -> list[tuple[str, str, str]]:
    return [(str(finding.code), finding.node_id, finding.field) for finding in found]


def test_sound_code_and_templates_are_not_mentioned() -> None:
    assert not findings(
        a_code("py", "import json\nfrom os import path\nimport xml.dom\ndef main(): return {}"),
        a_code("js", "function main() { return {} }", language="javascript"),
        a_template("t", "{% for x in y %}{{ x | upper }}{% endfor %}"),
    )


def test_a_template_that_cannot_be_read_is_named_with_its_line() -> None:
    [finding] = findings(a_template("t", "a\n{% for x %}\nb"))

    assert told(finding) == [("template-syntax", "t", "template")]
    assert "line 2: " in finding.message


def test_code_that_cannot_be_read_is_named_with_its_line() -> None:
    [finding] = findings(a_code("c", "def main():\n  return {"))

    assert told(finding) == [("code-syntax", "c", "code")]
    assert "line 2: '{' was never closed" in finding.message


def test_a_package_that_is_not_installed_is_named_with_the_command() -> None:
    code = "import numpy as np, json\ntry:\n  from pandas.io import x\nexcept ImportError: pass"

    [finding] = findings(a_code("c", code), installed=("numpy",))

    assert told(finding) == [("missing-package", "c", "code")]
    assert "'pandas'" in finding.message
    assert "holdfast code install -r FILE" in finding.message


@pytest.mark.parametrize(
    "code",
    [
        "const fs = require('fs')",
        'import * as x from "fs"',
        "import 'fs'",
        "import {\n  a } from 'x'\nconst b = require( 'fs' )",
    ],
)
def test_modules_of_javascript_are_named(code: str) -> None:
    found = findings(a_code("c", code, language="javascript"))

    assert "missing-package" in {str(finding.code) for finding in found}
    assert any("'fs'" in finding.message for finding in found)


def test_javascript_that_speaks_of_requiring_is_not_mentioned() -> None:
    code = "// require a name\nconst required = 'import this'; function main() { return {} }"

    assert not findings(a_code("c", code, language="javascript"))


def test_the_insides_of_containers_are_looked_into() -> None:
    nodes = [
        a_start("s"),
        a_node("it", "iteration", start_node_id="its"),
        a_node("its", "iteration-start", iteration_id="it", isInIteration=True),
        a_code("c", "import pandas"),
    ]
    nodes[3]["data"]["iteration_id"] = "it"
    plan = compiled(nodes, [("s", "it"), ("its", "c")]).plan
    assert plan is not None

    assert told(*check_author_code(plan.graph, lambda name: False)) == [
        ("missing-package", "c", "code")
    ]


HOSTILE = {
    "parentheses": "(" * 100_000,
    "minus": "-" * 200_000 + "1",
    "plus": "1" + "+1" * 200_000,
    "attributes": "a" + ".b" * 100_000,
    "calls": "f" + "()" * 100_000,
    "elif": "if 1: pass\n" + "elif 1: pass\n" * 20_000,
    "integer": "x = " + "1" * 100_000,
    "NUL": "a\0b",
    "surrogate": "x = '\ud800'",
    "escape": "'\\d'",
    "huge": "x = 1\n" * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_code_is_read_or_named_but_harms_nobody(name: str) -> None:
    found = findings(a_code("c", HOSTILE[name]))

    assert {str(finding.code) for finding in found} <= {"code-syntax"}


@pytest.mark.parametrize(
    "template",
    [
        "{{ " + "(" * 20_000,
        "{% if a %}" * 9_000,
        "{{ " + "-" * 90_000 + "1 }}",
        "{{ " + "9" * 90_000 + " }}",
        "{{ a" + ".b" * 40_000 + " }}",
        "{% raw %}" * 9_000,
        "{{ x | upper }}" * 20_000,
    ],
    ids=["parentheses", "ifs", "minus", "integer", "attributes", "raw", "huge"],
)
def test_hostile_templates_are_read_or_named_but_harm_nobody(template: str) -> None:
    found = findings(a_template("t", template))

    assert {str(finding.code) for finding in found} <= {"template-syntax"}


def test_code_that_is_nested_too_deeply_is_no_python() -> None:
    with pytest.raises(SyntaxError, match="nested too deeply"):
        imported_names("1" + "+1" * 200_000)
