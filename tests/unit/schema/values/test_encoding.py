import json
import math
from typing import Any

import pytest
from hypothesis import given, settings

from schema.errors import InvalidNodeInput, PayloadTooLarge, ValueBehindReference
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import (
    TAG,
    decode,
    encode,
    from_wire,
    size_of,
    to_api_json,
    to_wire,
)
from schema.values.files import File, FileType, TransferMethod
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, SegmentType
from tests import strategies

EXAMPLES = settings(max_examples=150, deadline=None)
IMAGE = File(FileType.IMAGE, TransferMethod.TOOL_FILE, reference="t1", filename="a.png", size=3)
BIG = ArtifactRef("ab12", 70_000, "text/plain", "string", "Once")
KEY = SecretRef("OPENAI_KEY", "sk-012************89")


def spelled(value: object) -> str:
    """Text in which 1, 1.0 and True differ, and NaN equals itself."""
    match value:
        case bool() | None | str() | float():
            return repr(value)
        case int():
            return hex(value)
        case list():
            return "[" + ",".join(map(spelled, value)) + "]"
        case dict():
            items = (f"{key!r}:{spelled(item)}" for key, item in value.items())
            return "{" + ",".join(items) + "}"
        case Segment():
            return f"Segment({value.type}, {spelled(value.value)})"
        case _:
            return repr(value)


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


@EXAMPLES
@given(strategies.values)
def test_inv_16_every_value_survives_the_encoder(value: object) -> None:
    text = encode(to_wire(value))

    assert text.isascii()
    assert spelled(from_wire(decode(text))) == spelled(value)


@EXAMPLES
@given(strategies.plain_values)
def test_inv_15_equal_bytes_come_out_of_a_second_round(value: object) -> None:
    text = encode(to_wire(value))

    assert encode(to_wire(from_wire(decode(text)))) == text


@EXAMPLES
@given(strategies.tag_lookalikes)
def test_inv_16_an_authors_object_is_never_taken_for_one_of_ours(value: dict[str, Any]) -> None:
    decoded = from_wire(decode(encode(to_wire([value]))))

    assert type(decoded[0]) is dict
    assert spelled(decoded) == spelled([value])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, "1"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (True, "true"),
        (None, "null"),
        ("é\ud800\x00", '"\\u00e9\\ud800\\u0000"'),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (1e400, "Infinity"),
        ({"b": [1, 1.0], "a": ""}, '{"b":[1,1.0],"a":""}'),
        ({}, "{}"),
    ],
)
def test_inv_16_spelling_is_fixed(value: object, text: str) -> None:
    assert encode(to_wire(value)) == text
    assert spelled(decode(text)) == spelled(value)


def test_inv_16_not_a_number_keeps_pythons_spelling() -> None:
    assert encode([math.nan]) == "[NaN]"
    assert math.isnan(decode("NaN"))


@pytest.mark.parametrize("digits", [400, 640, 4_300, 4_301, 20_000, 100_000])
def test_inv_16_integers_survive_up_to_the_bound(digits: int) -> None:
    value = {"a": [-(10**digits - 1), 1.5, "x"]}

    text = encode(to_wire(value))

    assert text == '{"a":[-' + "9" * digits + ',1.5,"x"]}'
    assert from_wire(decode(text)) == value


def test_an_integer_beyond_the_bound_is_a_node_failure() -> None:
    with pytest.raises(PayloadTooLarge, match="more than 100000 digits"):
        to_wire({"a": [10**100_000]})
    with pytest.raises(PayloadTooLarge, match="more than 100000 digits"):
        encode([-(10**100_000)])
    with pytest.raises(PayloadTooLarge, match="more than 100000 digits"):
        decode("[1" + "0" * 100_000 + "]")


def test_plain_json_passes_through_as_the_same_object() -> None:
    value = {"a": [1, {"b": None, "c": "text"}], "d": 2.5}

    assert to_wire(value) is value
    assert from_wire(value) is value


def test_wire_form_does_not_change_the_value() -> None:
    value = {"z": [IMAGE], "a": {TAG: "file"}}

    wire = to_wire(value)

    assert list(wire) == ["z", "a"]
    assert value == {"z": [IMAGE], "a": {TAG: "file"}}
    assert from_wire(wire) == value
    assert wire["z"][0][TAG] == "file"


