"""Sizes, names and the place of imports, for every Python file of the project."""

import ast
from collections.abc import Iterator

import pytest

from tests.sources import Source, from_text, is_within, sources

MODULE_LINES = 600
FUNCTION_LINES = 60
DECLARATIONS = "schema.db.migrations.versions"
"""A migration declares tables one after the other: splitting it would hide their order."""
VAGUE_NAMES = frozenset(
    {"utils", "util", "helpers", "helper", "common", "manager", "types", "misc"}
)

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


def functions(source: Source) -> Iterator[FunctionNode]:
    for node in ast.walk(source.tree):
        if isinstance(node, FunctionNode):
            yield node


def code_lines(function: FunctionNode) -> int:
    """Lines from `def` to the end; the docstring does not count."""
    whole = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is None:
        return whole
    docstring = function.body[0]
    return whole - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def imports_inside_functions(source: Source) -> Iterator[str]:
    for function in functions(source):
        for node in ast.walk(function):
            if isinstance(node, ast.Import | ast.ImportFrom):
                yield f"{source.place}:{node.lineno}"


def is_vague(source: Source) -> bool:
    name = source.module.rpartition(".")[2]
    return name in VAGUE_NAMES or name.rpartition("_")[2] in VAGUE_NAMES


def test_inv_22_no_module_over_600_lines() -> None:
    lengths = {source.place: len(source.text.splitlines()) for source in sources()}

    assert not {place: n for place, n in lengths.items() if n > MODULE_LINES}


def test_inv_22_no_function_over_60_lines() -> None:
    found = [
        f"{source.place}:{function.lineno} {function.name}: {code_lines(function)} lines"
        for source in sources()
        if not is_within(source.module, DECLARATIONS)
        for function in functions(source)
        if code_lines(function) > FUNCTION_LINES
    ]

    assert not found


def test_docstring_does_not_count_as_code() -> None:
    body = "\n".join("    pass" for _ in range(3))
    source = from_text(f'def f():\n    """One.\n\n    Two.\n    """\n{body}\n', "schema.x")

    assert [code_lines(function) for function in functions(source)] == [4]


def test_modules_are_named_by_their_responsibility() -> None:
    assert not [source.place for source in sources() if is_vague(source)]


@pytest.mark.parametrize("module", ["schema.utils", "workflows.node_helpers", "api.types"])
def test_vague_name_is_noticed(module: str) -> None:
    assert is_vague(from_text("", module))


def test_imports_are_at_the_top_of_the_file() -> None:
    """Only the command line loads a file when it is called: importing everything takes seconds."""
    found = [
        line
        for source in sources()
        if not is_within(source.module, "workers.cli")
        for line in imports_inside_functions(source)
    ]

    assert not found


def test_import_inside_a_function_is_noticed() -> None:
    source = from_text("def f():\n    if True:\n        import json\n", "schema.x")

    assert list(imports_inside_functions(source)) == ["schema/x.py:3"]
