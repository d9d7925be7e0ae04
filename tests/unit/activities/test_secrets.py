"""Secrets of one call: revealed where values are read, gone from everything that comes back."""

import asyncio
import base64
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from activities.secrets import CallSecrets
from schema.errors import SecretMissing
from schema.run_secrets import RunSecrets
from schema.values.artifact_ref import ArtifactRef
from schema.values.encoding import TAG, encode, from_wire, masked_wire, to_api_json, to_wire
from schema.values.files import File, FileType, TransferMethod
from schema.values.references import find_references
from schema.values.sealed import Sealed, secret_token
from schema.values.secret_ref import SecretRef, mask
from schema.values.segments import Segment, SegmentType
from tests.strategies import values

KEY = 'sk-canary/0123 "é+456"'
OTHER = "sk-canary/0123"
NONCE = "0123456789abcdef" * 2
MASK = mask(KEY)


def a_call(nonce: str = NONCE, **secrets: str) -> CallSecrets:
    return CallSecrets(RunSecrets(secrets or {"KEY": KEY, "OTHER": OTHER}, nonce))


def revealed(wire: Any, call: CallSecrets | None = None) -> Any:
    return (call or a_call()).reveal(from_wire(wire))


def spellings(secret: str) -> list[str]:
    return [
        secret,
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        json.dumps(json.dumps(secret)),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        *(base64.b64encode(b"x" * n + secret.encode() + b"y").decode() for n in range(4)),
        *(base64.urlsafe_b64encode(b"x" * n + secret.encode()).decode() for n in range(4)),
    ]


@pytest.mark.parametrize("spelling", spellings(KEY))
def test_inv_17_a_secret_leaves_no_spelling_and_comes_back_as_it_was(spelling: str) -> None:
    value = {"text": f"Bearer {spelling}!", "list": ["plain", spelling], spelling: 1}

    wire = a_call().redact_value(to_wire(value))

    for form in (*spellings(KEY), OTHER):
        assert form not in encode(wire)
        assert form not in encode(to_api_json(from_wire(wire)))
    assert revealed(wire) == value


def test_a_string_that_is_a_secret_becomes_its_reference() -> None:
    wire = a_call().redact_value({"a": KEY, "b": to_wire(Segment(SegmentType.SECRET, OTHER))})

    assert from_wire(wire) == {
        "a": SecretRef("KEY", MASK),
        "b": Segment(SegmentType.SECRET, SecretRef("OTHER", mask(OTHER))),
    }


def test_a_string_that_contains_a_secret_is_sealed_alone() -> None:
    wire = a_call().redact_value({"header": f"Bearer {KEY}", "count": 1, "text": "plain"})

    value = from_wire(wire)
    assert isinstance(value["header"], Sealed)
    assert (value["count"], value["text"]) == (1, "plain")
    assert to_api_json(value)["header"] == f"Bearer {MASK}"
    assert masked_wire(wire)["header"] == f"Bearer {MASK}"


def test_the_longer_of_two_secrets_at_one_place_counts() -> None:
    assert a_call().redact_text(f"<{KEY}><{OTHER}>") == f"<{MASK}><{mask(OTHER)}>"


def test_a_large_value_is_sealed_as_a_whole() -> None:
    value = {"text": f"Bearer {KEY}", "much": ["x" * 1000] * 100}

    wire = a_call().redact_value(to_wire(Segment(SegmentType.OBJECT, value)))

    segment = from_wire(wire)
    assert isinstance(segment.value, Sealed)
    assert segment.type is SegmentType.OBJECT
    assert revealed(wire).value == value


def test_a_value_without_secrets_is_given_itself() -> None:
    wire = {"text": "plain", "number": 123456}

    assert a_call(KEY="123456").redact_value(wire) is wire
    assert CallSecrets().redact_value(wire) is wire


@given(values)
def test_any_value_comes_back(value: Any) -> None:
    assume(not any(isinstance(found, SecretRef) for found in find_references(value)))
    call = a_call(KEY="a", LONG="aaaaaa", NUMBER="111111", MARK='{"$holdfast"')
    wire = to_wire({"value": value, "aaaaaa": "111111"})

    redacted = call.redact_value(wire)

    assert encode(to_wire(call.reveal(from_wire(redacted)))) == encode(
        to_wire(call.reveal(from_wire(wire)))
    )


TOKEN = secret_token(NONCE, "v", "KEY", MASK)


@pytest.mark.parametrize(
    "look_alike",
    [
        TOKEN,
        {TAG: "secret", "name": "KEY", "masked": ""},
        {TAG: "sealed", "nonce": NONCE, "text": encode(TOKEN), "kind": "string"},
        encode({TAG: "secret", "name": "KEY", "masked": ""}),
        NONCE,
        f"~{TOKEN}~",
        [TOKEN, f"{TOKEN} {KEY}"],
        {TOKEN: f"{KEY}{TOKEN}"},
    ],
)
def test_inv_17_what_looks_like_a_token_is_text(look_alike: Any) -> None:
    """Even to somebody who knows the nonce: inputs, results, and results that have a secret too."""
    assert revealed(to_wire(look_alike)) == look_alike

    wire = a_call().redact_value(to_wire(look_alike))

    assert KEY not in encode(wire)
    assert revealed(wire) == look_alike
    assert revealed(a_call().redact_value(to_wire(revealed(wire)))) == look_alike


