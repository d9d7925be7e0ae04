"""Dify's vectors of http-request (dify-nodes 11.6), and its rules of 5.8, against a real peer."""

import re
import socket
from typing import Any

import pytest

from schema.errors import NodeError
from tests.http_peer import HttpPeer, answering
from tests.integration.http.node import NodeRunner, api_key, body, file, secret, text

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _answers(peer: HttpPeer) -> None:
    for path in ("/", "/p"):
        peer.answers[path] = answering("ok")


async def failure(node: NodeRunner, **data: Any) -> NodeError:
    with pytest.raises(NodeError) as failed:
        await node.run(**data)
    return failed.value


async def test_vector_11_6_params_replace_the_query_of_the_url(
    peer: HttpPeer, node: NodeRunner
) -> None:
    url, params = f"{peer.url}/p?x=1", "a:1\na:{{#n.v#}}\nb"

    await node.run({"v": "l1\nl2"}, url=url, params=params)

    assert peer.only.target == "/p?a=1&a=l1%0Al2&b="


async def test_without_params_the_query_of_the_url_stays(peer: HttpPeer, node: NodeRunner) -> None:
    await node.run(url=f"{peer.url}/p?x=1&y=%20", params="\n:no key\n")

    assert peer.only.target == "/p?x=1&y=%20"


async def test_vector_11_6_headers_are_split_after_rendering(
    peer: HttpPeer, node: NodeRunner
) -> None:
    headers = "X-A: {{#n.v#}}\nnocolon\nX-B:1:2"

    await node.run({"v": "1\nX-C: 9"}, url=f"{peer.url}/", headers=headers)

    lines = peer.only.header_lines
    assert [line for line in lines if line[:2] in ("X-", "no")] == [
        *("X-A: 1", "X-C: 9", "nocolon: ", "X-B: 1:2")
    ]


async def test_vector_11_6_json_is_mended_and_written_compactly(
    peer: HttpPeer, node: NodeRunner
) -> None:
    template = """{"q": "{{#n.v#}}", 'k': True,}"""

    await node.run({"v": 'he said "hi"'}, url=f"{peer.url}/", method="post",
                   body=body("json", text(template)))  # fmt: skip

    assert peer.only.body == b'{"q":"he said \\"hi\\"","k":true}'
    assert peer.only.headers["content-type"] == "application/json"


async def test_vector_11_6_a_form_without_files_is_multipart_all_the_same(
    peer: HttpPeer, node: NodeRunner
) -> None:
    await node.run(url=f"{peer.url}/", method="post", headers="Content-Type: foo/bar",
                   body=body("form-data", text("v", "k")))  # fmt: skip

    kind = peer.only.headers["content-type"]
    boundary = kind.removeprefix("multipart/form-data; boundary=")
    assert boundary != kind
    assert "foo/bar" not in peer.only.head.decode()
    assert peer.only.body.decode() == (
        f'--{boundary}\r\nContent-Disposition: form-data; name="k"\r\n\r\nv\r\n'
        f'--{boundary}\r\nContent-Disposition: form-data; name="__multipart_placeholder__"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n\r\n--{boundary}--\r\n"
    )


async def test_vector_11_6_the_last_of_equal_keys_counts(peer: HttpPeer, node: NodeRunner) -> None:
    await node.run(url=f"{peer.url}/", method="post",
                   body=body("x-www-form-urlencoded", text("v", "k"), text("w", "k")))  # fmt: skip

    assert peer.only.body == b"k=w"
    assert peer.only.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_vector_11_6_a_basic_key_with_a_colon_is_encoded_and_hidden(
    peer: HttpPeer, node: NodeRunner
) -> None:
    given = await node.run(url=f"{peer.url}/", authorization=api_key("basic", "u:p"))

    assert peer.only.headers["authorization"] == "Basic dTpw"
    assert "Authorization: **********\r\n" in given.log


async def test_vector_11_6_options_is_read_and_never_sent(peer: HttpPeer, node: NodeRunner) -> None:
    error = await failure(node, url=f"{peer.url}/", method="options")

    assert (str(error), error.error_type) == (
        "Invalid http method options",
        "InvalidHttpMethodError",
    )
    assert peer.requests == []


