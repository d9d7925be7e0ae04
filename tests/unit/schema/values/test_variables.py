import pytest

from schema.errors import InvalidNodeInput, ValueBehindReference
from schema.selectors import Selector
from schema.values.artifact_ref import ArtifactRef
from schema.values.files import File, FileType, TransferMethod
from schema.values.segments import Segment, SegmentType
from schema.values.variables import Variables

FILE = File(
    FileType.DOCUMENT,
    TransferMethod.REMOTE_URL,
    remote_url="http://a/b.pdf",
    filename="b.pdf",
    size=7,
)
STORED = File(FileType.IMAGE, TransferMethod.TOOL_FILE, reference="t1")
BIG_OBJECT = ArtifactRef("ab", 70_000, "application/json", "object", "{")
BIG_TEXT = ArtifactRef("cd", 70_000, "text/plain", "string", "Once")
VARIABLES = Variables(
    {
        ("n", "s"): Segment.infer("txt"),
        ("n", "z"): Segment.infer(None),
        ("n", "o"): Segment.infer({"a": {"b": [1]}, "null": None, "f": FILE, "r": BIG_OBJECT}),
        ("n", "f"): Segment.infer(FILE),
        ("n", "stored"): Segment.infer(STORED),
        ("n", "fs"): Segment.infer([FILE]),
        ("n", "big"): Segment.infer(BIG_OBJECT),
        ("n", "text"): Segment.infer(BIG_TEXT),
        ("agg", "G1"): Segment.infer({"output": Segment(SegmentType.ARRAY_STRING, [])}),
        ("agg", "G2"): Segment.infer({"output": Segment.infer({"k": 1})}),
    }
)


@pytest.mark.parametrize(
    ("parts", "segment_type", "value"),
    [
        (["n", "s"], "string", "txt"),
        (["n", "z"], "none", None),
        (["n", "o", "a"], "object", {"b": [1]}),
        (["n", "o", "a", "b"], "array[number]", [1]),
        (["n", "o", "null"], "none", None),
        (["n", "o", "f"], "file", FILE),
        (["n", "o", "r"], "object", BIG_OBJECT),
        (["n", "f", "name"], "string", "b.pdf"),
        (["n", "f", "type"], "string", "document"),
        (["n", "f", "transfer_method"], "string", "remote_url"),
        (["n", "f", "size"], "integer", 7),
        (["n", "f", "extension"], "none", None),
        (["n", "f", "mime_type"], "none", None),
        (["n", "f", "url"], "string", "http://a/b.pdf"),
        (["n", "f", "url", "ignored"], "string", "http://a/b.pdf"),
        (["n", "stored", "related_id"], "string", "t1"),
        (["agg", "G1", "output"], "array[string]", []),
        (["agg", "G2", "output", "k"], "integer", 1),
    ],
)
def test_selector_finds(parts: list[str], segment_type: str, value: object) -> None:
    expected = Segment(SegmentType(segment_type), value)

    assert VARIABLES.find(Selector.parse(parts)) == expected
    assert VARIABLES.find_parts(parts) == expected


@pytest.mark.parametrize(
    "parts",
    [
        ["n", "missing"],
        ["m", "s"],
        ["n", "s", "0"],
        ["n", "o", "a", "b", "0"],
        ["n", "o", "nope"],
        ["n", "o", "null", "x"],
        ["n", "o", "f", "url"],
        ["n", "f", "remote_url"],
        ["n", "fs", "name"],
        ["n", "fs", "0"],
        ["n", "text", "a"],
        ["n", "z", "a"],
    ],
)
def test_selector_finds_nothing(parts: list[str]) -> None:
    assert VARIABLES.find(Selector.parse(parts)) is None
    assert VARIABLES.find_parts(parts) is None


@pytest.mark.parametrize("parts", [[], ["n"]])
def test_fewer_than_two_parts_find_nothing(parts: list[str]) -> None:
    assert VARIABLES.find_parts(parts) is None


@pytest.mark.parametrize("parts", [["n", "big", "a"], ["n", "o", "r", "a"]])
def test_path_into_a_stored_value_needs_the_value(parts: list[str]) -> None:
    with pytest.raises(ValueBehindReference):
        VARIABLES.find(Selector.parse(parts))


def test_url_of_a_file_without_one_is_a_node_failure() -> None:
    with pytest.raises(InvalidNodeInput, match="File 't1' has no URL"):
        VARIABLES.find(Selector.parse(["n", "stored", "url"]))


def test_variables_are_a_view_of_the_mapping_they_are_given() -> None:
    segments = {("n", "a"): Segment.infer(1)}
    variables = Variables(segments)

    segments["n", "b"] = Segment.infer(2)

    assert list(variables) == [("n", "a"), ("n", "b")]
    assert len(variables) == 2
    assert variables["n", "b"].value == 2
