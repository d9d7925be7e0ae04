"""Where commands write, and how values of authors and users are shown there.

Results go to stdout, progress and messages to stderr, so that a pipe gets results only. Texts of
authors are never markup and never control a terminal. Only what is shown is shortened; data is not.
"""

import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

PREVIEW_CHARACTERS = 2_000
"""Longest value that a person is shown; `--json` has all of it."""

_NAME_CHARACTERS = 100
"""Longest title or handle that stands in a line among others."""

SHORT_ID = 8
"""Characters of a run id that name it well enough among a person's runs."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

STATUS_STYLES: Mapping[str, str] = {
    "running": "cyan",
    "succeeded": "green",
    "partial-succeeded": "yellow",
    "exception": "yellow",
    "retry": "yellow",
    "paused": "magenta",
    "held": "magenta",
    "failed": "red",
    "stopped": "red",
    "skipped": "dim",
}


_PIPE_WIDTH = 240
"""Columns of a table where nobody's terminal limits them."""


def stdout() -> Console:
    """Give the console for results."""
    return _console(to_stderr=False)


def stderr() -> Console:
    """Give the console for progress and messages."""
    return _console(to_stderr=True)


def _console(*, to_stderr: bool) -> Console:
    console = _Console(stderr=to_stderr, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command: rich would end the process."""
        raise BrokenPipeError


def plain(text: str) -> str:
    r"""Make text harmless for a terminal: what would control it is shown as an escape.

    Example:
        >>> plain("a\x1b[31mb")
        'a\\x1b[31mb'
    """
    return _CONTROL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def preview(value: object, limit: int = PREVIEW_CHARACTERS) -> str:
    """Show a value within `limit` characters; what was left out is counted.

    Example:
        >>> preview("x" * 12, limit=4)
        'xxxx… (12 characters)'
    """
    text = value if isinstance(value, str) else json_line(value)
    if len(text) <= limit:
        return plain(text)
    return f"{plain(text[:limit])}… ({len(text):,} characters)"


def json_line(value: Any) -> str:
    """Write a value as JSON for people: letters of every alphabet stay."""
    return json.dumps(value, ensure_ascii=False, default=str)


def short_name(text: str) -> str:
    r"""Show a title, handle or id of an author within a line.

    Example:
        >>> short_name("Two\nlines")
        'Two lines'
    """
    return preview(text, _NAME_CHARACTERS).replace("\n", " ")


def status_text(status: str) -> Text:
    """Give a status in its colour."""
    return Text(status, style=STATUS_STYLES.get(status, ""))


def local_time(seconds: float | datetime) -> str:
    """Show a moment in the zone of the machine.

    Args:
        seconds: Since the epoch, or an aware moment.
    """
    moment = (
        seconds if isinstance(seconds, datetime) else datetime.fromtimestamp(seconds).astimezone()
    )
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """Show how long something took.

    Example:
        >>> duration(0.0123), duration(2.5), duration(3725)
        ('12 ms', '2.5 s', '1 h 02 min')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def json_text(value: Any, *, indent: int | None = None) -> str:
    r"""Write JSON for programs: ASCII only, so that every string survives every pipe.

    Example:
        >>> json_text({"a": "é\ud800"})
        '{"a": "\\u00e9\\ud800"}'
    """
    return json.dumps(value, ensure_ascii=True, indent=indent, allow_nan=False)


def print_json(value: Any) -> None:
    """Print JSON for programs; a large value in pieces, so that there is no second copy of it."""
    from schema.values.encoded_pieces import encode_in_pieces, is_small

    out = sys.stdout
    if is_small(value):
        out.write(json_text(value) + "\n")
        return
    for piece in encode_in_pieces(value):
        out.write(piece)
    out.write("\n")
    out.flush()
