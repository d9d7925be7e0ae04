"""Values survive their way into a program and out of it, whatever the pieces."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.sandbox.programs import values
from activities.sandbox.programs.values import read_value, value_pieces
from schema.values.encoding import encode, to_wire
from schema.values.files import File, FileType, TransferMethod
from schema.values.segments import Segment, SegmentType

CHARACTERS = st.characters(codec=None)
TEXTS = st.text(CHARACTERS | st.sampled_from('\\"\n\0\ud83d\ude00u🤖é'))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda items: st.lists(items) | st.dictionaries(TEXTS, items),
    max_leaves=10,
)


def cut(content: bytes, length: int) -> list[bytes]:
    return [content[start : start + length] for start in range(0, len(content), length)]


def same(found: Any, expected: Any) -> bool:
    """Equal also in type: 1 is not 1.0."""
    return encode(found) == encode(expected)


@given(TEXTS, st.integers(1, 20))
def test_a_long_text_is_read_in_pieces_without_tearing_a_character(text: str, length: int) -> None:
    content = encode(text).encode()
    pieces = iter(cut(content[1:], length))

    assert "".join(values._read_text(b"", pieces)) == text


@given(JSON, st.integers(1, 20))
def test_what_is_read_is_what_was_written(value: Any, length: int) -> None:
    content = b"".join(value_pieces(value))

    assert content.decode("ascii") == encode(value)
    assert same(read_value(cut(content, length)), value)


def test_a_text_of_megabytes_is_written_and_read_in_pieces() -> None:
    text = '🤖 "x"\n\0\ud800' * 400_000
    pieces = list(value_pieces(text))

    assert len(pieces) > 5
    assert b"".join(pieces).decode() == encode(text)
    assert read_value(pieces) == text


def test_nan_and_long_integers_are_read() -> None:
    assert read_value([b"1" + b"0" * 5000]) == 10**5000
    assert math.isnan(read_value([b"[NaN]"])[0])


def test_files_and_segments_are_read_as_json() -> None:
    file = File(FileType.IMAGE, TransferMethod.REMOTE_URL, remote_url="http://a/b.png")
    value = {"output": Segment(SegmentType.ARRAY_FILE, [file]), "$holdfast": 1}

    assert read_value([encode(to_wire(value)).encode()]) == {
        "output": [file.to_dict()],
        "$holdfast": 1,
    }


@pytest.mark.parametrize("value", ["", "x", [], {}, None, 0, -1.5, True])
def test_small_values_are_read(value: Any) -> None:
    assert same(read_value([encode(value).encode()]), value)
