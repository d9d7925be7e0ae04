"""Peers that mean harm, and texts that would: everything ends within bounds, as a node failure."""

import asyncio
import gzip
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from activities.tools.address_guard import AddressGuard
from activities.tools.http_client import HttpClient
from schema.addresses import AddressList
from schema.errors import NodeError
from tests.http_peer import HttpPeer, answering, dripping, in_turn, raw, redirecting, streaming
from tests.integration.http.node import NodeRunner, api_key, body, secret, text

pytestmark = pytest.mark.anyio

MIB = 1024**2


async def failure(node: NodeRunner, **data: Any) -> NodeError:
    with pytest.raises(NodeError) as failed:
        await node.run(**data)
    return failed.value


def gzip_bomb(size: int) -> bytes:
    return gzip.compress(bytes(size), compresslevel=9, mtime=0)


@pytest.mark.parametrize(
    ("encoding", "bomb"),
    [
        ("gzip", gzip_bomb(200 * MIB)),
        ("deflate", zlib.compress(bytes(200 * MIB))),
        ("gzip, gzip", gzip.compress(gzip_bomb(200 * MIB), mtime=0)),
    ],
    ids=["gzip", "deflate", "twice"],
)
async def test_inv_08_a_bomb_is_counted_while_it_unfolds(
    peer: HttpPeer, node: NodeRunner, encoding: str, bomb: bytes
) -> None:
    peer.answers["/"] = answering(bomb, headers={"Content-Encoding": encoding})
    tracemalloc.start()
    try:
        error = await failure(node, url=f"{peer.url}/")
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert str(error).startswith(
        "Text size is too large, max size is 1.00 MB, but current size is 65."
    )
    assert error.error_type == "ResponseSizeError"
    assert grown < 16 * MIB


async def test_a_thousand_encodings_are_refused(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = answering(b"x", headers={"Content-Encoding": ", ".join(["gzip"] * 1000)})

    assert "encoded 1000 times" in str(await failure(node, url=f"{peer.url}/"))


async def test_content_that_is_not_what_it_says_fails_the_node(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = answering(b"plain", headers={"Content-Encoding": "gzip"})

    assert "incorrect header check" in str(await failure(node, url=f"{peer.url}/"))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "raw deflate", "br"])
async def test_what_was_compressed_arrives_as_it_was(
    peer: HttpPeer, node: NodeRunner, encoding: str
) -> None:
    raw_deflate = zlib.compressobj(wbits=-15)
    content = {
        "gzip": gzip.compress(b"hello" * 100_000),
        "deflate": zlib.compress(b"hello" * 100_000),
        "raw deflate": raw_deflate.compress(b"hello" * 100_000) + raw_deflate.flush(),
        "br": b"hello" * 100_000,
    }[encoding]
    header = encoding.removeprefix("raw ")
    peer.answers["/"] = answering(content, headers={"Content-Encoding": header})

    given = await node.run(url=f"{peer.url}/")

    assert given.outputs["body"] == "hello" * 100_000


