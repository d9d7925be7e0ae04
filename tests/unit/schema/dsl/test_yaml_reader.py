import contextlib

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schema.dsl.yaml_reader import MAX_BYTES, MAX_DEPTH, MAX_VALUES, read_yaml
from schema.errors import InvalidDocument
from schema.findings import FindingCode

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=["Cs", "Cc"]))
)
TREES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc\né🙂", max_size=5), inner),
    max_leaves=30,
)


@given(TREES)
def test_what_yaml_writes_is_read_back(value: object) -> None:
    assert read_yaml(yaml.safe_dump(value, allow_unicode=True)).value == value


@given(st.text(alphabet="abc:-?[]{}&*!#|>'\"%@` \n\t0.~=<,", max_size=60))
def test_any_text_is_read_like_a_safe_loader_or_refused(text: str) -> None:
    try:
        document = read_yaml(text)
    except InvalidDocument:
        return
    is_ours = any(character in text for character in "!&=?") or "<<" in text
    if not is_ours and not document.findings:
        expected = yaml.load(text, Loader=yaml.CSafeLoader)
        assert _with_text_keys(document.value) == _with_text_keys(expected)


def _with_text_keys(value: object) -> object:
    """Dify's documents go through JSON, whose keys are text."""
    if isinstance(value, dict):
        return {_key(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


def _key(key: object) -> str:
    return key if isinstance(key, str) else "null" if key is None else repr(key)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(InvalidDocument):
        read_yaml(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes", {"a": True}),
        ("a: 010", {"a": 8}),
        ("a: 1_000", {"a": 1000}),
        ("a: 1.0", {"a": 1.0}),
        ("a: ~", {"a": None}),
        ("a:", {"a": None}),
        ("a: 2024-01-01", {"a": "2024-01-01"}),
        ("a: 2024-01-01T10:00:00Z", {"a": "2024-01-01T10:00:00Z"}),
        ("a: =", {"a": "="}),
        ("a: <<", {"a": "<<"}),
        ('a: "1"', {"a": "1"}),
        ("a: !!str 1", {"a": "1"}),
        ("a: !!float 1", {"a": 1.0}),
        ("1: a\ntrue: b\nnull: c\n1.5: d", {"1": "a", "true": "b", "null": "c", "1.5": "d"}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("&k a: 1\n*k : 2", {"a": 2}),
        ("a: &m {x: 1, y: 2}\nb: {<<: *m, y: 3}", {"a": {"x": 1, "y": 2}, "b": {"y": 3, "x": 1}}),
        ("b: {<<: [{x: 1}, {x: 2, z: 3}]}", {"b": {"x": 1, "z": 3}}),
        ("%YAML 1.1\n---\na: 1\n...\n", {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_text_is_read_as_dify_reads_it(text: str, value: object) -> None:
    assert read_yaml(text).value == value


def test_integer_and_float_stay_apart() -> None:
    assert [type(v) for v in read_yaml("[1, 1.0]").value] == [int, float]


def test_key_that_stands_twice_is_a_finding_and_the_last_counts() -> None:
    document = read_yaml("a: 1\nb: 2\na: 3")

    assert document.value == {"a": 3, "b": 2}
    assert [(f.code, f.field) for f in document.findings] == [(FindingCode.DUPLICATE_KEY, "'a'")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("# only a comment", "empty"),
        ("a: 1\n---\nb: 2", "second document"),
        ("a: [", "line 2"),
        ("\ta: 1", "line 1, column 1"),
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !!binary aGk=", "tag"),
        ("a: !!set {x}", "tag"),
        ("a: !own 1", "tag"),
        ("a: !!map [1]", "tag"),
        ("a: !!int x", "no int"),
        ("a: &x [*x]", "stands for nothing, or for itself"),
        ("a: *nobody", "nobody"),
        ("? [a]\n: b", "key"),
        ("? &x {a: b}\n: b", "key"),
        ("{<<: 1}", "merge key"),
        ("a: " + "9" * 5000, "number"),
        ("a: 0x" + "f" * 3900, "number"),
        ("[" * (MAX_DEPTH + 1), "nested deeper"),
        ("a: \ud800", "Unicode"),
    ],
)
def test_document_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(InvalidDocument, match="(?i)" + reason):
        read_yaml(text)


def test_invalid_utf8_is_refused() -> None:
    with pytest.raises(InvalidDocument, match="UTF-8"):
        read_yaml(b"a: \xff")


def test_utf16_with_a_byte_order_mark_is_read() -> None:
    assert read_yaml("a: é".encode("utf-16")).value == {"a": "é"}


def test_depth_up_to_the_bound_is_read() -> None:
    read_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH)


def test_size_up_to_the_bound_is_read_and_not_above() -> None:
    assert len(read_yaml(b"x" * MAX_BYTES).value) == MAX_BYTES
    with pytest.raises(InvalidDocument, match="larger than 10 MB"):
        read_yaml(b"x" * (MAX_BYTES + 1))


def test_aliases_count_as_what_they_expand_to() -> None:
    half = "a: &a [" + "x," * (MAX_VALUES // 2) + "]\n"

    read_yaml(half)
    with pytest.raises(InvalidDocument, match="aliases expanded"):
        read_yaml(half + "b: *a")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("app: {name: Café, mode: x}".encode("latin-1"), "UTF-8 octet"),
        ("app: x".encode("utf-16-be"), "control characters are not allowed (character 1)"),
        (b"PK\x03\x04", "control characters are not allowed (character 3)"),
    ],
    ids=["latin-1", "utf-16 without a mark", "zip"],
)
def test_bytes_that_are_no_text_are_refused_with_what_is_expected(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidDocument, match="an export is text in UTF-8") as raised:
        read_yaml(data)

    assert reason in str(raised.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    assert read_yaml("a: é\r\nb: 😀\r\n".encode(encoding)).value == {"a": "é", "b": "😀"}
