"""What a node makes of an answer: text or file, and neither large ones nor odd ones change."""

import asyncio
import hashlib
import json
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from activities.values import SpooledValue
from schema.errors import NodeError
from schema.limits import LimitsProfile
from schema.values.files import File, FileType
from tests.http_peer import HttpPeer, answering, http_peer, redirecting, streaming
from tests.integration.http.node import NodeRunner, body, file, text

pytestmark = pytest.mark.anyio

MIB = 1024**2
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))


@pytest.mark.parametrize(
    ("headers", "content", "is_file"),
    [
        ({"Content-Type": "text/plain"}, b"a", False),
        ({"Content-Type": "text/html; charset=utf-8"}, b"\xff", False),
        ({"Content-Type": ""}, b"\x00\xff", False),
        ({"Content-Type": "application/json"}, b"{\xff", False),
        ({"Content-Type": "application/vnd.api+json"}, b"{}", False),
        ({"Content-Type": "application/xhtml+xml"}, b"x", False),
        ({"Content-Type": "application/octet-stream"}, b"{text}", False),
        ({"Content-Type": "application/octet-stream"}, b"plain text", True),
        ({"Content-Type": "application/octet-stream"}, b"{\xff", True),
        ({"Content-Type": "application/x-unknown"}, b"let x", False),
        ({"Content-Type": "application/x-unknown"}, b"\x00", False),
        ({"Content-Type": "application/pdf"}, b"%PDF-1.7 \xff", True),
        ({"Content-Type": "image/png"}, PNG, True),
        ({"Content-Type": "IMAGE/PNG; x=y"}, PNG, True),
        ({"Content-Type": "image/x-unheard-of"}, b"a", True),
        ({"Content-Type": "audio/mpeg"}, b"a", True),
        ({"Content-Type": "video/mp4"}, b"a", True),
        ({"Content-Type": "text/csv"}, b"a,b", False),
        ({"Content-Type": "text/plain", "Content-Disposition": "attachment"}, b"a", True),
        ({"Content-Type": "", "Content-Disposition": 'inline; filename="a.txt"'}, b"a", True),
        ({"Content-Type": "text/plain", "Content-Disposition": "inline"}, b"a", False),
    ],
)
async def test_5_8_what_is_a_file(
    peer: HttpPeer, node: NodeRunner, headers: dict[str, str], content: bytes, is_file: bool
) -> None:
    peer.answers["/"] = answering(content, headers=headers)

    given = await node.run(url=f"{peer.url}/")

    assert [isinstance(each, File) for each in given.outputs["files"]] == [True] * is_file
    assert (given.outputs["body"] == "") is is_file
    if is_file:
        assert await node.content(given.file) == content


async def test_5_8_outputs_have_the_names_and_types_of_dify(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = answering("ok", 201, headers={"X-One": "1", "SET-COOKIE": "a=b"})

    output = await node.send(url=f"{peer.url}/")

    assert {name: (wire["type"], wire["value"]) for name, wire in output.outputs.items()} == {
        "status_code": ("integer", 201),
        "body": ("string", "ok"),
        "headers": (
            "object",
            {
                "content-type": "text/plain",
                "x-one": "1",
                "set-cookie": "a=b",
                "content-length": "2",
            },
        ),
        "files": ("array[file]", []),
    }
    assert output.inputs is None
    assert list(output.process_data or {}) == ["request"]


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/a/pic.png", {"Content-Type": "image/png"}, ("pic.png", ".png", "image/png")),
        ("/a/pic", {"Content-Type": "image/png"}, ("pic", ".png", "image/png")),
        (
            "/",
            {"Content-Disposition": 'attachment; filename="../../etc/pass wd.pdf"'},
            ("pass wd.pdf", ".pdf", "application/pdf"),
        ),
        (
            "/x.bin",
            {"Content-Disposition": "attachment; filename*=UTF-8''na%C3%AFve%20%F0%9F%A4%96.txt"},
            ("naïve 🤖.txt", ".txt", "text/plain"),
        ),
        (
            "/x.bin",
            {"Content-Disposition": 'attachment; filename="a\\\\b\\\\c.csv"'},
            ("c.csv", ".csv", "text/csv"),
        ),
        ("/%e4%b8%ad.zip", {"Content-Type": "application/zip"}, ("中.zip", ".zip", None)),
    ],
)
async def test_5_8_files_are_named_by_the_answer_or_by_the_url(
    peer: HttpPeer, node: NodeRunner, path: str, headers: dict[str, str], expected: tuple[Any, ...]
) -> None:
    peer.answers[path] = answering(PNG, headers=headers)

    found = (await node.run(url=f"{peer.url}{path}")).file

    name, extension, mime = expected
    assert (found.filename, found.extension) == (name, extension)
    assert mime is None or found.mime_type == mime
    assert found.size == len(PNG)
    assert found.reference == hashlib.sha256(PNG).hexdigest()