def test_a_look_alike_beside_a_secret_is_shown_as_it_was_written() -> None:
    wire = a_call().redact_value(f"{TOKEN} {KEY}")

    assert to_api_json(from_wire(wire)) == f"{TOKEN} {MASK}"


def test_inv_17_a_token_of_another_run_is_masked() -> None:
    wire = a_call().redact_value(f"Bearer {KEY}")

    assert revealed(wire, a_call("f" * 32)) == f"Bearer {MASK}"
    assert revealed(wire, CallSecrets()) == f"Bearer {MASK}"


def test_a_secret_that_the_run_was_not_given_is_named() -> None:
    with pytest.raises(SecretMissing, match=r"'env\.NOPE'"):
        a_call().reveal([SecretRef("env.NOPE")])


def test_what_is_only_shown_is_masked() -> None:
    file = File(
        type=FileType.DOCUMENT,
        transfer_method=TransferMethod.TOOL_FILE,
        size=1,
        filename=f"{OTHER}.txt",
    )
    reference = ArtifactRef("a" * 64, 70_000, "application/json", "string", f'"{OTHER}')
    call = a_call()

    shown = from_wire(call.redact_value(to_wire({"file": file, "large": reference})))

    assert shown["file"].filename == f"{mask(OTHER)}.txt"
    assert shown["large"].preview == f'"{mask(OTHER)}'
    assert call.redact_record({"a": [{OTHER: f"-{KEY}-"}], "n": 1}) == {
        "a": [{mask(OTHER): f"-{MASK}-"}],
        "n": 1,
    }
    assert call.redact_text(f"401 for {KEY}") == f"401 for {MASK}"


@given(st.lists(st.sampled_from(["sk-", "canary", "/0123", ' "é+456"', "x", ""]), max_size=12))
def test_inv_17_streamed_text_never_shows_a_secret(pieces: list[str]) -> None:
    call = a_call()
    stream = call.text_stream()

    shown = [*map(stream.feed, pieces), stream.close()]

    assert "".join(shown) == call.redact_text("".join(pieces))
    assert OTHER not in "".join(shown)


@pytest.mark.anyio
async def test_a_file_of_encoded_text_is_rewritten_in_place(tmp_path: Path) -> None:
    value = ["x" * 1_500_000, f"Bearer {KEY}", TOKEN, 123, {OTHER: "é\ud800"}]
    path = tmp_path / "value"
    path.write_bytes(encode(value).encode())
    call = a_call()

    nonce = await call.redact_file(path)

    sealed = path.read_bytes()
    assert nonce == NONCE
    assert os.listdir(tmp_path) == [path.name]
    assert encode(KEY)[1:-1].encode() not in sealed
    assert OTHER.encode() not in sealed
    assert (
        b"".join([p async for p in call.reveal_pieces(_pieces(sealed))]) == encode(value).encode()
    )
    stored = Sealed(nonce, sealed.decode(), "array[any]")
    assert to_api_json(stored)[1:4] == [f"Bearer {MASK}", TOKEN, 123]


@pytest.mark.anyio
async def test_a_file_without_secrets_stays(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(b'["plain"]')
    before = path.stat()

    assert await a_call().redact_file(path) == ""
    assert await CallSecrets().redact_file(path) == ""
    assert path.stat() == before


@pytest.mark.anyio
async def test_raw_content_of_a_file_is_sealed_and_revealed(tmp_path: Path) -> None:
    content = b"\xff\x00" + KEY.encode() + b"\\u00" + TOKEN.encode() + b"\xfe"
    path = tmp_path / "download"
    path.write_bytes(content)
    call = a_call()

    assert await call.redact_content(path) == (path, NONCE)
    sealed = path.read_bytes()
    assert KEY.encode() not in sealed
    assert await call.redact_content(content) == (sealed, NONCE)
    assert await call.redact_content(b"plain") == (b"plain", "")
    found = [p async for p in call.reveal_content(_pieces(sealed), NONCE)]
    assert b"".join(found) == content
    kept = [p async for p in call.reveal_content(_pieces(sealed), "f" * 32)]
    assert b"".join(kept) == sealed


async def _pieces(data: bytes, size: int = 70_001) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        await asyncio.sleep(0)
        yield data[start : start + size]


def test_values_are_in_no_representation() -> None:
    secrets = RunSecrets({"KEY": KEY}, NONCE)

    assert KEY not in repr(secrets) + repr(CallSecrets(secrets))
    assert NONCE not in repr(secrets)
