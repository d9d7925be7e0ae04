import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import InvalidNodeInput, ValueBehindReference
from schema.values.artifact_ref import ArtifactRef
from schema.values.files import File, FileType, TransferMethod
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, SegmentType, zero
from tests import strategies

EXAMPLES = settings(max_examples=100, deadline=None)
IMAGE = File(
    FileType.IMAGE, TransferMethod.REMOTE_URL, remote_url="http://a/i.png", filename="i.png"
)
PAPER = File(FileType.DOCUMENT, TransferMethod.REMOTE_URL, remote_url="http://a/p")
BIG_TEXT = ArtifactRef("ab12", 70_000, "text/plain", "string", "Once")
BIG_OBJECT = ArtifactRef("cd34", 70_000, "application/json", "object", "{")
KEY = SecretRef("KEY", "sk-012************89")

OBJECT = {"a": 1, "中": [1, None]}


@pytest.mark.parametrize(
    ("value", "segment_type", "text", "markdown"),
    [
        pytest.param(3, "integer", "3", "3", id="11.1-i"),
        pytest.param(1.0, "float", "1.0", "1.0", id="11.1-f"),
        pytest.param(1e20, "float", "1e+20", "1e+20", id="11.1-1e20"),
        pytest.param(True, "boolean", "True", "True", id="11.1-b"),
        pytest.param(None, "none", "", "", id="11.1-z"),
        pytest.param(
            OBJECT,
            "object",
            '{"a": 1, "中": [1, null]}',
            '{\n  "a": 1,\n  "中": [\n    1,\n    null\n  ]\n}',
            id="11.1-o",
        ),
        pytest.param([1, 2.5], "array[number]", "[1, 2.5]", "- 1\n- 2.5", id="11.1-an"),
        pytest.param(["x", "中"], "array[string]", '["x", "中"]', "- x\n- 中", id="11.1-as"),
        pytest.param(
            [True, False], "array[boolean]", "[True, False]", "- True\n- False", id="11.1-ab"
        ),
        pytest.param(
            [{"a": 1, "b": None}],
            "array[object]",
            "[{'a': 1, 'b': None}]",
            "- {'a': 1, 'b': None}",
            id="11.1-ao",
        ),
        pytest.param(
            [1, "x", None], "array[any]", "[1, 'x', None]", "- 1\n- x\n- None", id="11.1-aa"
        ),
        pytest.param([], "array[any]", "", "", id="11.1-e"),
        pytest.param([[1], [2]], "array[any]", "[[1], [2]]", "- [1]\n- [2]", id="11.1-nested"),
        pytest.param([True, 1], "array[any]", "[True, 1]", "- True\n- 1", id="11.1-mixed"),
        pytest.param("txt", "string", "txt", "txt", id="string"),
        pytest.param(0.1, "float", "0.1", "0.1", id="fraction"),
        pytest.param({}, "object", "{}", "{}", id="empty-object"),
    ],
)
def test_value_is_typed_and_rendered(
    value: object, segment_type: str, text: str, markdown: str
) -> None:
    segment = Segment.infer(value)

    assert segment.type == segment_type
    assert segment.text == text
    assert segment.markdown == markdown


@pytest.mark.parametrize(
    ("value", "log"),
    [
        pytest.param(["x", "中"], "['x', '中']", id="11.1-as"),
        pytest.param([], "[]", id="11.1-e"),
        pytest.param(OBJECT, json.dumps(OBJECT, ensure_ascii=False, indent=2), id="11.1-o"),
        pytest.param([True], "[True]", id="11.1-ab"),
        pytest.param(None, "", id="11.1-z"),
        pytest.param(3, "3", id="11.1-i"),
    ],
)
def test_log_shows_python_lists_and_indented_objects(value: object, log: str) -> None:
    assert Segment.infer(value).log == log


@pytest.mark.parametrize("of", ["string", "number", "boolean", "object", "any"])
def test_empty_array_of_any_type_renders_as_nothing(of: str) -> None:
    segment = Segment(SegmentType(f"array[{of}]"), [])

    assert (segment.text, segment.log, segment.markdown) == ("", "[]", "")