@pytest.mark.parametrize(
    "value",
    [
        IMAGE,
        BIG,
        KEY,
        Segment(SegmentType.SECRET, KEY),
        Segment(SegmentType.ARRAY_STRING, []),
        Segment(SegmentType.OBJECT, {"output": Segment.infer([IMAGE])}),
        {TAG: {TAG: {TAG: "secret", "name": "x", "masked": ""}}},
    ],
)
def test_tagged_values_come_back_typed(value: object) -> None:
    assert from_wire(decode(encode(to_wire(value)))) == value


@pytest.mark.parametrize(
    "wire",
    [
        {TAG: "unknown"},
        {TAG: ["file"]},
        {TAG: "file", "type": "image"},
        {TAG: "file", "type": "film", "transfer_method": "tool_file", "size": 1},
        {TAG: "segment", "type": "strings", "value": ""},
        {TAG: "segment"},
        {TAG: "artifact", "sha256": ""},
        {TAG: "secret"},
    ],
)
def test_damaged_wire_form_is_refused(wire: object) -> None:
    with pytest.raises(InvalidNodeInput):
        from_wire([wire])


@pytest.mark.parametrize("value", [(1, 2), {1, 2}, b"x", {1: 2}, {"a": [object]}])
def test_what_is_no_value_is_refused(value: object) -> None:
    with pytest.raises(InvalidNodeInput, match=r"not supported value|is not text"):
        to_wire(value)


@pytest.mark.parametrize("value", [nested(200), {"a": nested(199)}, Segment.infer(nested(200))])
def test_deep_values_pass_up_to_the_bound(value: object) -> None:
    assert from_wire(decode(encode(to_wire(value)))) == value


def test_lookalikes_at_every_level_pass_up_to_the_bound() -> None:
    value: Any = 1
    for _ in range(200):
        value = {TAG: value}

    assert from_wire(decode(encode(to_wire(value)))) == value


@pytest.mark.parametrize("levels", [201, 900])
def test_a_value_beyond_the_depth_bound_is_a_node_failure(levels: int) -> None:
    with pytest.raises(InvalidNodeInput, match="nested deeper than 200 levels"):
        to_wire(nested(levels))
    with pytest.raises(InvalidNodeInput, match="nested deeper than 200 levels"):
        from_wire(nested(levels))


def test_a_depth_bomb_in_text_is_a_node_failure() -> None:
    with pytest.raises(InvalidNodeInput, match="nested deeper than 200 levels"):
        from_wire(decode("[" * 100_000 + "]" * 100_000))
    with pytest.raises(InvalidNodeInput, match="nested deeper than 200 levels"):
        encode(to_wire({"a": nested(100_000)}))
    with pytest.raises(InvalidNodeInput, match="nested deeper than 200 levels"):
        encode([10**5_000, *nested(100_000)])


def test_a_value_that_contains_itself_is_a_node_failure() -> None:
    value: list[Any] = []
    value.append(value)

    with pytest.raises(InvalidNodeInput, match="nested deeper"):
        to_wire(value)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "nul", b"\xff\xfe\xfd"])
def test_text_that_is_not_json_is_a_json_error(text: str | bytes) -> None:
    with pytest.raises(json.JSONDecodeError):
        decode(text)


def test_size_is_in_bytes() -> None:
    text = encode("é")

    assert size_of(text) == len(text.encode()) == 8


def test_clients_see_plain_finite_json_without_secrets() -> None:
    value = {
        "numbers": [math.nan, math.inf, 1.0, 10**400],
        "file": IMAGE,
        "secret": KEY,
        "plain secret": Segment(SegmentType.SECRET, "sk-0123456789"),
        "group": {"output": Segment.infer({"a": [math.nan]})},
        "tag": {TAG: "file"},
    }

    assert to_api_json(value) == {
        "numbers": [None, None, 1.0, 10**400],
        "file": IMAGE.to_dict(),
        "secret": "sk-012************89",
        "plain secret": "sk-012************89",
        "group": {"output": {"a": [None]}},
        "tag": {TAG: "file"},
    }


def test_clients_see_a_stored_value_only_as_the_caller_says() -> None:
    assert to_api_json([BIG], lambda ref: ref.preview) == ["Once"]
    with pytest.raises(ValueBehindReference):
        to_api_json([BIG])


@EXAMPLES
@given(strategies.json_values)
def test_what_clients_see_is_json_for_every_parser(value: object) -> None:
    text = encode(to_api_json(value))

    json.loads(text, parse_constant=pytest.fail)