async def test_a_body_of_a_gigabyte_is_refused_in_constant_memory(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = streaming(1024 * MIB)
    tracemalloc.start()
    try:
        error = await failure(node, url=f"{peer.url}/")
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert str(error) == (
        "File size is too large, max size is 10.00 MB, but current size is 1024.00 MB."
    )
    assert grown < 24 * MIB


async def test_a_size_that_was_not_said_is_counted(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = streaming(40 * MIB, declared=False)

    assert str(await failure(node, url=f"{peer.url}/")) == (
        "File size is too large, max size is 10.00 MB, but current size is 40.00 MB."
    )


async def test_an_endless_answer_is_hung_up_on(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = streaming(2**62, declared=False)

    error = await failure(node, url=f"{peer.url}/")

    assert str(error).startswith("File size is too large, max size is 10.00 MB, but current size")


async def test_inv_11_a_drip_ends_at_the_limit_of_the_whole_request(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = dripping(0.05)
    patience = HttpClient(AddressGuard(AddressList.parse(["127.0.0.1"])), seconds=0.5)
    begun = time.monotonic()

    try:
        error = await failure(
            NodeRunner(patience, node.artifacts), url=f"{peer.url}/", timeout={"connect": 1}
        )
    finally:
        await patience.aclose()

    assert str(error) == "timed out: the request took longer than 1.5 s"
    assert time.monotonic() - begun < 8


async def test_inv_11_silence_ends_at_the_read_time_out(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = dripping(60)

    error = await failure(node, url=f"{peer.url}/", timeout={"read": 1})

    assert str(error) == "timed out: no data came for 1 s"


async def test_a_redirect_loop_ends(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = redirecting("/")

    error = await failure(node, url=f"{peer.url}/")

    assert str(error) == "Exceeded maximum allowed redirects."
    assert len(peer.requests) == 21


async def test_twenty_redirects_are_followed(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = in_turn(*[redirecting("/")] * 20, answering("there"))

    assert (await node.run(url=f"{peer.url}/")).outputs["body"] == "there"


@pytest.mark.parametrize(
    "answer",
    [
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: y\r\n" * 50_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"y" * 500_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"",
    ],
    ids=["noise", "many headers", "long header", "cut off", "bad chunk", "nothing"],
)
async def test_an_answer_that_is_none_fails_the_node(
    peer: HttpPeer, node: NodeRunner, answer: bytes
) -> None:
    peer.answers["/"] = raw(answer)

    error = await failure(node, url=f"{peer.url}/")

    assert error.error_type == "HttpRequestNodeError"
    assert str(error)


async def test_endless_informational_answers_end_at_the_limit(
    peer: HttpPeer, node: NodeRunner
) -> None:
    async def informing(_request: object, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100)
            await writer.drain()
            await asyncio.sleep(0.01)

    peer.answers["/"] = informing
    patience = HttpClient(AddressGuard(AddressList.parse(["127.0.0.1"])), seconds=0.2)

    try:
        error = await failure(
            NodeRunner(patience, node.artifacts), url=f"{peer.url}/", timeout={"connect": 1}
        )
    finally:
        await patience.aclose()

    assert "took longer" in str(error)


Data = dict[str, Any]


@pytest.mark.parametrize("character", ["\r", "\0", "\x0b", "\x7f", "é", "\u2028", "\ud800"])
@pytest.mark.parametrize(
    "data",
    [
        {"headers": "X-A: a{{#n.v#}}b"},
        {"headers": "X{{#n.v#}}Y: a"},
        {"authorization": api_key("bearer", "a{{#n.v#}}b")},
        {"authorization": api_key("custom", "a", "X\r\nEvil: 1")},
    ],
    ids=["value", "name", "key", "header of the key"],
)
async def test_inv_18_what_no_header_can_carry_fails_the_node(
    peer: HttpPeer, node: NodeRunner, data: Data, character: str
) -> None:
    with pytest.raises(NodeError, match=r"header"):
        await node.run({"v": character}, url=f"{peer.url}/", **data)

    assert peer.requests == []


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "data",
    [
        {"authorization": api_key("bearer", "a{{#n.v#}}b")},
        {"authorization": api_key("basic", "a{{#n.v#}}b")},
    ],
)
async def test_inv_18_a_key_never_adds_a_header(
    peer: HttpPeer, node: NodeRunner, data: Data, newline: str
) -> None:
    with pytest.raises(NodeError, match="characters that a header cannot carry"):
        await node.run({"v": f"{newline}Evil"}, url=f"{peer.url}/", **data)

    assert peer.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "{peer}/a{{{{#n.v#}}}}b",
        "{peer}/?q={{{{#n.v#}}}}",
        "http://127.0.0.1{{{{#n.v#}}}}:{port}/",
    ],
)
@pytest.mark.parametrize("text_", [" HTTP/1.1\r\nEvil: 1\r\n\r\n", "\nEvil: 1", "\0"])
async def test_inv_18_a_line_end_in_a_url_sends_nothing(
    peer: HttpPeer, node: NodeRunner, url: str, text_: str
) -> None:
    written = url.format(peer=peer.url, port=peer.port)

    with pytest.raises(NodeError, match=r"(?i)url|Invalid"):
        await node.run({"v": text_}, url=written)

    assert peer.requests == []


async def test_inv_18_line_ends_in_parameters_are_escaped(peer: HttpPeer, node: NodeRunner) -> None:
    await node.run(
        {"v": "x\r\nEvil: 1"}, url=f"{peer.url}/", params="a{{#n.v#}}:b{{#n.v#}}"
    )  # fmt: skip

    assert peer.only.target == "/?ax%0D%0AEvil%3A+1=bx%0D%0AEvil%3A+1"
    assert "evil" not in peer.only.headers


async def test_inv_18_names_in_a_form_end_where_they_should(
    peer: HttpPeer, node: NodeRunner
) -> None:
    stored = await node.stored(b"x", filename='f"\r\nEvil: 1', mime_type="a/b\r\nEvil: 1")

    await node.run(
        {"v": 'k"\r\nEvil: 1', "f": stored}, url=f"{peer.url}/", method="post",
        body={"type": "form-data", "data": [
            text("t", "{{#n.v#}}"),
            {"type": "file", "key": "{{#n.v#}}2", "file": ["n", "f"]},
        ]},
    )  # fmt: skip

    sent = peer.only.body.decode()
    assert '\r\nContent-Disposition: form-data; name="k%22%0D%0AEvil: 1"\r\n\r\nt\r\n' in sent
    assert 'filename="f%22%0D%0AEvil: 1"\r\nContent-Type: application/octet-stream\r\n' in sent
    assert "\nEvil" not in sent


@pytest.mark.parametrize("name", ["Content-Length", "content-length", "Transfer-Encoding"])
async def test_inv_18_authors_do_not_say_where_a_request_ends(
    peer: HttpPeer, node: NodeRunner, name: str
) -> None:
    peer.answers["/"] = answering("ok")

    await node.run(
        url=f"{peer.url}/", method="post", headers=f"{name}: 3", body=body("raw-text", text("four"))
    )

    lines = [line.lower() for line in peer.only.header_lines]
    assert "content-length: 4" in lines
    assert not [line for line in lines if line.startswith("transfer-encoding")]


Redirect = Callable[[str], Any]
SECRET = "sk-very-secret-0001"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_inv_17_secrets_are_kept_from_another_host(
    peer: HttpPeer, other_peer: HttpPeer, node: NodeRunner, status: int
) -> None:
    there = f"http://there.example:{other_peer.port}/"
    peer.answers["/"] = redirecting(there, status, cookie="a=b")
    other_peer.answers["/"] = answering("there")

    given = await node.run(
        {"k": secret(SECRET)}, url=f"{peer.url}/?k={SECRET}", method="post",
        authorization=api_key("custom", "{{#n.k#}}", "X-Mine"),
        headers=f"Cookie: s={SECRET}\nX-Api-Key: {SECRET}\nX-Odd: a{{{{#n.k#}}}}\nX-Plain: p",
        body=body("raw-text", text("plain")),
    )  # fmt: skip

    assert given.outputs["body"] == "there"
    assert peer.only.head.decode().count(SECRET) == 5
    assert SECRET not in other_peer.only.head.decode()
    assert "cookie" not in other_peer.only.headers
    assert other_peer.only.headers["x-plain"] == "p"


@pytest.mark.parametrize("status", [307, 308])
async def test_inv_17_a_body_with_a_secret_does_not_go_to_another_host(
    peer: HttpPeer, other_peer: HttpPeer, node: NodeRunner, status: int
) -> None:
    peer.answers["/"] = redirecting(f"{other_peer.url}/", status)

    with pytest.raises(NodeError, match="would take a secret of the body"):
        await node.run(
            {"k": secret(SECRET)}, url=f"{peer.url}/", method="post",
            body=body("json", text('{"k": "{{#n.k#}}"}')),
        )  # fmt: skip

    assert other_peer.requests == []


async def test_inv_17_secrets_stay_with_their_host(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = redirecting("/there", 307)
    peer.answers["/there"] = answering("there")

    await node.run(
        {"k": secret(SECRET)}, url=f"{peer.url}/", method="post",
        authorization=api_key("bearer", "{{#n.k#}}"), body=body("raw-text", text("{{#n.k#}}")),
    )  # fmt: skip

    assert [r.headers["authorization"] for r in peer.requests] == [f"Bearer {SECRET}"] * 2
    assert [r.body.decode() for r in peer.requests] == [SECRET] * 2


async def test_cookies_last_for_one_request_and_its_redirects(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = redirecting("/there", cookie="session=1; Path=/")
    peer.answers["/there"] = answering("there", headers={"Set-Cookie": "other=2; Path=/"})

    await node.run(url=f"{peer.url}/")
    await node.run(url=f"{peer.url}/")

    assert [r.headers.get("cookie") for r in peer.requests] == [
        *(None, "session=1", None, "session=1")
    ]


async def test_connections_are_kept_between_requests(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = answering("ok")

    for _ in range(5):
        await node.run(url=f"{peer.url}/")

    assert peer.connections == 1
