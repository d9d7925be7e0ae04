"""Texts of large values in pieces are the texts of the same values whole."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import InvalidNodeInput, ValueBehindReference
from schema.values.encoded_pieces import StringReader
from schema.values.encoded_text import ObjectText
from schema.values.encoding import encode, to_wire
from schema.values.files import File
from schema.values.segments import Segment

TRICKY = st.text(st.sampled_from(list('a"\\\né中🤖\ud83d\ude00\x7fud,')), max_size=14)
TEXTS = st.one_of(TRICKY, st.text(max_size=20))
CUTS = st.lists(st.integers(1, 9), min_size=1, max_size=40)


def pieces(content: bytes, cuts: list[int]) -> list[bytes]:
    found, position, turn = [], 0, 0
    while position < len(content):
        size = cuts[turn % len(cuts)]
        found.append(content[position : position + size])
        position, turn = position + size, turn + 1
    return found


def read(reader: StringReader | ObjectText, encoded: str, cuts: list[int]) -> str:
    parts = [reader.feed(piece) for piece in pieces(encoded.encode("ascii"), cuts)]
    return "".join([*parts, reader.close()])


@given(TEXTS, CUTS)
def test_a_string_reads_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    encoded = encode(text)

    # Two halves of a pair that stood alone are one character once they are JSON.
    assert read(StringReader(), encoded, cuts) == json.loads(encoded)


VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(TEXTS, VALUES, max_size=4), CUTS)
def test_an_object_reads_as_its_segment_does(value: dict[str, Any], cuts: list[int]) -> None:
    encoded = encode(value)
    whole = Segment.infer(json.loads(encoded)).text

    assert read(ObjectText(), encoded, cuts) == whole


@given(st.dictionaries(TEXTS, VALUES, max_size=4), CUTS)
def test_a_compact_object_is_the_json_of_a_body(value: dict[str, Any], cuts: list[int]) -> None:
    encoded = encode(value)

    written = json.dumps(json.loads(encoded), ensure_ascii=False, separators=(",", ":"))
    assert read(ObjectText(",", ":"), encoded, cuts) == written


@pytest.mark.parametrize("cuts", [[1], [7], [1000]])
def test_what_is_no_json_inside_an_object_is_noticed(cuts: list[int]) -> None:
    file = File.from_dict({"transfer_method": "tool_file", "reference": "r"})

    with pytest.raises(ValueBehindReference):
        read(ObjectText(), encode(to_wire({"f": file})), cuts)


@pytest.mark.parametrize("encoded", ['"abc', "[1]", ""])
def test_a_string_that_was_cut_off_is_an_error(encoded: str) -> None:
    with pytest.raises(ValueError, match="string"):
        read(StringReader(), encoded, [3])


def test_an_object_that_was_cut_off_is_an_error() -> None:
    with pytest.raises(InvalidNodeInput):
        read(ObjectText(), '{"a":"b', [3])
