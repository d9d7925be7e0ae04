"""An S3-speaking server on loopback: moto, in a process of its own, its objects in memory.

Import the fixtures into a `conftest.py`.
"""

import asyncio
import contextlib
import itertools
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_numbers = itertools.count(1)
_SECONDS = 60


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server without a bucket."""
    log = tmp_path_factory.mktemp("s3") / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield _url_in(log, process)
    finally:
        process.kill()
        process.wait()


def _url_in(log: Path, process: "subprocess.Popen[bytes]") -> str:
    """Wait for the line by which the server says that it listens."""
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"Running on (http://127\.0\.0\.1:\d+)", log.read_text())
        if found is not None:
            return found[1]
        time.sleep(0.05)
    pytest.fail(f"The S3 server did not start: {log.read_text()}")


@pytest.fixture
def s3_location(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """URL of an empty place in a bucket, reached as an operator would set it up."""
    bucket = f"bucket-{next(_numbers)}"
    request = urllib.request.Request(f"{s3_server}/{bucket}", method="PUT", data=b"")
    with urllib.request.urlopen(request, timeout=_SECONDS):
        pass
    for name, value in s3_environment(s3_server).items():
        monkeypatch.setenv(name, value)
    return f"s3://{bucket}/holdfast"


def s3_environment(endpoint: str) -> dict[str, str]:
    """The variables of docs/settings.md for a service at an endpoint."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }


@dataclass
class BreakingProxy:
    """Forwards to a server and breaks the first connections that carry much back."""

    port: int = 0
    breaks: int = 0
    """Connections that are still to be broken."""
    broken: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.asynccontextmanager
async def breaking_proxy(target: str, breaks: int, after: int) -> AsyncIterator[BreakingProxy]:
    """Break the first connections after so many bytes of answers."""
    proxy = BreakingProxy(breaks=breaks)
    host, _, port = target.removeprefix("http://").partition(":")

    async def serve(near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forward = await asyncio.open_connection(host, int(port))
        sending = asyncio.create_task(_copy(near, forward))
        try:
            if await _answer(far, back, proxy, after):
                back.transport.abort()
        finally:
            sending.cancel()
            forward.close()
            back.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    async with server:
        yield proxy
        server.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
        await target.drain()


async def _answer(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, proxy: BreakingProxy, after: int
) -> bool:
    """Copy answers; whether the connection is to be broken."""
    sent = 0
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            sent += len(data)
            if sent > after and proxy.breaks:
                proxy.breaks -= 1
                proxy.broken += 1
                return True
            target.write(data)
            await target.drain()
    return False
