"""Carries requests over the guarded network, or through the operator's forward proxy.

httpx makes the requests, httpcore the connections; this is what stands between the two.
"""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpcore
import httpx

from activities.tools.address_guard import AddressGuard, GuardedNetwork, Resolve
from schema.addresses import AddressList, parse_address, plain_host

_IDLE_CONNECTIONS = 100
_IDLE_SECONDS = 5.0
"""How long a connection waits for its next request; longer ones meet servers that hung up."""


@dataclass(frozen=True)
class Proxies:
    """The operator's forward proxies."""

    http: str | None = None
    """URL of the one for `http://`."""
    https: str | None = None
    exceptions: tuple[str, ...] = ()
    """Hosts, `.domains`, networks, or `*`, that are reached directly."""

    def of(self, url: httpx.URL) -> str | None:
        """Give the proxy that a request goes through."""
        proxy = self.https if url.scheme == "https" else self.http
        return None if proxy is None or self._is_exception(url.host) else proxy

    def _is_exception(self, host: str) -> bool:
        name = plain_host(host)
        return any(_covers(entry, name) for entry in self.exceptions)


class GuardedTransport(httpx.AsyncBaseTransport):
    """Sends a request where the guard lets it go.

    Args:
        guard: What is for authors.
        resolve: Who resolves names.
        proxies: The operator's proxies.
        context: Whom https trusts.
    """

    def __init__(
        self, guard: AddressGuard, resolve: Resolve, proxies: Proxies, context: ssl.SSLContext
    ) -> None:
        self._guard = guard
        self._proxies = proxies
        self._context = context
        # As many connections as there are requests: the wrapper bounds those.
        self._direct = httpcore.AsyncConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=GuardedNetwork(guard, resolve),
        )
        self._through: dict[str, httpcore.AsyncHTTPProxy] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and give its response as soon as its headers are there.

        Raises:
            AddressRefused: If the guard does not let it go.
            httpx.TransportError: If it could not be sent or answered.
        """
        sent = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=request.url.raw_scheme,
                host=request.url.raw_host,
                port=request.url.port,
                target=request.url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        with _translated():
            response = await self._pool(request.url).handle_async_request(sent)
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_ResponseStream(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._direct.aclose()
        for pool in self._through.values():
            await pool.aclose()

    def _pool(self, url: httpx.URL) -> httpcore.AsyncConnectionPool:
        proxy = self._proxies.of(url)
        if proxy is None:
            return self._direct
        self._guard.check_unresolved(url.host)
        if proxy not in self._through:
            self._through[proxy] = _proxy_pool(proxy, self._context)
        return self._through[proxy]


class _ResponseStream(httpx.AsyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for piece in self._response.aiter_stream():
                yield piece

    async def aclose(self) -> None:
        with _translated():
            await self._response.aclose()


def _proxy_pool(proxy: str, context: ssl.SSLContext) -> httpcore.AsyncHTTPProxy:
    """Open the pool of a proxy; where the proxy itself is, is the operator's decision."""
    url = httpx.URL(proxy)
    return httpcore.AsyncHTTPProxy(
        proxy_url=httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=b"/"
        ),
        proxy_auth=(url.username, url.password) if url.userinfo else None,
        ssl_context=context,
        max_connections=None,
        max_keepalive_connections=_IDLE_CONNECTIONS,
        keepalive_expiry=_IDLE_SECONDS,
    )


def _covers(entry: str, host: str) -> bool:
    """Whether an entry of `NO_PROXY` names a host or a domain above it.

    Example:
        >>> [_covers(entry, "a.b.c") for entry in ("*", ".b.c", "b.c", "c.d")]
        [True, True, True, False]
    """
    name = plain_host(entry).removeprefix("*.").removeprefix(".")
    if name == "*" or host == name or host.endswith(f".{name}"):
        return True
    try:
        return AddressList.parse([entry]).has_address(parse_address(host))
    except ValueError:
        return False


_ERRORS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (httpcore.ConnectTimeout, httpx.ConnectTimeout),
    (httpcore.ReadTimeout, httpx.ReadTimeout),
    (httpcore.WriteTimeout, httpx.WriteTimeout),
    (httpcore.PoolTimeout, httpx.PoolTimeout),
    (httpcore.ConnectError, httpx.ConnectError),
    (httpcore.ReadError, httpx.ReadError),
    (httpcore.WriteError, httpx.WriteError),
    (httpcore.ProxyError, httpx.ProxyError),
    (httpcore.UnsupportedProtocol, httpx.UnsupportedProtocol),
    (httpcore.LocalProtocolError, httpx.LocalProtocolError),
    (httpcore.RemoteProtocolError, httpx.RemoteProtocolError),
)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn errors of connections into those of requests."""
    try:
        yield
    except tuple(known for known, _ in _ERRORS) as error:
        kind = next(to for known, to in _ERRORS if isinstance(error, known))
        raise kind(str(error)) from error
