"""The content of files as an activity reads it: from the store, or from where they are."""

import asyncio
import contextlib
import gzip
import hashlib
from collections.abc import AsyncIterator, Callable

import pytest

from activities.tools.address_guard import AddressGuard
from activities.tools.content_decoding import PIECE_BYTES
from activities.tools.http_client import HttpClient
from activities.tools.remote_files import GuardedFiles
from activities.values import ValueReader
from schema.addresses import AddressList
from schema.db.artifacts import ArtifactFiles
from schema.errors import AddressRefused, InvalidNodeInput, RequestFailed
from schema.values.files import File, FileType, TransferMethod
from schema.values.remote_files import FileDescription

pytestmark = pytest.mark.anyio

CONTENT = b"content\n" * 300_000
Answer = Callable[[str], tuple[str, dict[str, str], bytes]]
"""Method to status line, headers and body."""


@contextlib.asynccontextmanager
async def a_server(answer: Answer, asked: list[str]) -> AsyncIterator[str]:
    """A peer on loopback that answers each request and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method = head.split(" ", 1)[0]
        asked.append(method)
        status, headers, body = answer(method)
        fields = {"Connection": "close", "Content-Length": str(len(body)), **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        writer.write(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode())
        with contextlib.suppress(ConnectionError):
            if method != "HEAD":
                writer.write(body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/folder/report.pdf?x=1"
        server.close()


@pytest.fixture
async def remote() -> AsyncIterator[GuardedFiles]:
    client = HttpClient(AddressGuard(AddressList.parse(["127.0.0.1"])))
    yield GuardedFiles(client)
    await client.aclose()


def found(_method: str) -> tuple[str, dict[str, str], bytes]:
    return "200 OK", {"Content-Type": "application/pdf"}, CONTENT


def head_refused(status: str) -> Answer:
    def answer(method: str) -> tuple[str, dict[str, str], bytes]:
        return (status, {}, b"") if method == "HEAD" else found(method)

    return answer


def a_remote_file(url: str) -> File:
    return File(FileType.DOCUMENT, TransferMethod.REMOTE_URL, remote_url=url, filename="report.pdf")


async def content(reader: ValueReader, file: File) -> bytes:
    return b"".join([piece async for piece in reader.file(file)])


@pytest.mark.parametrize(
    ("answer", "methods"),
    [
        (found, ["HEAD"]),
        (head_refused("405 Method Not Allowed"), ["HEAD", "GET"]),
        (head_refused("501 Not Implemented"), ["HEAD", "GET"]),
    ],
    ids=["head", "405", "501"],
)
async def test_a_remote_file_is_asked_for_its_description(
    remote: GuardedFiles, answer: Answer, methods: list[str]
) -> None:
    asked: list[str] = []
    async with a_server(answer, asked) as url:
        described = await remote.describe(url)

    expected = FileDescription("report.pdf", ".pdf", "application/pdf", len(CONTENT))
    assert (described, asked) == (expected, methods)


async def test_a_server_that_says_nothing_leaves_a_file_to_its_url(remote: GuardedFiles) -> None:
    async with a_server(lambda _: ("404 Not Found", {}, b"gone"), []) as url:
        described = await remote.describe(url)

    assert described == FileDescription("report.pdf", ".pdf", "application/pdf", -1)


async def test_a_server_that_does_not_answer_is_an_error(remote: GuardedFiles) -> None:
    async with a_server(found, []) as url:
        pass

    with pytest.raises(RequestFailed, match="cannot be reached"):
        await remote.describe(url)


async def test_inv_20_remote_files_pass_the_address_guard() -> None:
    client = HttpClient(AddressGuard())
    asked: list[str] = []
    async with a_server(found, asked) as url:
        with pytest.raises(AddressRefused):
            await GuardedFiles(client).describe(url)
        with pytest.raises(AddressRefused):
            async for _ in GuardedFiles(client).stream(url):
                pass
    await client.aclose()

    assert asked == []


async def test_the_content_of_a_remote_file_is_fetched_when_it_is_used(
    artifacts: ArtifactFiles, remote: GuardedFiles
) -> None:
    asked: list[str] = []
    async with a_server(found, asked) as url:
        reader = ValueReader(artifacts, "local", remote_files=remote)
        file = a_remote_file(url)
        before = list(asked)
        read = await content(reader, file)

    assert (before, asked, read) == ([], ["GET"], CONTENT)
    assert await reader.file_size(file) is None


async def test_inv_20_a_remote_file_that_unfolds_without_end_is_cut_off() -> None:
    client = HttpClient(AddressGuard(AddressList.parse(["127.0.0.1"])))
    bomb = gzip.compress(bytes(20_000_000))
    sizes: list[int] = []

    async def read(url: str) -> None:
        async for piece in GuardedFiles(client, largest_bytes=1_000_000).stream(url):
            sizes.append(len(piece))

    async with a_server(lambda _: ("200 OK", {"Content-Encoding": "gzip"}, bomb), []) as url:
        with pytest.raises(RequestFailed, match="larger than 1,000,000 bytes"):
            await read(url)
    await client.aclose()

    assert sum(sizes) <= 1_000_000
    assert max(sizes) <= PIECE_BYTES


async def test_a_remote_file_that_is_gone_is_an_error_of_the_node(
    artifacts: ArtifactFiles, remote: GuardedFiles
) -> None:
    async with a_server(lambda _: ("404 Not Found", {}, b"gone"), []) as url:
        with pytest.raises(RequestFailed, match="404"):
            await content(ValueReader(artifacts, "local", remote_files=remote), a_remote_file(url))


async def test_inv_15_the_content_of_a_stored_file_comes_from_the_store(
    artifacts: ArtifactFiles,
) -> None:
    ref = await artifacts.put("local", CONTENT, "application/pdf", "file", "")
    file = File(FileType.DOCUMENT, TransferMethod.LOCAL_FILE, reference=ref.sha256)

    reader = ValueReader(artifacts, "local")

    assert hashlib.sha256(await content(reader, file)).hexdigest() == ref.sha256
    assert await reader.file_size(file) == len(CONTENT)


async def test_inv_21_a_file_of_another_tenant_has_no_content(artifacts: ArtifactFiles) -> None:
    ref = await artifacts.put("other", CONTENT, "application/pdf", "file", "")
    file = File(FileType.DOCUMENT, TransferMethod.LOCAL_FILE, reference=ref.sha256)

    reader = ValueReader(artifacts, "local")

    assert await reader.file_size(file) is None
    with pytest.raises(InvalidNodeInput, match="not stored here"):
        await content(reader, file)


async def test_a_file_without_a_content_of_ours_is_an_error_of_the_node(
    artifacts: ArtifactFiles,
) -> None:
    file = File(FileType.IMAGE, TransferMethod.TOOL_FILE, reference="../../etc/passwd")

    with pytest.raises(InvalidNodeInput, match="not stored here"):
        await content(ValueReader(artifacts, "local"), file)
