"""The peer of measured requests, a process of its own: `/` answers at once, `/slow` after a second.

It is the same for both sides, and does as little as a peer can.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator

ANSWER = b"benchmark"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(ANSWER)
SECONDS = 1.0


@contextlib.asynccontextmanager
async def open_peer() -> AsyncIterator[str]:
    """Start the peer and give its address."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.peer"), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(await process.stdout.readline())}"
    finally:
        process.kill()
        await process.wait()


async def serve() -> None:
    """Listen on a free port, print it, and answer until killed."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 (for who started it)
    await server.serve_forever()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            if request.startswith(b"GET /slow"):
                await asyncio.sleep(SECONDS)
            writer.write(_HEAD + ANSWER)
            await writer.drain()
    writer.close()


if __name__ == "__main__":
    asyncio.run(serve())