def test_files_render_as_links_in_markdown_only() -> None:
    image, files = Segment.infer(IMAGE), Segment.infer([IMAGE, PAPER])

    assert (image.type, files.type) == (SegmentType.FILE, SegmentType.ARRAY_FILE)
    assert (image.text, image.log, files.text, files.log) == ("", "", "", "")
    assert image.markdown == "![i.png](http://a/i.png)"
    assert files.markdown == "![i.png](http://a/i.png)\n[http://a/p](http://a/p)"


def test_object_shows_the_fields_of_files_inside() -> None:
    assert json.loads(Segment.infer({"f": IMAGE}).text) == {"f": IMAGE.to_dict()}


def test_secret_is_plain_in_text_and_masked_in_logs() -> None:
    secret = Segment(SegmentType.SECRET, "sk-0123456789")

    assert secret.text == secret.markdown == "sk-0123456789"
    assert secret.log == "sk-012************89"


def test_11_4_aggregator_group_shows_fields_of_its_inner_segment() -> None:
    group = Segment.infer({"output": Segment.infer("x")})

    assert group.type is SegmentType.OBJECT
    assert group.text == '{"output": {"value_type": "string", "value": "x"}}'


def test_raw_value_has_no_segments_and_keeps_files() -> None:
    segment = Segment.infer({"output": Segment.infer([IMAGE]), "n": [Segment.infer(1)]})

    assert segment.raw == {"output": [IMAGE], "n": [1]}


def test_raw_value_without_segments_is_the_value_itself() -> None:
    value = {"a": [{"b": 1}]}

    assert Segment.infer(value).raw is value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["a"], "array[string]"),
        ([1, 2], "array[number]"),
        ([{}], "array[object]"),
        ([IMAGE], "array[file]"),
        ([None], "array[any]"),
        ([[]], "array[any]"),
        ([True, 1], "array[any]"),
        (["a", None], "array[any]"),
        ([{}, None], "array[any]"),
        ([IMAGE, "a"], "array[any]"),
        ([1.5, 1, True], "array[any]"),
        (BIG_TEXT, "string"),
        (KEY, "secret"),
        ([BIG_OBJECT, {}], "array[object]"),
        (Segment(SegmentType.ARRAY_STRING, []), "array[string]"),
        ({"dify_model_identity": "__dify__file__"}, "object"),
    ],
)
def test_type_is_inferred_from_the_value(value: object, expected: str) -> None:
    assert Segment.infer(value).type == expected


@EXAMPLES
@given(strategies.json_values)
def test_inference_is_total_over_json(value: object) -> None:
    segment = Segment.infer(value)

    assert segment.value is value
    assert segment.raw is value
    assert isinstance(segment.text + segment.log + segment.markdown, str)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ((1, 2), "not supported value (1, 2)"),
        ([1, {2}], "not supported value {2}"),
        ([[[b"x"]]], "not supported value b'x'"),
    ],
)
def test_other_python_values_are_refused(value: object, message: str) -> None:
    with pytest.raises(InvalidNodeInput) as raised:
        Segment.infer(value)

    assert str(raised.value) == message


@pytest.mark.parametrize(
    ("expected", "value", "built"),
    [
        ("string", "x", Segment(SegmentType.STRING, "x")),
        ("number", 1, Segment(SegmentType.INTEGER, 1)),
        ("number", 1.5, Segment(SegmentType.FLOAT, 1.5)),
        ("integer", True, Segment(SegmentType.INTEGER, 1)),
        ("number", False, Segment(SegmentType.INTEGER, 0)),
        ("array[number]", [True, False], Segment(SegmentType.ARRAY_NUMBER, [1, 0])),
        ("array[string]", [], Segment(SegmentType.ARRAY_STRING, [])),
        ("array[file]", [], Segment(SegmentType.ARRAY_FILE, [])),
        ("none", None, Segment(SegmentType.NONE, None)),
    ],
)
def test_value_of_the_expected_type_is_built(expected: str, value: object, built: Segment) -> None:
    segment = Segment.expect(SegmentType(expected), value)

    assert repr(segment) == repr(built)


