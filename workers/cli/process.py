"""The `holdfast` command as a process: how it begins and how it ends."""

import logging
import os
import sys
from typing import NoReturn

from workers.cli import app

_TEMPORAL_RUNTIME = "temporalio.bridge.temporal_sdk_bridge"


def main() -> None:
    """Run the command line of this process; the entry point of the distribution."""
    try:
        app(prog_name="holdfast")
    except SystemExit as ended:
        if _TEMPORAL_RUNTIME in sys.modules:
            end_now(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
        raise


def end_now(status: int) -> NoReturn:
    """End without Python's own teardown.

    Threads of the Temporal SDK outlive its clients; one that calls back while the interpreter is
    torn down aborts the process, whatever the command's result was (temporalio/sdk-python issue
    300). Everything of ours is closed by now.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
