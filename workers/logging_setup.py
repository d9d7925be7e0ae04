"""How this process logs: level and form, set once by a command before anything else happens.

Messages go to standard error, so that outputs on standard output stay clean. `extra` fields of a
record (`action`, `run_id`, ...) are keys of a JSON line and `key=value` behind a text line.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

_TELL_ADDRESSES = ("httpx", "httpcore")
"""Loggers of libraries that tell whole URLs and headers of authors, secrets among them."""
_STANDARD = frozenset(RESERVED_ATTRS)


def configure_logging(
    level: str, form: Literal["text", "json"], stream: TextIO | None = None
) -> None:
    """Send all log messages of at least this level to standard error.

    Args:
        level: `DEBUG`, `INFO`, `WARNING` or `ERROR`.
        form: `text` for people, `json` for one object a line.
        stream: Written to instead of standard error.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_json_formatter() if form == "json" else TextFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _TELL_ADDRESSES:
        logging.getLogger(name).setLevel(max(logging.getLevelName(level), logging.WARNING))


class TextFormatter(logging.Formatter):
    r"""One line a message: time, level, logger, sentence and `extra` fields.

    What a message quotes from an author or a server cannot begin a line of its own or control the
    terminal: every such character is written as an escape.

    Example:
        >>> record = logging.makeLogRecord({"name": "x", "levelname": "INFO", "msg": "a\nb"})
        >>> TextFormatter().format(record).endswith("INFO x: a\\nb")
        True
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write a record as a line; a traceback follows, indented."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = f"{moment} {record.levelname} {record.name}: {escape(record.getMessage())}"
        for name, value in _extras(record).items():
            line += f" {name}={escape(str(value))}"
        if record.exc_info:
            trace = self.formatException(record.exc_info).splitlines()
            line += "".join(f"\n  {escape(entry)}" for entry in trace)
        return line


def escape(text: str) -> str:
    r"""Write characters that would control a terminal or begin a line as escapes.

    Example:
        >>> escape("é\x1b[31m\n")
        'é\\x1b[31m\\n'
    """
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _json_formatter() -> JsonFormatter:
    return JsonFormatter(
        "%(levelname)s %(name)s %(message)s",
        timestamp=True,
        rename_fields={"levelname": "level", "name": "logger"},
    )
