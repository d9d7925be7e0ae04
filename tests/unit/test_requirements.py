"""Every promise of tests/requirements.py is proven by a test, or deferred with a reason."""

import ast
import re
from collections.abc import Iterator

from tests.requirements import DEFERRED, DEFERRED_INVARIANTS, INVARIANTS, REQUIREMENTS
from tests.sources import sources

NUMBERED = re.compile(r"test_inv_(\d\d)_\w+")


def written_tests() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for source in sources("tests"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


def proven_invariants() -> set[int]:
    matches = (NUMBERED.fullmatch(test.name) for test in written_tests())
    return {int(match[1]) for match in matches if match}


def proven_requirements() -> set[str]:
    decorators = [decorator for test in written_tests() for decorator in test.decorator_list]
    return {
        argument.value
        for decorator in decorators
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "requirement"
        for argument in decorator.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    }


def test_every_invariant_is_proven_or_deferred() -> None:
    missing = INVARIANTS.keys() - proven_invariants() - DEFERRED_INVARIANTS.keys()

    assert not {number: INVARIANTS[number] for number in sorted(missing)}


def test_no_test_names_an_unknown_invariant() -> None:
    assert not proven_invariants() - INVARIANTS.keys()


def test_every_requirement_is_proven_or_deferred() -> None:
    missing = REQUIREMENTS.keys() - proven_requirements() - DEFERRED.keys()

    assert not {name: REQUIREMENTS[name] for name in sorted(missing)}


def test_no_test_names_an_unknown_requirement() -> None:
    assert not proven_requirements() - REQUIREMENTS.keys()


def test_every_deferral_has_a_reason() -> None:
    assert all(DEFERRED.values())
    assert all(DEFERRED_INVARIANTS.values())
    assert not DEFERRED.keys() - REQUIREMENTS.keys()