async def test_vector_11_6_a_refused_connection_is_told_as_python_tells_it(
    node: NodeRunner,
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(node, url=f"http://127.0.0.1:{unused.getsockname()[1]}/")

    assert (str(error), error.error_type) == (
        "[Errno 111] Connection refused",
        "HttpRequestNodeError",
    )
    assert error.process_data is not None
    assert error.process_data["request"].startswith("GET / HTTP/1.1\r\n")


async def test_vector_11_6_404_is_an_answer_like_any_other(
    peer: HttpPeer, node: NodeRunner
) -> None:
    given = await node.run(url=f"{peer.url}/nowhere")

    assert given.outputs["status_code"] == 404


@pytest.mark.parametrize(
    "data",
    [
        {"error_strategy": "fail-branch"},
        {"error_strategy": "default-value", "default_value": []},
        {"retry_config": {"retry_enabled": True, "max_retries": 0, "retry_interval": 1}},
    ],
    ids=["fail-branch", "default-value", "retries"],
)
async def test_5_8_a_status_fails_the_node_if_its_author_said_what_then(
    peer: HttpPeer, node: NodeRunner, data: dict[str, Any]
) -> None:
    error = await failure(node, url=f"{peer.url}/nowhere", **data)

    assert (str(error), error.error_type) == (
        "Request failed with status code 404",
        "HTTPResponseCodeError",
    )


@pytest.mark.parametrize(
    ("data", "message", "error_type"),
    [
        ({"url": ""}, "url is required", "InvalidURLError"),
        ({"url": "{{#n.none#}}"}, "url should start with", "InvalidURLError"),
        ({"url": "HTTP://a/"}, "url should start with http:// or https://", "InvalidURLError"),
        ({"url": "ftp://a/"}, "url should start with http:// or https://", "InvalidURLError"),
        (
            {"authorization": api_key("bearer", "  ")},
            "API key is required for authorization but was empty. Please provide a valid API key.",
            "AuthorizationConfigError",
        ),
        (
            {"body": body("json")},
            "json body type should have exactly one item",
            "RequestBodyError",
        ),
        (
            {"body": {"type": "raw-text", "data": ""}},
            "raw-text body type should have exactly one item",
            "RequestBodyError",
        ),
        (
            {"body": body("binary", text("a"), text("b"))},
            "binary body type should have exactly one item",
            "RequestBodyError",
        ),
        ({"body": body("json", text("nope"))}, "Failed to parse JSON: nope", "RequestBodyError"),
        ({"body": body("json", text(""))}, "Failed to parse JSON: ", "RequestBodyError"),
        (
            {"body": body("binary", file("gone"))},
            "cannot fetch file with selector ['n', 'gone']",
            "FileFetchError",
        ),
    ],
)
async def test_5_8_what_makes_no_request_fails_with_difys_words(
    peer: HttpPeer, node: NodeRunner, data: dict[str, Any], message: str, error_type: str
) -> None:
    error = await failure(node, **{"url": f"{peer.url}/", "method": "post", **data})

    assert message in str(error)
    assert error.error_type == error_type
    assert peer.requests == []


@pytest.mark.parametrize(
    ("authorization", "line"),
    [
        (api_key("bearer", "{{#n.k#}}"), "Authorization: Bearer key"),
        (api_key("basic", "{{#n.k#}}"), "Authorization: Basic key"),
        (api_key("custom", "{{#n.k#}}"), "Authorization: key"),
        (api_key("custom", "{{#n.k#}}", "X-Api-Key"), "X-Api-Key: key"),
        (api_key("bearer", "{{#n.k#}}", "X-Auth"), "X-Auth: Bearer key"),
    ],
)
async def test_5_8_a_key_is_put_into_its_header(
    peer: HttpPeer, node: NodeRunner, authorization: dict[str, Any], line: str
) -> None:
    given = await node.run({"k": "key"}, url=f"{peer.url}/", authorization=authorization)

    name, _, value = line.partition(": ")
    assert line in peer.only.header_lines
    assert f"{name}: {'*' * len(value)}\r\n" in given.log


async def test_5_8_the_key_overrides_a_header_of_the_same_spelling(
    peer: HttpPeer, node: NodeRunner
) -> None:
    await node.run(
        url=f"{peer.url}/", headers="Authorization: mine\nAccept: a\nAccept: b",
        authorization=api_key("custom", "key"),
    )  # fmt: skip

    lines = peer.only.header_lines
    assert [line for line in lines if line.startswith(("Authorization:", "Accept:"))] == [
        *("Authorization: key", "Accept: b")
    ]


@pytest.mark.parametrize(
    ("kind", "items", "sent", "content_type"),
    [
        ("none", [text("ignored")], b"", None),
        ("raw-text", [text("é {{#n.o#}}")], 'é {"a": [1, null]}'.encode(), "text/plain"),
        ("json", [text('{"中": {{#n.o#}}}')], '{"中":{"a":[1,null]}}'.encode(), "application/json"),
        ("json", [text("[1, 1.0, 1e5]")], b"[1,1.0,100000.0]", "application/json"),
        (
            "x-www-form-urlencoded",
            [text("a b&c", "k é"), text("", "e")],
            b"k+%C3%A9=a+b%26c&e=",
            "application/x-www-form-urlencoded",
        ),
    ],
)
async def test_5_8_bodies(
    peer: HttpPeer, node: NodeRunner, kind: str, items: list[Any], sent: bytes,
    content_type: str | None,
) -> None:  # fmt: skip
    await node.run(
        {"o": {"a": [1, None]}}, url=f"{peer.url}/", method="POST", body=body(kind, *items)
    )

    assert peer.only.body == sent
    assert peer.only.headers.get("content-type") == content_type
    assert peer.only.headers["content-length"] == str(len(sent))


async def test_5_8_an_authors_content_type_stays(peer: HttpPeer, node: NodeRunner) -> None:
    await node.run(
        url=f"{peer.url}/", method="put", headers="content-type: application/vnd.x+json",
        body=body("json", text("{}")),
    )  # fmt: skip

    assert peer.only.line == "PUT / HTTP/1.1"
    kinds = [line for line in peer.only.header_lines if line.lower().startswith("content-type")]
    assert kinds == ["content-type: application/vnd.x+json"]


async def test_5_8_legacy_body_is_one_text(peer: HttpPeer, node: NodeRunner) -> None:
    await node.run(
        {"s": "old"}, url=f"{peer.url}/", method="post", timeout=None, ssl_verify=None,
        body={"type": "raw-text", "data": "so {{#n.s#}}"},
    )  # fmt: skip

    assert peer.only.body == b"so old"


async def test_5_8_files_of_a_form(peer: HttpPeer, node: NodeRunner) -> None:
    one = await node.stored(b"\x00one", filename='a"b.bin', mime_type="image/png")
    two = await node.stored(b"two")

    given = await node.run(
        {"one": one, "all": [one, two], "not": "text"},
        url=f"{peer.url}/", method="post",
        body=body(
            "form-data", text("t", "k"), file("two", "gone"), file("one", "last wins"),
            file("all", "last wins"), file("not", "skipped"),
        ),
    )  # fmt: skip

    boundary = peer.only.headers["content-type"].partition("boundary=")[2]
    assert (
        peer.only.body
        == (
            f'--{boundary}\r\nContent-Disposition: form-data; name="k"\r\n\r\nt\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="last wins"; '
            'filename="a%22b.bin"\r\nContent-Type: image/png\r\n\r\n\x00one\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="last wins"\r\n'
            f"Content-Type: application/octet-stream\r\n\r\ntwo\r\n--{boundary}--\r\n"
        ).encode()
    )
    assert "<file_content_binary: 'a\"b.bin', type='image/png', size=4 bytes>" in given.log
    assert "<file_content_binary: 'unknown', type='application/octet-stream'" in given.log


async def test_5_8_a_binary_body_is_the_file(peer: HttpPeer, node: NodeRunner) -> None:
    one = await node.stored(bytes(range(256)) * 5000)

    given = await node.run({"one": one}, url=f"{peer.url}/", method="post",
                           body=body("binary", file("one")))  # fmt: skip

    assert peer.only.body == bytes(range(256)) * 5000
    assert given.log.endswith("\r\n\r\n<binary_content: size=1280000 bytes>")


async def test_5_8_the_log_shows_the_request_with_secrets_masked(
    peer: HttpPeer, node: NodeRunner
) -> None:
    given = await node.run(
        {"key": secret("sk-0123456789"), "o": {"a": 1}},
        url=f"{peer.url}/p", method="post", params="k:{{#n.key#}}", headers="X-K: {{#n.key#}}",
        body=body("json", text('{"k": "{{#n.key#}}", "o": {{#n.o#}}}')),
    )  # fmt: skip

    shown = '{"k": "sk-012************89", "o": {"a": 1}}'
    assert given.log == (
        "POST /p?k=sk-012%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A%2A89 HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{peer.port}\r\nX-K: sk-012************89\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(shown)}\r\n\r\n{shown}"
    )
    assert peer.only.target == "/p?k=sk-0123456789"
    assert peer.only.json == {"k": "sk-0123456789", "o": {"a": 1}}


async def test_a_password_in_the_url_is_sent_and_not_shown(
    peer: HttpPeer, node: NodeRunner
) -> None:
    given = await node.run(url=f"http://me:hunter22@127.0.0.1:{peer.port}/")

    assert peer.only.headers["authorization"] == "Basic bWU6aHVudGVyMjI="
    assert "hunter22" not in given.log


async def test_inv_10_a_request_carries_the_idempotency_key_of_its_try(
    peer: HttpPeer, node: NodeRunner
) -> None:
    await node.run(url=f"{peer.url}/")
    await node.run(url=f"{peer.url}/", headers="idempotency-key: mine")

    keys = [re.findall(r"(?i)idempotency-key: \S+", r.head.decode()) for r in peer.requests]
    assert keys == [
        ["Idempotency-Key: 4b0cf8d2-0000-5000-8000-000000000001"],
        ["idempotency-key: mine"],
    ]