@pytest.mark.parametrize(
    ("expected", "value", "message"),
    [
        ("string", 1, "Type mismatch: expected string, but got integer, value=1"),
        ("float", 1, "Type mismatch: expected float, but got integer, value=1"),
        (
            "array[number]",
            [1, "x"],
            "Type mismatch: expected array[number], but got array[any], value=[1, 'x']",
        ),
        ("array[any]", ["x"], "Type mismatch: expected array[any], but got array[string], value="),
        ("string", None, "Type mismatch: expected string, but got None"),
        ("object", [], "Type mismatch: expected object, but got empty list"),
    ],
)
def test_value_of_another_type_is_refused(expected: str, value: object, message: str) -> None:
    with pytest.raises(InvalidNodeInput) as raised:
        Segment.expect(SegmentType(expected), value)

    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("segment_type", "value"),
    [
        ("object", {}),
        ("string", ""),
        ("integer", 0),
        ("float", 0.0),
        ("number", 0),
        ("boolean", False),
        ("array[any]", []),
        ("array[string]", []),
        ("array[number]", []),
        ("array[object]", []),
        ("array[boolean]", []),
    ],
)
def test_zero_value_of_each_type(segment_type: str, value: object) -> None:
    assert repr(zero(SegmentType(segment_type)).value) == repr(value)


@pytest.mark.parametrize("segment_type", ["file", "array[file]", "secret", "none"])
def test_types_without_zero_value(segment_type: str) -> None:
    with pytest.raises(InvalidNodeInput, match="unsupported variable type: "):
        zero(SegmentType(segment_type))


@pytest.mark.parametrize(
    "value", [BIG_TEXT, BIG_OBJECT, ["a", BIG_TEXT], {"a": [BIG_OBJECT]}, [{"k": KEY}], KEY]
)
@pytest.mark.parametrize("how", ["text", "markdown"])
def test_inv_15_rendering_never_takes_a_reference_for_its_value(how: str, value: object) -> None:
    with pytest.raises(ValueBehindReference):
        getattr(Segment.infer(value), how)


def test_log_of_a_secret_reference_is_its_mask() -> None:
    assert Segment.infer(KEY).log == KEY.masked


def test_reference_is_recognised_and_passes_as_raw_value() -> None:
    segment = Segment.infer(BIG_TEXT)

    assert segment.is_reference
    assert segment.raw is BIG_TEXT
    assert not Segment.infer("x").is_reference


def test_long_integers_render_in_every_type() -> None:
    long, digits = 10**5_000, "1" + "0" * 5_000

    assert Segment.infer(long).text == digits
    assert Segment.infer([long, 1]).text == f"[{digits}, 1]"
    assert Segment.infer([long, 1]).markdown == f"- {digits}\n- 1"
    assert Segment.infer([{"a": [long], "b": True}]).text == f"[{{'a': [{digits}], 'b': True}}]"
    assert Segment.infer({"a": [long], "f": IMAGE, "e": {}}).text == (
        f'{{"a": [{digits}], "f": {json.dumps(IMAGE.to_dict())}, "e": {{}}}}'
    )


@EXAMPLES
@given(st.dictionaries(strategies.keys, strategies.json_values, max_size=3))
def test_a_long_integer_does_not_change_how_its_neighbours_are_written(
    neighbours: dict[str, Any],
) -> None:
    long, digits = 10**5_000, "1" + "0" * 5_000
    with_text = Segment.infer({**neighbours, "long": "@long@"})
    with_integer = Segment.infer({**neighbours, "long": long})

    assert with_integer.text == with_text.text.replace('"@long@"', digits)
    assert with_integer.markdown == with_text.markdown.replace('"@long@"', digits)
