"""What `-i`, `--inputs` and `--env` mean."""

import io
import sys
from pathlib import Path

import pytest

from schema.errors import InvalidInputs
from workers.cli.given_inputs import FileOnDisk, parse_environment, parse_inputs


def test_text_after_an_equals_sign_is_taken_as_it_is() -> None:
    assert parse_inputs(["a=1", "b=x=y", "c=", "名=値"], None) == {
        "a": "1",
        "b": "x=y",
        "c": "",
        "名": "値",
    }


def test_colon_equals_reads_json_and_keeps_the_kind_of_a_number() -> None:
    values = parse_inputs(["a:=1", "b:=1.0", 'c:={"d": [null, true]}'], None)

    assert values == {"a": 1, "b": 1.0, "c": {"d": [None, True]}}
    assert [type(values["a"]), type(values["b"])] == [int, float]


def test_json_integers_may_be_longer_than_python_converts_by_default() -> None:
    assert parse_inputs(["n:=" + "9" * 10_000], None)["n"] == 10**10_000 - 1


def test_a_single_input_wins_over_the_document() -> None:
    assert parse_inputs(["a=1"], '{"a": 2, "b": 3}') == {"a": "1", "b": 3}


def test_a_document_can_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "inputs.json"
    file.write_text('{"name": "Ž"}', encoding="utf-8")

    assert parse_inputs([], f"@{file}") == {"name": "Ž"}


def test_an_at_sign_names_a_file_and_two_begin_a_text() -> None:
    values = parse_inputs(["a=@x.txt", "b=@@x"], None)

    assert values == {"a": FileOnDisk("-i a", "x.txt"), "b": "@x"}


def test_every_option_that_cannot_be_read_is_named() -> None:
    with pytest.raises(InvalidInputs) as refused:
        parse_inputs(["novalue", "a:={", "=x"], "[]")

    assert len(refused.value.problems) == 4
    assert "'novalue'" in str(refused.value)
    assert "-i a" in str(refused.value)


def test_json_that_is_nested_without_end_is_refused() -> None:
    with pytest.raises(InvalidInputs, match="-i a"):
        parse_inputs(["a:=" + "[" * 100_000], None)


def test_a_missing_file_is_named_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputs, match="No such file"):
        FileOnDisk("-i a", str(tmp_path / "missing")).read_text()


def test_a_file_that_is_no_text_is_refused_as_text(tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(b"\xff\xd8")

    with pytest.raises(InvalidInputs, match="UTF-8"):
        FileOnDisk("-i a", str(file)).read_text()
    assert FileOnDisk("-i a", str(file)).read_bytes() == b"\xff\xd8"


def test_a_dash_is_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("héllo".encode())))

    assert FileOnDisk("-i a", "-").read_text() == "héllo"


def test_environment_values_are_texts_by_name() -> None:
    assert parse_environment(["A=1", "B=x=y"]) == {"A": "1", "B": "x=y"}
    with pytest.raises(InvalidInputs, match="NAME=VALUE"):
        parse_environment(["A"])


def test_an_environment_value_may_be_in_a_file_whose_last_newline_is_none_of_it(
    tmp_path: Path,
) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"sk-1\n\r\n")

    assert parse_environment([f"A=@{file}", "B=@@x", "C="]) == {"A": "sk-1\n", "B": "@x", "C": ""}


def test_what_was_typed_in_the_wrong_place_is_not_repeated() -> None:
    with pytest.raises(InvalidInputs) as refused:
        parse_environment(["=sk-1"])

    assert "sk-1" not in str(refused.value)
