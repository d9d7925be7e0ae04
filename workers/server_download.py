"""Download the Temporal dev server through Temporal's SDK; a program of its own.

Its own process, because the SDK cannot download without starting a server, and because a process
can be ended when it takes too long. Prints the path of the program it fetched.
"""

import asyncio
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from temporalio.testing import WorkflowEnvironment

HOST = "temporal.download"
"""Where the SDK downloads from."""

CONNECT_SECONDS = 10.0


async def download(folder: Path, version: str) -> Path:
    """Fetch a version of the server into a folder and return the program's path.

    Raises:
        OSError: If the download host, or the proxy in between, cannot be connected in 10 seconds.
        RuntimeError: If the SDK cannot fetch or start it.
    """
    await _connect()
    environment = await WorkflowEnvironment.start_local(
        download_dest_dir=str(folder), dev_server_download_version=f"v{version}", ui=False
    )
    await environment.shutdown()
    return _program(folder)


def _program(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if path.is_file() and "temporal" in path.name)


async def _connect() -> None:
    # The SDK itself would wait for minutes.
    proxy = urllib.request.getproxies().get("https")
    target = urlsplit(proxy) if proxy else urlsplit(f"https://{HOST}:443")
    async with asyncio.timeout(CONNECT_SECONDS):
        _, writer = await asyncio.open_connection(target.hostname, target.port or 443)
        writer.close()


def main() -> int:
    """Run as `python -m workers.server_download FOLDER VERSION`."""
    folder, version = sys.argv[1:]
    try:
        path = asyncio.run(download(Path(folder), version))
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sys.stderr.write(f"{HOST}: {reason or f'no connection in {CONNECT_SECONDS:g} s'}\n")
        return 1
    sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
