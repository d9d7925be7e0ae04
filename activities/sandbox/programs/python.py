"""Runs the Python of a code node: `main(**inputs)`, its result checked and written.

An author's exception becomes the text that Dify's runner prints: the traceback, from the first line
of the author's code on.
"""

import linecache
import sys
import traceback
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from activities.sandbox.frames import JobReader, JobWriter
from activities.sandbox.part_names import OUTPUT
from activities.sandbox.programs.values import (
    echo_inputs,
    read_inputs,
    write_failure,
    write_value,
)
from schema.errors import CodeFailed, NodeError
from schema.values.code_outputs import OutputLimits, check_outputs
from schema.values.code_results import read_result

FILE_NAME = "main.py"
"""What the author's code is called in tracebacks."""
INSTALL_COMMAND = "holdfast code install -r FILE"
"""As `schema/dsl/author_code.py` names it, which is not loaded here."""
_HIDDEN: list[types.ModuleType] = []
"""Kept alive: taking modules apart would cost each job a millisecond."""
_OUR_FOLDER = str(Path(__file__).parents[3])
"""What our packages and the libraries of programs are imported from."""


def run(job: JobReader, writer: JobWriter) -> None:
    """Run the program: one job, one result."""
    execute(job, writer, lambda inputs: _call(job.header["code"], inputs))


def execute(job: JobReader, writer: JobWriter, call: Callable[[Mapping[str, Any]], object]) -> None:
    """Read inputs, call the code, check what it returned and write the result.

    Raises:
        MemoryError: If there is not enough; the worker reports it as the limit that it is.
    """
    try:
        inputs = read_inputs(job)
        result = read_result(call(inputs))
        limits = OutputLimits(**job.header["limits"])
        outputs = check_outputs(result, job.header["outputs"], limits)
    except CodeFailed as error:
        write_failure(writer, str(error), error.error_type)
        return
    except NodeError as error:
        write_failure(writer, str(error), error.error_type or CodeFailed.error_type)
        return
    writer.begin({})
    echo_inputs(job, inputs, writer)
    for name, value in outputs.items():
        write_value(writer, OUTPUT + name, value)


def _call(code: str, inputs: Mapping[str, Any]) -> object:
    """Load the author's code as the main module and call its `main`.

    Raises:
        CodeFailed: If it raises, or ends the process in the orderly way.
    """
    module = types.ModuleType("__main__")
    linecache.cache[FILE_NAME] = (len(code), None, code.splitlines(keepends=True), FILE_NAME)
    _hide_our_modules()
    sys.modules["__main__"] = module
    try:
        exec(compile(code, FILE_NAME, "exec", dont_inherit=True), module.__dict__)
        main = module.__dict__.get("main")
        if main is None:
            raise CodeFailed("NameError: name 'main' is not defined")
        # Read here: a class of the author's may run code when it is asked for its items.
        return read_result(main(**inputs))
    except (MemoryError, NodeError):
        raise
    except SystemExit as error:
        raise CodeFailed(
            "Failed to parse result: no result tag found in response. The code ended itself: "
            f"{error!r}"
        ) from None
    except BaseException as error:  # noqa: BLE001 whatever an author raises
        raise CodeFailed(describe(error)) from None


def describe(error: BaseException) -> str:
    """Write an exception as Python prints it, from the author's first line on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename != FILE_NAME:
        frames = frames.tb_next
    told = traceback.TracebackException(type(error), error, frames)
    text = "".join(told.format() if frames is not None else told.format_exception_only())
    if isinstance(error, ModuleNotFoundError):
        missing = (error.name or "").partition(".")[0]
        text += f"{missing!r} is not installed for code nodes; to do so: {INSTALL_COMMAND}"
    return text.rstrip("\n")


def _hide_our_modules() -> None:
    """Forget what is neither the standard library's nor the author's: nobody imports it by chance.

    This code keeps what it needs; an author may have installed a package of the same name.
    """
    sys.path[:] = [folder for folder in sys.path if folder != _OUR_FOLDER]
    for name in [*sys.modules]:
        if name.partition(".")[0] not in sys.stdlib_module_names:
            _HIDDEN.append(sys.modules.pop(name))
