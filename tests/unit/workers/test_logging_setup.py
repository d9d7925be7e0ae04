import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from workers.logging_setup import configure_logging


@pytest.fixture(autouse=True)
def _root_logger() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def logged(form: Literal["text", "json"], message: str, **extra: object) -> str:
    stream = io.StringIO()
    configure_logging("INFO", form, stream)
    logging.getLogger("some.place").info(message, extra=extra)
    return stream.getvalue()


def test_json_lines_carry_level_logger_and_extra_fields() -> None:
    line = json.loads(logged("json", "A node starts.", action="node_started", run_id="r1"))

    assert line["message"] == "A node starts."
    assert (line["level"], line["logger"]) == ("INFO", "some.place")
    assert (line["action"], line["run_id"]) == ("node_started", "r1")
    assert line["timestamp"]


def test_text_lines_show_extra_fields_behind_the_sentence() -> None:
    assert logged("text", "A node starts.", run_id="r1").endswith(
        "INFO some.place: A node starts. run_id=r1\n"
    )


@pytest.mark.parametrize("form", ["text", "json"])
def test_inv_18_an_authors_text_never_begins_a_line_or_controls_the_terminal(
    form: Literal["text", "json"],
) -> None:
    text = logged(form, "a\nERROR forged \x1b[2J", title="b\r\nc\u2028")

    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "\r" not in text


def test_traceback_lines_are_indented() -> None:
    stream = io.StringIO()
    configure_logging("INFO", "text", stream)

    try:
        raise ValueError("x\nERROR forged")
    except ValueError:
        logging.getLogger("some.place").exception("It failed.")

    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("It failed.")
    assert all(line.startswith("  ") for line in rest)


def test_less_severe_messages_are_left_out() -> None:
    stream = io.StringIO()
    configure_logging("ERROR", "text", stream)
    logging.getLogger("some.place").warning("x")

    assert stream.getvalue() == ""


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11"])
def test_inv_17_libraries_do_not_tell_the_addresses_of_authors(name: str) -> None:
    stream = io.StringIO()
    configure_logging("DEBUG", "text", stream)

    logging.getLogger(name).info("HTTP Request: GET https://a.test/?key=sk-1")
    logging.getLogger(name).warning("something of interest")

    assert "sk-1" not in stream.getvalue()
    assert "something of interest" in stream.getvalue()