async def test_a_file_without_a_name_is_called_by_its_content(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = answering(PNG, headers={"Content-Type": "image/png"})

    found = (await node.run(url=f"{peer.url}/")).file

    assert found.filename == f"{hashlib.sha256(PNG).hexdigest()[:32]}.png"
    assert found.type is FileType.IMAGE


async def test_a_file_is_named_by_the_url_that_gave_it(peer: HttpPeer, node: NodeRunner) -> None:
    peer.answers["/"] = redirecting("/there/real.png?x=a/b.gif")
    peer.answers["/there/real.png"] = answering(PNG, headers={"Content-Type": "image/png"})

    assert (await node.run(url=f"{peer.url}/")).file.filename == "real.png"


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        ("né".encode(), "text/plain", "né"),
        ("né".encode("latin-1"), "text/plain; charset=ISO-8859-1", "né"),
        ("né".encode("utf-16"), 'text/plain; charset="utf-16"', "né"),
        ("né".encode(), "text/plain; charset=no-such", "né"),
        ("né".encode(), "text/plain; charset=ascii", "né"),
        ("né".encode(), "text/plain; charset=zip", "né"),
        (("这是一个测试。" * 50).encode("gb18030"), "text/plain", "这是一个测试。" * 50),
        (b"", "text/plain", ""),
        (b"a\x00b", "text/plain", "a\x00b"),
    ],
)
async def test_5_8_text_is_read_as_its_answer_says_or_as_it_looks(
    peer: HttpPeer, node: NodeRunner, content: bytes, kind: str, expected: str
) -> None:
    peer.answers["/"] = answering(content, headers={"Content-Type": kind})

    assert (await node.run(url=f"{peer.url}/")).outputs["body"] == expected


@pytest.mark.parametrize(
    ("size", "kind", "profile", "message"),
    [
        (MIB, "text/plain", LimitsProfile.DIFY, None),
        (
            MIB + 1,
            "text/plain",
            LimitsProfile.DIFY,
            "Text size is too large, max size is 1.00 MB, but current size is 1.00 MB.",
        ),
        (10 * MIB, "image/png", LimitsProfile.DIFY, None),
        (
            11 * MIB,
            "image/png",
            LimitsProfile.DIFY,
            "File size is too large, max size is 10.00 MB, but current size is 11.00 MB.",
        ),
        (MIB + 1, "text/plain", LimitsProfile.GENEROUS, None),
        (11 * MIB, "image/png", LimitsProfile.GENEROUS, None),
    ],
)
async def test_5_8_sizes_of_both_profiles(
    peer: HttpPeer,
    node: NodeRunner,
    size: int,
    kind: str,
    profile: LimitsProfile,
    message: str | None,
) -> None:
    peer.answers["/"] = streaming(size, kind)

    if message is None:
        given = await node.run(limits=profile, url=f"{peer.url}/")
        files = given.outputs["files"]
        assert (files[0].size if files else len(given.outputs["body"])) == size
    else:
        with pytest.raises(NodeError) as failed:
            await node.run(limits=profile, url=f"{peer.url}/")
        assert (str(failed.value), failed.value.error_type) == (message, "ResponseSizeError")


async def test_inv_15_a_large_text_is_spooled_as_the_text_of_its_value(
    peer: HttpPeer, node: NodeRunner
) -> None:
    content = ('é "quoted" \\ 中 🤖\n' * 200_000).encode()
    peer.answers["/"] = answering(content, headers={"Content-Type": "application/json"})

    output = await node.send(limits=LimitsProfile.GENEROUS, url=f"{peer.url}/")

    spooled = output.outputs["body"]
    assert isinstance(spooled, SpooledValue)
    encoded = await asyncio.to_thread(spooled.path.read_bytes)
    spooled.path.unlink()
    assert encoded.isascii()
    assert json.loads(encoded).encode() == content


async def test_a_large_text_in_another_encoding_is_found_out(
    peer: HttpPeer, node: NodeRunner
) -> None:
    words = "这是一个测试。" * 200_000
    peer.answers["/"] = answering(words.encode("gb18030"))

    given = await node.run(limits=LimitsProfile.GENEROUS, url=f"{peer.url}/")

    assert given.outputs["body"] == words


