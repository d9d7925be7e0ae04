"""Get the Temporal server before the tests that need it, so that its progress can be seen.

`make test` runs this; inside a test a download or a build would be silent for minutes.
"""

import asyncio
import sys

from schema.errors import SetupError
from schema.settings import Settings
from workers.server_binary import default_sources, find_binary


def main() -> None:
    """Find the program as `holdfast up` does, or leave with what was tried and what to do."""
    settings = Settings()
    if settings.temporal_address is not None:
        return
    try:
        asyncio.run(find_binary(default_sources(settings), _show))
    except SetupError as error:
        sys.exit(f"error: {error}")


def _show(line: str) -> None:
    sys.stderr.write(f"==> {line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
