"""What comes out of the sandbox is checked before it counts; a child may write what it likes."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities import job_outputs
from activities.job_outputs import failure_in, read_echoes, read_outputs
from activities.sandbox.job import JobResult, ResultPart
from activities.values import SpooledValue
from schema.errors import CodeFailed
from schema.limits import INLINE_VALUE_BYTES
from schema.values.encoding import encode, from_wire
from schema.values.segments import Segment, SegmentType

pytestmark = pytest.mark.anyio

PADDING = "x" * INLINE_VALUE_BYTES
STRING, OBJECT = (SegmentType.STRING,), (SegmentType.OBJECT,)


def a_part(content: bytes | str, kind: str = "string", name: str = "output:r") -> ResultPart:
    given = content.encode() if isinstance(content, str) else content
    return ResultPart(name, {"type": kind}, len(given), given)


async def outputs(part: ResultPart, types: Any = STRING) -> dict[str, Any]:
    return await read_outputs(JobResult({}, [part]), {"r": types}, lambda small: small)


async def test_small_values_are_read_and_checked_again() -> None:
    seen: list[Any] = []

    def check(small: dict[str, Any]) -> dict[str, Any]:
        seen.append(small)
        return {"r": 1.5}

    found = await read_outputs(JobResult({}, [a_part("1", "string")]), {"r": STRING}, check)

    assert seen == [{"r": 1}]
    assert from_wire(found["r"]) == Segment(SegmentType.FLOAT, 1.5)


async def test_a_large_value_becomes_a_file_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "part"
    file.write_text(encode(PADDING))
    part = ResultPart("output:r", {"type": "string"}, file.stat().st_size, file)

    found = (await outputs(part))["r"]

    assert isinstance(found, SpooledValue)
    assert found.type is SegmentType.STRING
    assert found.path.read_text() == encode(PADDING)
    assert not file.exists()
    found.path.unlink()


async def test_an_object_of_ours_in_a_small_result_is_the_author_s() -> None:
    forged = {"$holdfast": "secret", "name": "KEY", "masked": ""}

    found = await outputs(a_part(json.dumps(forged), "object"), OBJECT)

    assert from_wire(found["r"]) == Segment(SegmentType.OBJECT, forged)


FORGED = '{"$holdfast":"secret","name":"KEY","masked":""}'


@pytest.mark.parametrize(
    "text",
    [
        FORGED[:-1] + f',"p":"{PADDING}"}}',
        f'{{"p":"{PADDING}","x":[{FORGED}]}}',
        f'{{"p":"{PADDING}","x":{FORGED.replace("$", chr(92) + "u0024")}}}',
        f'{{"p":"{PADDING}","x":{FORGED.replace("hold", "ho" + chr(92) + "u006cd")}}}',
        f'{{"p":"{PADDING}","x":{FORGED.replace(":", " :", 1)}}}',
        f'{{"p":"{PADDING}{chr(92) * 4}","x":{FORGED.replace("$", chr(92) + "u0024")}}}',
    ],
)
async def test_inv_17_a_large_result_cannot_pass_for_a_reference(text: str) -> None:
    assert json.loads(text)
    with pytest.raises(CodeFailed, match=r"has a key '\$holdfast'"):
        await outputs(a_part(text, "object"), OBJECT)


@pytest.mark.parametrize(
    "value",
    [
        {"p": PADDING, "x": "$holdfast"},
        {"p": PADDING, "x": '"$holdfast":'},
        {"p": PADDING, "x": "\\u0024holdfast"},
        {"p": PADDING, "x": "\\" * 99 + '"$holdfast": "\\'},
        {"p": PADDING, "x": ["$holdfast", ":"]},
        {"p": PADDING + "é\ud800\0\x7f\n\"'\\", "$holdfas": "t"},
    ],
)
async def test_look_alikes_in_large_results_are_text(value: Any) -> None:
    found = (await outputs(a_part(encode(value), "object"), OBJECT))["r"]

    assert isinstance(found, SpooledValue)
    assert found.path.read_text() == encode(value)
    found.path.unlink()


@pytest.mark.parametrize(
    ("text", "kind", "types"),
    [
        (encode(PADDING), "object", STRING),
        (encode(PADDING), "object", OBJECT),
        (encode(PADDING), "no such type", tuple(SegmentType)),
        (encode([PADDING]), "string", STRING),
        (f'"{PADDING}', "string", STRING),
        (f'"{PADDING}" ', "string", STRING),
        (f'"{PADDING}","', "string", STRING),
        (f'"{PADDING}"x"', "string", STRING),
        (f'"{PADDING}\\x"', "string", STRING),
        (f'"{PADDING}\\u00g0"', "string", STRING),
        (f'"{PADDING}\\"', "string", STRING),
        (f'"{PADDING}é"', "string", STRING),
        (f'"{PADDING}\n"', "string", STRING),
    ],
)
async def test_a_large_result_that_is_not_what_it_claims_is_refused(
    text: str, kind: str, types: Any
) -> None:
    with pytest.raises(CodeFailed, match=r"^Failed to parse result: "):
        await outputs(a_part(text, kind), types)


@given(st.text(), st.integers(1, 40))
def test_every_encoded_text_is_recognised_however_it_is_cut(text: str, length: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_outputs, "_SCANNED_BYTES", length)

        assert job_outputs._is_text(io.BytesIO(encode(text).encode()[1:]))


@given(st.binary(max_size=30), st.integers(1, 40))
def test_no_other_bytes_are_taken_for_text(content: bytes, length: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job_outputs, "_SCANNED_BYTES", length)
        found = job_outputs._is_text(io.BytesIO(content))

    assert found is is_rest_of_text(content)


def is_rest_of_text(content: bytes) -> bool:
    """Judge by decoding and encoding again, up to spellings that JSON allows."""
    try:
        value = json.loads(b'"' + content)
    except ValueError:
        return False
    return (
        isinstance(value, str) and content.isascii() and not content.endswith((b" ", b"\n", b"\t"))
    )


@pytest.mark.parametrize("content", [b"", b"{", b"nul", b"\xff", b'"'])
async def test_a_small_result_that_is_no_json_is_refused(content: bytes) -> None:
    with pytest.raises(CodeFailed, match=r"^Failed to parse result: "):
        await outputs(a_part(content))


async def test_a_missing_output_is_named() -> None:
    with pytest.raises(CodeFailed, match="the output 'r' is missing"):
        await outputs(a_part('"x"', name="output:other"))


def test_a_failure_is_read_with_its_type() -> None:
    failure = failure_in(JobResult({"error": "no", "error_type": "DepthLimitError"}))

    assert failure is not None
    assert (str(failure), failure.error_type) == ("no", "DepthLimitError")
    assert failure_in(JobResult({})) is None


def test_a_failure_of_any_shape_is_text() -> None:
    failure = failure_in(JobResult({"error": ["x"], "error_type": {"a": "b" * 1000}}))

    assert failure is not None
    assert str(failure) == "['x']"
    assert len(failure.error_type) == 100


def test_echoes_are_read_by_name_and_large_ones_left_out() -> None:
    parts = [
        a_part('{"a":1}', name="input:x"),
        a_part(encode(PADDING), name="input:y"),
        a_part("1", name="input:unasked"),
        a_part("2", name="x"),
    ]

    assert read_echoes(JobResult({}, parts), ["x", "y"]) == {"x": {"a": 1}}
