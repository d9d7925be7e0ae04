"""A definition from a file, as the commands `validate`, `graph` and `run` read it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from schema.dsl import Compilation, compile_definition, read_definition
from schema.dsl.yaml_reader import MAX_BYTES
from schema.errors import InvalidDocument

if TYPE_CHECKING:
    from workers.code_packages import CodePackages


def read_compilation(file: str) -> Compilation:
    """Read and compile an export.

    Args:
        file: Its path; `-` is the standard input.

    Raises:
        InvalidDocument: If it cannot be read or is no export.
    """
    return compile_definition(read_definition(_read_bounded(file)))


def read_checked(file: str, packages: "CodePackages") -> Compilation:
    """Read and compile an export, and look into its code and templates too.

    Raises:
        InvalidDocument: If it cannot be read or is no export.
    """
    from schema.dsl.author_code import check_author_code

    compilation = read_compilation(file)
    if compilation.plan is None:
        return compilation
    return compilation.with_findings(check_author_code(compilation.plan.graph, packages.has))


def _read_bounded(file: str) -> bytes:
    # One byte more than is accepted: the reader then says what the limit is.
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise InvalidDocument(f"{file!r} cannot be read ({error.strerror}).") from error
