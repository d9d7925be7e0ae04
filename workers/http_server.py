"""An HTTP server inside a process that has other work: its port is taken at once, or refused."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn
from fastapi import FastAPI

from schema.errors import SetupError

CLOSE_SECONDS = 5


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the process decides when it ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


@contextlib.asynccontextmanager
async def serving(app: FastAPI, host: str, port: int, setting: str) -> AsyncIterator[str]:
    """Serve an application as long as the block, and give its URL.

    Args:
        app: What answers.
        host: Address to listen on.
        port: 0 for any free one.
        setting: The environment variable that chooses the port, for the error.

    Raises:
        SetupError: If the port is taken.
    """
    try:
        listener = socket.create_server((host, port))
    except OSError as error:
        raise SetupError(
            f"Port {port} on {host} cannot be used ({error.strerror}); set {setting} to another, "
            "or to 0 for any free one."
        ) from error
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
    try:
        yield f"http://{host}:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
