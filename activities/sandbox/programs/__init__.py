"""What a fork of the sandbox can run: a program reads its job and writes a result.

A program runs confined, in a process of its own that ends with it. What it imports at module level
is loaded once by the fork server, so it imports the standard library, light modules of ours and
what `LIBRARIES` names, and neither pydantic nor temporalio. It lets a `MemoryError` through, which
the worker reports as the limit that it is; every other failure of an author's code it reports in
the header of its result.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from activities.sandbox.frames import JobReader, JobWriter

Program: TypeAlias = Callable[[JobReader, JobWriter], None]
"""Reads the parts it needs, writes header and parts; the fork writes the end of the result."""

LIBRARIES: Sequence[str] = ("jinja2", "markupsafe", "_quickjs")
"""Top-level names of what programs import besides the standard library and our own packages; a
file or folder of that name is all that the sandbox shows of the installed packages."""
