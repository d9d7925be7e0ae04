from hypothesis import given, settings

from schema.values.artifact_ref import ArtifactRef
from schema.values.references import find_references, replace_references
from schema.values.secret_ref import SecretRef
from schema.values.segments import Segment, SegmentType, require_values
from tests import strategies

BIG = ArtifactRef("ab", 70_000, "application/json", "object", "{")
KEY = SecretRef("KEY")


def test_references_are_listed_once_in_order() -> None:
    value = {"a": [KEY, Segment.infer({"b": BIG})], "c": KEY, "d": "text"}

    assert find_references(value) == (KEY, BIG)


def test_replaced_values_keep_the_types_of_their_segments() -> None:
    value = {"key": Segment.infer(KEY), "group": {"output": Segment.infer([BIG])}}

    resolved = replace_references(value, {KEY: "sk-1", BIG: {"a": 1}})

    assert resolved == {
        "key": Segment(SegmentType.SECRET, "sk-1"),
        "group": {"output": Segment(SegmentType.ARRAY_OBJECT, [{"a": 1}])},
    }


def test_reference_without_a_value_stays() -> None:
    assert replace_references([KEY, BIG], {KEY: "sk-1"}) == ["sk-1", BIG]


@settings(max_examples=100, deadline=None)
@given(strategies.values)
def test_after_replacing_all_references_none_is_left(value: object) -> None:
    references = find_references(value)

    resolved = replace_references(value, dict.fromkeys(references, "x"))

    require_values(resolved)
    assert (resolved is value) is (not references)
