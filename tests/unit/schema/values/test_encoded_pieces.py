"""Encoded text in pieces: the same text, and the same value back."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import PayloadTooLarge
from schema.values import encoded_pieces
from schema.values.encoded_pieces import (
    PIECE_CHARACTERS,
    StringReader,
    decode_in_turns,
    encode_in_pieces,
    is_small,
)
from schema.values.encoding import decode, encode, to_wire
from schema.values.segments import Segment, SegmentType
from tests import strategies
from tests.server.harness import exactly

LARGE = {
    "text": 'ä"\\\ud83d😀\x00' * 300_000,
    "numbers": list(range(400_000)),
    "flags": [True, None, 1.0, float("inf"), "x,]", '"', "\\"] * 60_000,
    "rows": [{"id": number, "text": "x" * 90} for number in range(20_000)],
    "deep": [[[[[[[[[[["x" * 2_000_000]]]]]]]]]]],
    "many": {f"key {number} ü": number for number in range(30_000)},
    "empty": [[], {}, "", [{}]],
    "long": 10**10_000,
}


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every value a large one."""
    monkeypatch.setattr(encoded_pieces, "PIECE_CHARACTERS", 5)
    monkeypatch.setattr(encoded_pieces, "_SMALL_ITEMS", 2)
    monkeypatch.setattr(encoded_pieces, "_BATCH", 2)


def read_string(text: bytes, cuts: list[int]) -> str:
    """Read encoded text that is cut at places."""
    reader = StringReader()
    places = sorted({min(cut, len(text)) for cut in cuts})
    bounds = zip([0, *places], [*places, len(text)], strict=True)
    return "".join([reader.feed(text[begin:end]) for begin, end in bounds]) + reader.close()


def test_inv_16_a_large_value_in_pieces_is_the_same_text_and_the_same_value_back() -> None:
    pieces = list(encode_in_pieces(LARGE))

    text = "".join(pieces)
    assert text == encode(LARGE)
    assert max(map(len, pieces)) < 8 * PIECE_CHARACTERS
    assert exactly(decode_in_turns(text)["flags"]) == exactly(LARGE["flags"])
    assert decode_in_turns(text) == LARGE


@pytest.mark.usefixtures("small_pieces")
@given(strategies.json_values)
def test_inv_16_every_value_in_pieces_is_the_same_text(value: object) -> None:
    wire = to_wire(value)

    assert "".join(encode_in_pieces(wire)) == encode(wire)
    assert encode(decode_in_turns(encode(wire))) == encode(wire)


@settings(max_examples=500)
@given(
    st.text(st.one_of(st.characters(), st.sampled_from('"\\\ud83d\ude00u0')), max_size=12),
    st.lists(st.integers(0, 80)),
)
def test_inv_16_a_text_is_read_alike_wherever_its_pieces_end(text: str, cuts: list[int]) -> None:
    encoded = encode(text).encode()

    assert read_string(encoded, cuts) == decode(encoded)


def test_halves_of_a_pair_that_came_alone_are_joined_as_decoding_joins_them() -> None:
    encoded = encode("\ud83d" + "\ude00").encode()

    assert [read_string(encoded, [cut]) for cut in range(len(encoded))] == ["😀"] * len(encoded)


@pytest.mark.parametrize("text", [b"", b'"', b'"abc', b'"abc\\"', b"1", b"[1]"])
def test_what_is_no_whole_string_is_noticed(text: bytes) -> None:
    with pytest.raises(ValueError, match="string"):
        read_string(text, [])


@pytest.mark.parametrize("text", ["", "[", "[1", "[1 2]", '{"a"}', '{"a":1', "{1:2}", "[]]", "x"])
def test_damaged_text_is_noticed(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        decode_in_turns(text)


def test_an_integer_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(PayloadTooLarge):
        decode_in_turns("[" + "9" * 200_000 + "]")


def test_what_is_small_is_told_by_text_and_by_items() -> None:
    text = "x" * (PIECE_CHARACTERS + 1)

    assert is_small({"a": [1, "x"]})
    assert not is_small(text)
    assert not is_small({text: 1})
    assert not is_small([[0] * 3_000, [0] * 3_000])
    assert not is_small({"output": Segment(SegmentType.STRING, text)})
