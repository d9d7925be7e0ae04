from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import ConditionFailed
from schema.values.comparisons import OPERATORS, compare
from tests import strategies

EXAMPLES = settings(max_examples=150, deadline=None)
_COMPARED = st.one_of(
    strategies.scalars, st.lists(strategies.scalars, max_size=3), st.just({"a": 1})
)
_EXPECTED = st.one_of(st.none(), st.booleans(), strategies.texts, st.lists(strategies.texts))


def outcome(operator: Any, actual: object, expected: object) -> bool | str:
    try:
        return compare(operator, actual, expected)
    except ConditionFailed as error:
        return str(error)


@EXAMPLES
@given(st.sampled_from(list(OPERATORS)), _COMPARED, _EXPECTED)
def test_every_operator_gives_a_boolean_or_a_named_failure(
    operator: Any, actual: object, expected: object
) -> None:
    assert isinstance(outcome(operator, actual, expected), bool | str)


@pytest.mark.parametrize("operator", ["contains", "empty", "in", "null", "exists"])
@EXAMPLES
@given(actual=_COMPARED, expected=_EXPECTED)
def test_not_negates(operator: str, actual: object, expected: object) -> None:
    given_result = outcome(operator, actual, expected)
    negated = outcome(f"not {operator}", actual, expected)

    if isinstance(given_result, bool):
        assert negated is (not given_result)
    else:
        assert negated == given_result


@pytest.mark.parametrize(("operator", "negation"), [("is", "is not"), ("=", "≠")])
@EXAMPLES
@given(actual=_COMPARED, expected=_EXPECTED)
def test_negated_equality_negates_except_over_null(
    operator: str, negation: str, actual: object, expected: object
) -> None:
    given_result = outcome(operator, actual, expected)
    negated = outcome(negation, actual, expected)

    if actual is None:
        assert given_result is negated is False
    elif isinstance(given_result, bool):
        assert negated is (not given_result)
    else:
        assert negated == given_result
