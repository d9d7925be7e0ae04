"""What a caller gave on the command line, as values by name: `-i`, `--inputs`, `--env`.

Reads the options' spelling only; whether a value fits the start node is decided by
`schema/run_inputs.py`.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema.errors import HoldfastError, InvalidInputs
from schema.values.json_text import parse_json


@dataclass(frozen=True)
class FileOnDisk:
    """The value of `-i name=@file`: its text, or for an input that is a file, the file."""

    option: str
    path: str
    """`-` is the standard input."""

    def read_text(self) -> str:
        """Read it as UTF-8.

        Raises:
            InvalidInputs: If it cannot be read.
        """
        try:
            return self.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidInputs([f"{self.option}: {self.path!r} is not UTF-8 text"]) from error

    def read_bytes(self) -> bytes:
        """Read it as it is.

        Raises:
            InvalidInputs: If it cannot be read.
        """
        try:
            return sys.stdin.buffer.read() if self.path == "-" else Path(self.path).read_bytes()
        except OSError as error:
            raise self.unreadable(error) from error

    def unreadable(self, error: OSError) -> InvalidInputs:
        """Build the error for a file that cannot be read."""
        return InvalidInputs([f"{self.option}: {self.path!r} cannot be read ({error.strerror})"])


def parse_inputs(pairs: Iterable[str], document: str | None) -> dict[str, Any]:
    """Read `--inputs` and then every `-i`, which wins.

    Args:
        pairs: `name=text`, `name:=json`, `name=@file` or `name:=@file` with JSON (`name=@@text`
            for a text that begins with an `@`). A name given as `name=@file` more than once is a
            list of files.
        document: A JSON object, or `@file` with one.

    Returns:
        JSON values, and `FileOnDisk` for what `@` named.

    Raises:
        InvalidInputs: Naming every option that cannot be read.

    Example:
        >>> parse_inputs(["name=Ada", "count:=3", "at=@@home"], '{"count": 1, "x": null}')
        {'count': 3, 'x': None, 'name': 'Ada', 'at': '@home'}
    """
    sources: list[tuple[Callable[[str], dict[str, Any]], str]] = []
    if document is not None:
        sources.append((_parse_document, document))
    given = list(pairs)
    sources += [(_parse_pair, pair) for pair in given]
    return _collect(sources) | _several_files(given)


def parse_environment(pairs: Iterable[str]) -> dict[str, str]:
    """Read every `--env NAME=VALUE`.

    Args:
        pairs: `NAME=text` or `NAME=@file` (`NAME=@@text` for a text that begins with an `@`). A
            newline at the end of a file is none of the value.

    Raises:
        InvalidInputs: Naming every option that cannot be read.

    Example:
        >>> parse_environment(["REGION=eu", "EMPTY=", "HANDLE=@@home"])
        {'REGION': 'eu', 'EMPTY': '', 'HANDLE': '@home'}
    """
    return _collect([(_parse_assignment, pair) for pair in pairs])


def _collect(sources: Iterable[tuple[Callable[[str], dict[str, Any]], str]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for parse, text in sources:
        try:
            values |= parse(text)
        except InvalidInputs as error:
            problems += error.problems
    if problems:
        raise InvalidInputs(problems)
    return values


def _parse_document(text: str) -> dict[str, Any]:
    if text.startswith("@"):
        text = FileOnDisk("--inputs", text[1:]).read_text()
    value = _parse_json("--inputs", text)
    if not isinstance(value, dict):
        raise InvalidInputs(['--inputs needs a JSON object, such as {"name": "Ada"}'])
    return value


def _parse_pair(text: str) -> dict[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.rstrip(":"):
        raise InvalidInputs([f"-i {text!r} is not name=text, name:=json or name=@file"])
    if name.endswith(":"):
        name = name[:-1]
        if value.startswith("@"):
            value = FileOnDisk(f"-i {name}", value[1:]).read_text()
        return {name: _parse_json(f"-i {name}", value)}
    if value.startswith("@@"):
        return {name: value[1:]}
    if value.startswith("@"):
        return {name: FileOnDisk(f"-i {name}", value[1:])}
    return {name: value}


def _several_files(pairs: Iterable[str]) -> dict[str, Any]:
    """Give the lists of files whose name was given more than once."""
    named: dict[str, list[FileOnDisk]] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        if value.startswith("@") and not value.startswith("@@") and not name.endswith(":"):
            named.setdefault(name, []).append(FileOnDisk(f"-i {name}", value[1:]))
    return {name: files for name, files in named.items() if len(files) > 1}


def _parse_assignment(text: str) -> dict[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        # What was typed may be a secret.
        raise InvalidInputs([f"--env {name!r} is not NAME=VALUE or NAME=@file"])
    if value.startswith("@@"):
        return {name: value[1:]}
    if value.startswith("@"):
        read = FileOnDisk(f"--env {name}", value[1:]).read_text()
        return {name: read.removesuffix("\n").removesuffix("\r")}
    return {name: value}


def _parse_json(option: str, text: str) -> Any:
    try:
        return parse_json(text)
    except (ValueError, HoldfastError) as error:
        problem = f"{option}: no valid JSON ({error}); a text needs quotes there"
        raise InvalidInputs([problem]) from error
