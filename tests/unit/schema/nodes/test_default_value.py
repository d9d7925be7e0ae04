import pytest

from schema.nodes.default_value import convert_defaults


def converted(kind: object, value: object) -> object:
    return convert_defaults([{"key": "k", "type": kind, "value": value}])["k"]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("string", "x", "x"),
        ("number", 1, 1),
        ("number", "1", 1.0),
        ("number", True, True),
        ("object", {"a": 1}, {"a": 1}),
        ("object", '{"a": 1}', {"a": 1}),
        ("array[number]", "[1, 2.5]", [1, 2.5]),
        ("array[string]", ["a"], ["a"]),
        ("array[object]", '[{"a": null}]', [{"a": None}]),
        ("array[file]", "anything", "anything"),
    ],
)
def test_default_is_converted_to_its_type(kind: str, value: object, expected: object) -> None:
    result = converted(kind, value)

    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("number", "one", "Cannot convert to number: one"),
        ("object", "{", "Invalid JSON format for value: {"),
        ("object", "[" * 100_000, "Invalid JSON format"),
        ("object", [1], "Value must be object type"),
        ("string", 1, "Value must be string type for 1"),
        ("number", None, "Value must be number type for None"),
        ("array[string]", {"a": 1}, r"Value must be array\[string\] type"),
        ("array[number]", '["1"]', r"All elements must be array\[number\]"),
        ("boolean", True, "no type 'boolean'; accepted: string, number"),
        (None, 1, "no type None"),
        ([], 1, "no type"),
    ],
)
def test_default_that_does_not_fit_is_refused(kind: object, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        converted(kind, value)


@pytest.mark.parametrize("entries", [{}, "x", [1], [{"type": "string", "value": "x"}]])
def test_defaults_are_a_list_of_entries_with_keys(entries: object) -> None:
    with pytest.raises(ValueError, match="key"):
        convert_defaults(entries)


def test_last_of_two_equal_keys_counts() -> None:
    entries = [{"key": "k", "type": "string", "value": v} for v in "ab"]

    assert convert_defaults(entries) == {"k": "b"}
