"""A peer on loopback: it keeps every request byte for byte and answers as it was told.

Small on purpose: it speaks HTTP/1.1 by hand, so that what a client really sent is what is compared.
"""

import asyncio
import contextlib
import hashlib
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

PIECE = b"x" * 65_536


@dataclass(frozen=True)
class PeerRequest:
    """What came in."""

    head: bytes
    """Request line and headers as they came, without the empty line."""
    body: bytes
    length: int
    """Of the body; one that is only counted is not kept."""
    sha256: str = ""

    @property
    def line(self) -> str:
        return self.head.partition(b"\r\n")[0].decode("ascii")

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def header_lines(self) -> list[str]:
        return [line.decode("latin-1") for line in self.head.split(b"\r\n")[1:]]

    @property
    def headers(self) -> dict[str, str]:
        """By name in lower case; the last of equal ones."""
        pairs = (line.partition(":") for line in self.header_lines)
        return {name.lower(): value.strip() for name, _, value in pairs}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Handler: TypeAlias = Callable[[PeerRequest, asyncio.StreamWriter], Awaitable[None]]


def answering(
    body: bytes | str = b"", status: int = 200, *, headers: dict[str, str] | None = None
) -> Handler:
    """Answer the same to every request."""
    content = body.encode() if isinstance(body, str) else body

    async def answer(request: PeerRequest, writer: asyncio.StreamWriter) -> None:
        given = {"Content-Type": "text/plain", **(headers or {})}
        lines = [f"HTTP/1.1 {status} Whatever"]
        lines += [f"{name}: {value}" for name, value in given.items() if value]
        lines.append(f"Content-Length: {len(content)}")
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
        if not request.line.startswith("HEAD "):
            writer.write(content)
        await writer.drain()

    return answer


async def echo(request: PeerRequest, writer: asyncio.StreamWriter) -> None:
    """Answer with what came, but for what differs between runs."""
    method, target, _ = request.line.split(" ")
    kind, _, boundary = request.headers.get("content-type", "").partition("; boundary=")
    body = request.body.decode("utf-8", "replace")
    shown = {
        "method": method,
        "target": target,
        "content_type": kind,
        "authorization": request.headers.get("authorization"),
        "x": {name: text for name, text in request.headers.items() if name.startswith("x-")},
        "body": body.replace(boundary, "BOUNDARY") if boundary else body,
    }
    content = json.dumps(shown, ensure_ascii=False)
    await answering(content, headers={"Content-Type": "application/json"})(request, writer)


def in_turn(*handlers: Handler) -> Handler:
    """Answer each request by the next handler; the last one answers all others."""
    left = list(handlers)

    async def answer(request: PeerRequest, writer: asyncio.StreamWriter) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(request, writer)

    return answer


def redirecting(location: str, status: int = 302, cookie: str = "") -> Handler:
    return answering(status=status, headers={"Location": location, "Set-Cookie": cookie})


def after(seconds: float, handler: Handler) -> Handler:
    async def answer(request: PeerRequest, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await handler(request, writer)

    return answer


def streaming(
    total: int, content_type: str = "application/octet-stream", *, declared: bool = True
) -> Handler:
    """Answer with many bytes that are never whole in memory."""

    async def answer(_request: PeerRequest, writer: asyncio.StreamWriter) -> None:
        length = f"Content-Length: {total}\r\n" if declared else ""
        writer.write(f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{length}\r\n".encode())
        left = total
        while left:
            piece = PIECE[:left]
            writer.write(piece)
            left -= len(piece)
            await writer.drain()
        if not declared:
            writer.close()

    return answer


def dripping(pause: float) -> Handler:
    """Answer with one byte after the other, for ever."""

    async def answer(_request: PeerRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(pause)

    return answer


def raw(content: bytes) -> Handler:
    """Answer with bytes as they are and hang up."""

    async def answer(_request: PeerRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        writer.close()

    return answer


@dataclass
class HttpPeer:
    """A server; `answers` may be changed at any time."""

    answers: dict[str, Handler] = field(default_factory=dict)
    """By path."""
    default: Handler = field(default_factory=lambda: answering(status=404))
    """Answers any other path."""
    requests: list[PeerRequest] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0
    clients: list[str] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"
    keeps_bodies: bool = True

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def only(self) -> PeerRequest:
        (request,) = self.requests
        return request

    def by_key(self) -> Counter[str]:
        """How many requests came with each idempotency key."""
        return Counter(request.headers.get("idempotency-key", "") for request in self.requests)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        self.clients.append(writer.get_extra_info("peername")[0])
        try:
            while not writer.is_closing():
                request = await self._read(reader)
                self.requests.append(request)
                await self.answers.get(request.path, self.default)(request, writer)
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client hung up
        finally:
            self.open_connections -= 1
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> PeerRequest:
        head = (await reader.readuntil(b"\r\n\r\n"))[:-4]
        length = int(PeerRequest(head, b"", 0).headers.get("content-length", "0"))
        if self.keeps_bodies:
            return PeerRequest(head, await reader.readexactly(length), length)
        digest, left = hashlib.sha256(), length
        while left:
            piece = await reader.read(min(left, 1 << 20))
            if not piece:
                raise ConnectionError
            digest.update(piece)
            left -= len(piece)
        return PeerRequest(head, b"", length, digest.hexdigest())


@contextlib.asynccontextmanager
async def http_peer(
    tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[HttpPeer]:
    """Serve on a free port of loopback."""
    peer = HttpPeer(scheme="https" if tls else "http")
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(peer.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
