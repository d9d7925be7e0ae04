"""The client of every request whose address an author controls: guarded, bounded, shared.

One for a worker process, which keeps connections alive between requests. It follows redirects
itself: each passes the guard again, and what is secret does not go to another host. It keeps no
cookies between requests: they are those of one author's request.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy

import certifi
import httpx

from activities.tools.address_guard import AddressGuard, Resolve, SystemResolver
from activities.tools.guarded_transport import GuardedTransport, Proxies
from schema.errors import RequestFailed
from schema.version import VERSION

MOST_REDIRECTS = 20
CONNECT_SECONDS = 10.0
READ_SECONDS = 600.0
"""Between two pieces of an answer; so is `WRITE_SECONDS` of a request."""
WRITE_SECONDS = 600.0

_NEVER_ELSEWHERE = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True)
class Timeouts:
    """Seconds that parts of a request may take."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    write: float = WRITE_SECONDS


@dataclass(frozen=True)
class OutgoingRequest:
    """A request as it is to be sent."""

    method: str
    url: str
    params: tuple[tuple[str, str], ...] = ()
    """Replace the query of the URL, if there are any."""
    headers: tuple[tuple[str, str], ...] = ()
    body: "RequestContent | None" = None
    secret_headers: frozenset[str] = frozenset()
    """Names in lower case; they go to the host of the URL only."""
    has_secret_body: bool = False
    timeouts: Timeouts = field(default_factory=Timeouts)
    verify: bool = True
    """Whether the certificate of an https peer must be good."""


class RequestContent(httpx.AsyncByteStream):
    """A body that can be read again, for a redirect, and whose length is known."""

    size: int


class HttpClient:
    """Sends requests of authors.

    Args:
        guard: What is for authors.
        proxies: The operator's proxies.
        seconds: What a request may take in all, besides connecting.
        resolve: Who resolves names; the system by default.
    """

    def __init__(
        self,
        guard: AddressGuard,
        proxies: Proxies = Proxies(),  # noqa: B008 (frozen)
        seconds: float = READ_SECONDS,
        resolve: Resolve | None = None,
    ) -> None:
        self._guard = guard
        self._proxies = proxies
        self._seconds = seconds
        self._resolver = SystemResolver()
        self._resolve = resolve or self._resolver.resolve
        self._clients: dict[bool, httpx.AsyncClient] = {}

    @asynccontextmanager
    async def send(self, request: OutgoingRequest) -> AsyncIterator[httpx.Response]:
        """Send a request, follow redirects, and give the last response, its body still to come.

        The total limit counts until the block ends.

        Raises:
            AddressRefused: If the guard does not let it, or one of its redirects, go.
            RequestFailed: If it takes too long, or a redirect would take a secret elsewhere.
            httpx.HTTPError: If it could not be sent or answered.
            httpx.InvalidURL: If the URL is none.
        """
        limit = self._seconds + request.timeouts.connect
        try:
            async with asyncio.timeout(limit):
                response = await self._follow(request)
                try:
                    yield response
                finally:
                    await response.aclose()
        except TimeoutError as error:
            raise RequestFailed(f"timed out: the request took longer than {limit:g} s") from error

    async def aclose(self) -> None:
        """Close all connections."""
        self._resolver.close()
        for client in self._clients.values():
            await client.aclose()

    async def _follow(self, request: OutgoingRequest) -> httpx.Response:
        client = self._client(request.verify)
        cookies = httpx.Cookies()
        current = _build(client, request)
        for _ in range(MOST_REDIRECTS + 1):
            response = await client.send(current, stream=True, follow_redirects=False)
            if response.next_request is None:
                return response
            await response.aclose()
            cookies.extract_cookies(response)
            current = _next(request, current, response.next_request, cookies)
        raise httpx.TooManyRedirects("Exceeded maximum allowed redirects.", request=current)

    def _client(self, verify: bool) -> httpx.AsyncClient:
        """Give the client for good, or for any, certificates; made when first needed."""
        if verify not in self._clients:
            transport = GuardedTransport(
                self._guard, self._resolve, self._proxies, _ssl_context(verify)
            )
            self._clients[verify] = httpx.AsyncClient(
                transport=transport,
                trust_env=False,
                headers={
                    "User-Agent": f"holdfast/{VERSION}",
                    # What can be decompressed within bounds.
                    "Accept-Encoding": "gzip, deflate",
                },
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            )
        return self._clients[verify]


def _build(client: httpx.AsyncClient, request: OutgoingRequest) -> httpx.Request:
    timeouts = request.timeouts
    headers = list(request.headers)
    if request.body is not None:
        headers.append(("Content-Length", str(request.body.size)))
    return client.build_request(
        request.method,
        request.url,
        params=request.params or None,
        headers=headers,
        content=request.body,
        timeout=httpx.Timeout(
            connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=None
        ),
    )


def _next(
    request: OutgoingRequest,
    last: httpx.Request,
    following: httpx.Request,
    cookies: httpx.Cookies,
) -> httpx.Request:
    """Prepare a redirected request: without secrets if it goes elsewhere, with its cookies."""
    if not _is_same_peer(last.url, following.url):
        for name in _NEVER_ELSEWHERE | request.secret_headers:
            following.headers.pop(name, None)
        if request.has_secret_body and "content-length" in following.headers:
            raise RequestFailed(
                f"The redirect to {following.url.host!r} would take a secret of the body there."
            )
    cookies.set_cookie_header(following)
    return following


def _is_same_peer(one: httpx.URL, other: httpx.URL) -> bool:
    """Whether a secret for one URL may go to the other: same host, and not from https to http."""
    if one.host != other.host:
        return False
    if (one.scheme, _port(one)) == (other.scheme, _port(other)):
        return True
    return (one.scheme, _port(one), other.scheme, _port(other)) == ("http", 80, "https", 443)


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _ssl_context(verify: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=certifi.where())
    # Besides, what the machine trusts: its own authorities, and `SSL_CERT_FILE`.
    context.load_default_certs()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
