"""Replacing known texts: independent of how a stream is cut, and never inside an escape."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.values.encoding import encode
from schema.values.replacing import JsonReplacer, Replacer, ReplacingStream, Text

LETTERS = st.text(st.sampled_from("ab"), max_size=30)
PATTERNS = st.sets(st.text(st.sampled_from("ab"), min_size=1, max_size=6), min_size=1, max_size=4)


def cut(text: Text, places: list[int]) -> list[Text]:
    """Cut a text at some places."""
    ends: list[int] = sorted({place % (len(text) + 1) for place in places})
    return [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]


def through(stream: ReplacingStream[Text], pieces: list[Text], empty: Text) -> Text:
    result = empty
    for piece in pieces:
        result += stream.feed(piece)
    return result + stream.finish()


@given(LETTERS, PATTERNS, st.lists(st.integers(0, 30), max_size=6))
def test_the_result_does_not_depend_on_how_the_text_was_cut(
    text: str, patterns: set[str], places: list[int]
) -> None:
    replacer = Replacer({pattern: f"<{pattern}>" for pattern in patterns}, "")

    assert through(replacer.stream(), cut(text, places), "") == replacer.replace(text)


@given(LETTERS, PATTERNS)
def test_the_leftmost_and_of_these_the_longest_match_counts(text: str, patterns: set[str]) -> None:
    replaced = Replacer({pattern: f"<{pattern}>" for pattern in patterns}, "").replace(text)

    assert replaced == expected(text, patterns)
    assert not any(p in part for p in patterns for part in _outside(replaced))


def expected(text: str, patterns: set[str]) -> str:
    """The rule as plainly as it can be written."""
    result, position = "", 0
    while position < len(text):
        found = [p for p in patterns if text.startswith(p, position)]
        longest = max(found, key=len, default="")
        result += f"<{longest}>" if longest else text[position]
        position += len(longest) or 1
    return result


def _outside(replaced: str) -> list[str]:
    """Text between what was put in."""
    return [part.rpartition(">")[2] for part in replaced.split("<")]


def test_a_stream_holds_back_no_more_than_what_may_begin_a_match() -> None:
    stream = Replacer({"secret": "*", "sec": "+"}, "").stream()

    assert stream.feed("no match") == "no match"
    assert stream.feed(" sec") == " "
    assert stream.feed("re") == ""
    assert stream.feed("d.") == "+red."
    assert stream.feed("secretse") == "*"
    assert stream.finish() == "se"
    assert stream.replaced


def test_a_text_without_a_match_is_given_itself() -> None:
    text = "nothing here"

    assert Replacer({"secret": "*"}, "").replace(text) is text


STRINGS = st.text(
    st.one_of(st.sampled_from('ab"\\/\n\x00é\ud800😀u0041n12'), st.characters()), max_size=12
)
VALUES = st.recursive(
    st.one_of(STRINGS, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=12,
)
SECRETS = st.sets(
    st.text(st.sampled_from('ab"\\/u0041n12é[],'), min_size=2), min_size=1, max_size=3
)


@given(VALUES, SECRETS, st.lists(st.integers(0, 200), max_size=6))
def test_encoded_text_keeps_its_shape_and_comes_back(
    value: object, secrets: set[str], places: list[int]
) -> None:
    text = encode(value).encode()
    tokens = {secret: f"~{number}~" for number, secret in enumerate(sorted(secrets))}
    escaped = {encode(s)[1:-1].encode(): token.encode() for s, token in tokens.items()}
    replacer = JsonReplacer(escaped)

    sealed = replacer.replace(text)

    assert through(replacer.stream(), cut(text, places), b"") == sealed
    assert _shape(json.loads(sealed)) == _shape(value)
    if not any(token in text.decode() for token in tokens.values()):
        assert not any(s in t for s in secrets for t in _texts(json.loads(sealed), tokens))
        opened = Replacer({token: form for form, token in escaped.items()}, b"").replace(sealed)
        assert opened == text


def _shape(value: object) -> object:
    match value:
        case dict():
            return [_shape(item) for item in value.values()]
        case list():
            return [_shape(item) for item in value]
        case str():
            return "text"
        case float():
            return "number"
        case _:
            return value


def _texts(value: object, tokens: dict[str, str]) -> list[str]:
    """Every stretch of text between tokens."""
    match value:
        case dict():
            found = [t for pair in value.items() for item in pair for t in _texts(item, tokens)]
        case list():
            found = [t for item in value for t in _texts(item, tokens)]
        case str():
            pieces = [value]
            for token in tokens.values():
                pieces = [part for piece in pieces for part in piece.split(token)]
            found = pieces
        case _:
            found = []
    return found


@pytest.mark.parametrize(
    ("text", "sealed"),
    [
        (rb'["\u0041bcdef"]', rb'["\u0041bcdef"]'),
        (rb'["\\u0041bcdef"]', rb'["\\*"]'),
        (rb'["\\\u0041bcdef"]', rb'["\\\u0041bcdef"]'),
        (rb'["u0041bcdef"]', rb'["*"]'),
        (b"[123456]", b"[123456]"),
        (b'["123456"]', b'["*"]'),
        (rb'["\"",123456,"123456\\",123456]', rb'["\"",123456,"*\\",123456]'),
        (rb'{"123456":123456}', rb'{"*":123456}'),
    ],
)
def test_a_match_is_a_whole_text_inside_a_string(text: bytes, sealed: bytes) -> None:
    replacer = JsonReplacer({b"u0041bcdef": b"*", b"123456": b"*"})

    assert replacer.replace(text) == sealed
    for size in (1, 2, 3, 5, 7):
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        assert through(replacer.stream(), pieces, b"") == sealed


def test_a_long_row_of_backslashes_is_no_work() -> None:
    text = b'"' + b"\\\\" * 50_000 + b'secret"'
    replacer = JsonReplacer({b"secret": b"*"})
    pieces = [text[i : i + 999] for i in range(0, len(text), 999)]

    assert through(replacer.stream(), pieces, b"") == text.replace(b"secret", b"*")
