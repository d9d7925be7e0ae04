"""The address guard on real connections: nothing reaches what is not for authors."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import httpx
import pytest

from activities.tools.address_guard import AddressGuard, SystemResolver
from activities.tools.guarded_transport import Proxies
from activities.tools.http_client import HttpClient, OutgoingRequest
from schema.addresses import AddressList
from schema.errors import AddressRefused
from tests.http_peer import HttpPeer, PeerRequest, answering, http_peer, redirecting

pytestmark = pytest.mark.anyio

NO_PROXIES = Proxies()
PUBLIC = "93.184.215.14"


class ScriptedResolver:
    """Answers each look-up of a name with the next of its answers, the last one for ever."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self._answers = {name: list(given) for name, given in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        name = host.partition(".")[0]
        self.asked.append(name)
        left = self._answers[name]
        return left.pop(0) if len(left) > 1 else left[0]


@contextlib.asynccontextmanager
async def a_client(
    *allowed: str, resolver: ScriptedResolver | None = None, proxies: Proxies = NO_PROXIES
) -> AsyncIterator[HttpClient]:
    opened = HttpClient(
        AddressGuard(AddressList.parse(allowed)),
        proxies,
        seconds=10,
        resolve=resolver.resolve if resolver else None,
    )
    async with contextlib.aclosing(opened):
        yield opened


async def get(client: HttpClient, url: str) -> bytes:
    async with client.send(OutgoingRequest("GET", url)) as response:
        return b"".join([piece async for piece in response.aiter_raw()])


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "017700000001",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[::127.0.0.1]",
    "localhost",
    "user:password@127.0.0.1",
    "public.example@127.0.0.1",
    "0.0.0.0",
    "0",
    "[::]",
    "１２７.0.0.1",
]


@pytest.mark.parametrize("host", SPELLINGS)
async def test_inv_20_loopback_is_refused_however_it_is_spelled(peer: HttpPeer, host: str) -> None:
    async with a_client() as client:
        with pytest.raises((AddressRefused, httpx.InvalidURL)):
            await get(client, f"http://{host}:{peer.port}/")

    assert peer.connections == 0


