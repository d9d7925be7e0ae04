"""JSON as authors write it: mended as Dify does, within bounds however it is made."""

import time

import pytest

from activities.tools.json_mending import NotJson, mend_json

pytestmark = pytest.mark.anyio

FILL = '"' + "x" * 3_000 + '"'
"""Makes a text long enough to be mended in a process of its own."""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"q": "he said "hi"", \'k\': True,}', {"q": 'he said "hi"', "k": True}),
        ("[1, 1.0, 1e400]", [1, 1.0, float("inf")]),
        ('{"a": 1} trailing', {"a": 1}),
        ("[1, 2", [1, 2]),
        ('```json\n{"a": "中"}\n```', {"a": "中"}),
        ("null", None),
    ],
)
async def test_broken_json_is_mended(text: str, value: object) -> None:
    assert await mend_json(text) == value


@pytest.mark.parametrize("text", ["", "nothing here", "x" * 5_000])
async def test_what_is_no_json_at_all_is_refused(text: str) -> None:
    with pytest.raises(NotJson):
        await mend_json(text)


async def test_a_long_text_is_mended_in_a_process_of_its_own() -> None:
    assert await mend_json(f"{{'é': {FILL}, 'k': True,}}") == {"é": FILL[1:-1], "k": True}


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "\ud800" * 5_000])
async def test_texts_that_break_the_mending_are_refused(text: str) -> None:
    with pytest.raises(NotJson):
        await mend_json(text)


async def test_inv_11_a_text_made_to_be_slow_ends_with_the_limit() -> None:
    begun = time.monotonic()

    with pytest.raises(NotJson):
        await mend_json("{" * 200_000, seconds=0.5)

    assert time.monotonic() - begun < 5