@pytest.mark.parametrize("kind", ["raw-text", "form-data"])
async def test_inv_15_a_large_variable_goes_from_the_store_to_the_peer(
    peer: HttpPeer, node: NodeRunner, kind: str
) -> None:
    peer.answers["/"] = answering("ok")
    words, fields = "é 🤖\n" * 400_000, {"k": ['中"\\', 1, 1.0, None] * 100_000}
    template = "<{{#n.s#}}|{{#n.o#}}>"

    given = await node.run(
        {"s": words, "o": fields}, url=f"{peer.url}/", method="post",
        body=body(kind, text(template, "k")),
    )  # fmt: skip

    sent = f"<{words}|{json.dumps(fields, ensure_ascii=False)}>".encode()
    assert sent in peer.only.body
    assert given.log.endswith(f"<text_content: size={len(peer.only.body)} bytes>")


async def test_inv_15_a_large_object_that_is_the_whole_body_is_sent_compactly(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = answering("ok")
    fields = {"k": ['中"\\', 1, 1.0, None] * 100_000}

    await node.run({"o": fields}, url=f"{peer.url}/", method="post",
                   body=body("json", text("{{#n.o#}}")))  # fmt: skip

    written = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    assert peer.only.body == written.encode()


async def test_a_large_object_with_a_file_in_it_shows_the_files_fields(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = answering("ok")
    stored = await node.stored(b"x", filename="a.txt")

    await node.run({"o": {"f": stored, "t": "x" * 2 * MIB}}, url=f"{peer.url}/", method="post",
                   body=body("raw-text", text("{{#n.o#}}")))  # fmt: skip

    assert peer.only.json["f"] == stored.to_dict()


async def test_a_large_variable_is_read_whole_where_it_must_be(
    peer: HttpPeer, node: NodeRunner
) -> None:
    peer.answers["/"] = answering("ok")
    fields = {"a": "b", "t": "x" * 2 * MIB}

    await node.run({"o": fields}, url=f"{peer.url}/?a={{{{#n.o.a#}}}}", method="post",
                   body=body("raw-text", text("{{#n.o#}}")))  # fmt: skip

    assert peer.only.target == "/?a=b"
    assert peer.only.json == fields


async def test_half_a_surrogate_pair_cannot_be_sent(peer: HttpPeer, node: NodeRunner) -> None:
    for variable in ("\ud800", "x" * 2 * MIB + "\ud800"):
        with pytest.raises(NodeError, match="UTF-8 cannot carry"):
            await node.run({"s": variable}, url=f"{peer.url}/", method="post",
                           body=body("raw-text", text("{{#n.s#}}")))  # fmt: skip

    assert peer.requests == []


async def test_a_remote_file_is_fetched_through_the_guard(
    peer: HttpPeer, other_peer: HttpPeer, node: NodeRunner
) -> None:
    other_peer.answers["/f.bin"] = answering(PNG)
    peer.answers["/"] = answering("ok")
    fields = {"type": "custom", "transfer_method": "remote_url", "filename": "f.bin"}
    here = File.from_dict({**fields, "remote_url": f"{other_peer.url}/f.bin"})
    inside = File.from_dict({**fields, "remote_url": "http://10.0.0.1/f.bin"})
    binary = body("binary", file("f"))

    await node.run({"f": here}, url=f"{peer.url}/", method="post", body=binary)
    with pytest.raises(NodeError, match="blocked by SSRF protection") as failed:
        await node.run({"f": inside}, url=f"{peer.url}/", method="post", body=binary)

    assert peer.only.body == PNG
    assert failed.value.error_type == "FileFetchError"


async def test_a_file_that_is_gone_fails_the_node(peer: HttpPeer, node: NodeRunner) -> None:
    gone = File.from_dict(
        {"type": "custom", "transfer_method": "tool_file", "reference": "0" * 64, "filename": "g"}
    )

    with pytest.raises(NodeError, match="The file 'g' cannot be fetched") as failed:
        await node.run(
            {"f": gone}, url=f"{peer.url}/", method="post", body=body("binary", file("f"))
        )

    assert failed.value.error_type == "FileFetchError"


async def test_ssl_verify_decides_whom_https_trusts(node: NodeRunner, tmp_path: Path) -> None:
    context = self_signed(tmp_path)

    async with http_peer(context) as peer:
        peer.answers["/"] = answering("secure")
        with pytest.raises(NodeError, match="CERTIFICATE_VERIFY_FAILED"):
            await node.run(url=f"{peer.url}/")
        given = await node.run(url=f"{peer.url}/", ssl_verify=False)

    assert given.outputs["body"] == "secure"


def self_signed(folder: Path) -> ssl.SSLContext:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=peer", "-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=folder, check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize("direction", ["text there", "text back", "file back"])
def test_inv_15_a_hundred_megabytes_are_never_whole_in_memory(
    direction: str, tmp_path: Path
) -> None:
    """In a process of its own, whose peak is its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "tests.integration.http.large", direction, str(tmp_path)],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip

    grown = float(ended.stdout)
    assert grown < 60 * MIB, f"{grown / MIB:.0f} MiB"