@pytest.mark.parametrize(
    "host",
    [
        *("10.0.0.1", "172.16.5.4", "192.168.1.1", "100.64.0.1", "169.254.169.254"),
        *("2852039166", "0xa9fea9fe", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:10.0.0.1]"),
        *("[64:ff9b::a9fe:a9fe]", "[fec0::1]", "224.0.0.1", "[ff02::1]", "255.255.255.255"),
        *("100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "240.0.0.1"),
    ],
)
async def test_inv_20_addresses_inside_a_network_are_refused(host: str) -> None:
    async with a_client() as client:
        with pytest.raises(AddressRefused, match="blocked by SSRF protection"):
            await get(client, f"http://{host}/latest/meta-data/")


async def test_inv_20_a_name_is_refused_by_what_it_resolves_to(peer: HttpPeer) -> None:
    resolver = ScriptedResolver(inside=[["127.0.0.1"]])

    async with a_client(resolver=resolver) as client:
        with pytest.raises(AddressRefused, match=r"loopback address 127\.0\.0\.1"):
            await get(client, f"http://inside.example:{peer.port}/")

    assert peer.connections == 0


async def test_inv_20_one_bad_address_among_good_ones_refuses_the_name(peer: HttpPeer) -> None:
    resolver = ScriptedResolver(mixed=[[PUBLIC, "127.0.0.1"]])

    async with a_client(resolver=resolver) as client:
        with pytest.raises(AddressRefused):
            await get(client, f"http://mixed.example:{peer.port}/")

    assert peer.connections == 0


async def test_inv_20_a_name_that_turns_to_loopback_never_gets_there(peer: HttpPeer) -> None:
    """Checked when it was public, connected to when it is loopback: it is asked only once."""
    resolver = ScriptedResolver(turning=[["127.0.0.2"], ["127.0.0.1"]])

    # 127.0.0.2 plays the public address: nobody listens there.
    async with a_client("127.0.0.2", resolver=resolver) as client:
        with pytest.raises(httpx.ConnectError, match="Connection refused"):
            await get(client, f"http://turning.example:{peer.port}/")
        asked_once = list(resolver.asked)
        with pytest.raises(AddressRefused):
            await get(client, f"http://turning.example:{peer.port}/")

    assert asked_once == ["turning"]
    assert peer.connections == 0


async def test_inv_20_the_connection_goes_to_the_address_that_was_checked(peer: HttpPeer) -> None:
    peer.answers["/"] = answering("here")
    resolver = ScriptedResolver(turning=[["127.0.0.1"], ["10.0.0.1"]])

    async with a_client("127.0.0.1", resolver=resolver) as client:
        body = await get(client, f"http://turning.example:{peer.port}/")

    assert body == b"here"
    assert resolver.asked == ["turning"]
    assert peer.only.headers["host"] == f"turning.example:{peer.port}"


async def test_inv_20_a_connection_that_is_kept_is_still_that_to_the_checked_address(
    peer: HttpPeer,
) -> None:
    peer.answers["/"] = answering("here")
    resolver = ScriptedResolver(kept=[["127.0.0.1"], ["10.0.0.1"]])

    async with a_client("127.0.0.1", resolver=resolver) as client:
        for _ in range(3):
            assert await get(client, f"http://kept.example:{peer.port}/") == b"here"

    assert (peer.connections, resolver.asked) == (1, ["kept"])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_inv_20_every_redirect_passes_the_guard(
    peer: HttpPeer, other_peer: HttpPeer, status: int
) -> None:
    peer.answers["/"] = redirecting(f"http://inside.example:{other_peer.port}/", status)
    resolver = ScriptedResolver(outside=[["127.0.0.1"]], inside=[["127.0.0.2"]])

    async with a_client("127.0.0.1", resolver=resolver) as client:
        with pytest.raises(AddressRefused, match="inside"):
            await get(client, f"http://outside.example:{peer.port}/")

    assert (peer.connections, other_peer.connections) == (1, 0)


async def test_inv_20_the_second_redirect_passes_it_too(
    peer: HttpPeer, other_peer: HttpPeer
) -> None:
    peer.answers["/"] = redirecting("/again")
    peer.answers["/again"] = redirecting(f"http://2130706434:{other_peer.port}/")

    async with a_client("127.0.0.1") as client:
        with pytest.raises(AddressRefused):
            await get(client, f"{peer.url}/")

    assert [request.path for request in peer.requests] == ["/", "/again"]
    assert other_peer.connections == 0


async def test_inv_20_a_redirect_whose_name_changes_its_answer_is_asked_once(
    peer: HttpPeer, other_peer: HttpPeer
) -> None:
    other_peer.answers["/"] = answering("inside")
    peer.answers["/"] = redirecting(f"http://turning.example:{other_peer.port}/")
    resolver = ScriptedResolver(first=[["127.0.0.1"]], turning=[["127.0.0.3"], ["127.0.0.1"]])

    async with a_client("127.0.0.1", "127.0.0.3", resolver=resolver) as client:
        with pytest.raises(httpx.ConnectError):
            await get(client, f"http://first.example:{peer.port}/")

    assert resolver.asked == ["first", "turning"]
    assert other_peer.connections == 0


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://a/b", "gopher://127.0.0.1/"])
async def test_inv_20_a_redirect_stays_with_http(peer: HttpPeer, location: str) -> None:
    peer.answers["/"] = redirecting(location)

    async with a_client("127.0.0.1") as client:
        with pytest.raises(httpx.UnsupportedProtocol):
            await get(client, f"{peer.url}/")


async def test_an_operator_allows_networks_and_hosts(peer: HttpPeer) -> None:
    peer.answers["/"] = answering("here")
    resolver = ScriptedResolver(friend=[["127.0.0.1"]], stranger=[["127.0.0.1"]])

    async with a_client("friend.example", resolver=resolver) as client:
        assert await get(client, f"http://friend.example:{peer.port}/") == b"here"
        with pytest.raises(AddressRefused):
            await get(client, f"http://stranger.example:{peer.port}/")
        with pytest.raises(AddressRefused):
            await get(client, f"{peer.url}/")


@pytest.fixture
async def proxy() -> AsyncIterator[HttpPeer]:
    """A forward proxy that answers everything itself."""

    async def answer(request: PeerRequest, writer: asyncio.StreamWriter) -> None:
        await answering(f"by proxy: {request.target}")(request, writer)

    async with http_peer() as opened:
        opened.default = answer
        yield opened


async def test_requests_go_through_the_operators_proxy_which_may_be_anywhere(
    proxy: HttpPeer,
) -> None:
    async with a_client(proxies=Proxies(http=proxy.url)) as client:
        body = await get(client, "http://example.com/a?b=1")

    assert body == b"by proxy: http://example.com/a?b=1"
    assert proxy.only.headers["host"] == "example.com"


@pytest.mark.parametrize(
    "host",
    [
        *SPELLINGS[:12],
        "localhost",
        "LOCALHOST.",
        "api.localhost",
        "169.254.169.254",
        "metadata.google.internal",
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_inv_20_behind_a_proxy_names_and_literal_addresses_are_still_checked(
    proxy: HttpPeer, host: str, scheme: str
) -> None:
    async with a_client(proxies=Proxies(proxy.url, proxy.url)) as client:
        with pytest.raises(AddressRefused):
            await get(client, f"{scheme}://{host}/")

    assert proxy.connections == 0


async def test_inv_20_a_redirect_behind_a_proxy_is_checked_as_well(proxy: HttpPeer) -> None:
    proxy.default = redirecting("http://169.254.169.254/")

    async with a_client(proxies=Proxies(http=proxy.url)) as client:
        with pytest.raises(AddressRefused):
            await get(client, "http://example.com/")

    assert len(proxy.requests) == 1


async def test_inv_20_what_needs_no_proxy_is_resolved_and_checked(
    proxy: HttpPeer, peer: HttpPeer
) -> None:
    resolver = ScriptedResolver(near=[["127.0.0.1"]])
    proxies = Proxies(http=proxy.url, exceptions=(".example",))

    async with a_client(proxies=proxies, resolver=resolver) as client:
        with pytest.raises(AddressRefused):
            await get(client, f"http://near.example:{peer.port}/")

    assert (proxy.connections, peer.connections) == (0, 0)


async def test_a_name_that_does_not_exist_fails_with_the_systems_words() -> None:
    async with a_client() as client:
        with pytest.raises(httpx.ConnectError, match=r"\[Errno -[0-9]+\]"):
            await get(client, "http://does-not-exist.invalid/")


async def test_the_system_reads_odd_spellings_as_the_guard_sees_them() -> None:
    resolver = SystemResolver()
    try:
        found = await resolver.resolve("0x7f.1", 80)
    finally:
        resolver.close()

    assert set(found) == {"127.0.0.1"}
