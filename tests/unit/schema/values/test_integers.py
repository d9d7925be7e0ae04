import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import PayloadTooLarge
from schema.values import integers


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1_400), st.integers(-(10**6), 10**6), st.booleans())
def test_text_and_number_are_those_of_python(exponent: int, offset: int, negative: bool) -> None:
    value = (10**exponent + offset) * (-1 if negative else 1)

    text = integers.to_text(value)

    assert text == str(value)
    assert integers.parse(text) == value


@pytest.mark.parametrize("text", ["1" * 700, "-" + "1" * 700, "+" + "0" * 700, f" {'7' * 700}\n"])
def test_long_text_is_read_as_python_reads_it(text: str) -> None:
    assert integers.parse(text) == int(text)


@pytest.mark.parametrize("text", ["", "1.5", "3.0", "x", "--1", "1" * 700 + ".0", "- " + "1" * 700])
def test_other_text_fails_in_pythons_words(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal for int"):
        integers.parse(text)


def test_separators_and_other_digits_are_pythons() -> None:
    assert integers.parse("1_000") == 1000
    assert integers.parse("٣") == 3
    assert integers.parse("1_" + "0" * 700) == 10**700


def test_bound_is_exact() -> None:
    longest = 10**integers.MAX_DIGITS - 1

    assert integers.check_length(-longest) == -longest
    with pytest.raises(PayloadTooLarge):
        integers.check_length(longest + 1)
    with pytest.raises(PayloadTooLarge):
        integers.parse("1" * (integers.MAX_DIGITS + 1))


def test_digit_limit_of_the_process_is_neither_needed_nor_changed() -> None:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        text = integers.to_text(10**2_000)
        value = integers.parse(text)
        after = sys.get_int_max_str_digits()
    finally:
        sys.set_int_max_str_digits(before)

    assert text == "1" + "0" * 2_000
    assert value == 10**2_000
    assert after == 640
