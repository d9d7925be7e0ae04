"""The life of one fork: confine itself, read its job, run the program, write the result, end.

It never returns into the server whose copy it is. Only the standard library is imported.
"""

import contextlib
import gc
import io
import os
import sys
import traceback
from collections.abc import Mapping
from typing import Any

from activities.sandbox.confinement import JOB_DESCRIPTOR, Confinement
from activities.sandbox.control import Exit, Request
from activities.sandbox.frames import PRINTED_BYTES, JobReader, JobWriter
from activities.sandbox.programs import Program

_BUFFER_BYTES = 64 * 1024


class Tail(io.RawIOBase):
    """A stream that keeps the end of what is written to it."""

    def __init__(self, kept_bytes: int = PRINTED_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._content = bytearray()

    def writable(self) -> bool:
        """Say that it takes text."""
        return True

    def write(self, content: Any) -> int:
        """Add to the end and forget the beginning."""
        taken = memoryview(content)
        self._content += taken[-self._kept_bytes :]
        if len(self._content) > 2 * self._kept_bytes:
            del self._content[: -self._kept_bytes]
        return len(taken)

    def text(self) -> str:
        """Give what is kept."""
        return self._content[-self._kept_bytes :].decode("utf-8", "replace")


def live(
    programs: Mapping[str, Program],
    confinement: Confinement,
    request: Request,
    job_socket: int,
    folder: str,
    server: int,
) -> None:
    """Do the whole work of a fork and end the process."""
    status = Exit.UNCONFINED
    try:
        confinement.apply(request, job_socket, folder, server)
        status = Exit.PROGRAM_FAILED
        status = _run(programs)
    # Whatever it is: a fork that fails must not go on as a second server.
    except BaseException:  # noqa: BLE001
        if status is Exit.UNCONFINED:
            traceback.print_exc(file=sys.__stderr__)
    finally:
        os._exit(status)


def _run(programs: Mapping[str, Program]) -> Exit:
    gc.enable()
    printed = Tail()
    sys.stdin = None  # as in a process without a console
    stream = io.TextIOWrapper(
        io.BufferedWriter(printed, _BUFFER_BYTES), encoding="utf-8", errors="backslashreplace"
    )
    sys.stdout = sys.stderr = stream
    with (
        open(JOB_DESCRIPTOR, "rb", buffering=_BUFFER_BYTES, closefd=False) as job,
        open(JOB_DESCRIPTOR, "wb", buffering=_BUFFER_BYTES, closefd=False) as result,
    ):
        reader, writer = JobReader(job), JobWriter(result)
        status = Exit.DONE
        try:
            programs[reader.header["program"]](reader, writer)
        except MemoryError:
            status = Exit.OUT_OF_MEMORY
        # SystemExit and what else leaves a program: its text is all that the worker can show.
        except BaseException:  # noqa: BLE001
            printed.write(traceback.format_exc().encode("utf-8", "replace"))
            status = Exit.PROGRAM_FAILED
        # The code may have closed it.
        with contextlib.suppress(ValueError):
            stream.flush()
        if status is Exit.DONE:
            writer.end(printed.text())
        elif status is Exit.PROGRAM_FAILED:
            writer.fail(printed.text())
    return status
