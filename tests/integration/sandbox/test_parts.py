"""Values go in and come out whole, whatever their size, and are never held by the worker."""

import asyncio
import hashlib
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.sandbox.exchange import SPOOLED_BYTES
from activities.sandbox.fork_server_sandbox import ForkServerSandbox
from activities.sandbox.job import Job, JobLimits, JobPart, ResultPart
from schema.errors import ArtifactStoreUnavailable
from tests.integration.sandbox.running import TENANT, find

pytestmark = pytest.mark.anyio

MIB = 1024**2


def content_of(part: ResultPart) -> bytes:
    return part.content if isinstance(part.content, bytes) else part.content.read_bytes()


async def blocks(size: int) -> AsyncIterator[bytes]:
    """Content in pieces, some larger than a frame may be."""
    for start in range(0, size, MIB):
        yield bytes([start // MIB % 256]) * min(MIB, size - start)


@pytest.mark.parametrize("size", [0, 1, SPOOLED_BYTES, SPOOLED_BYTES + 1, 5 * MIB + 3])
async def test_part_comes_back_as_it_went(sandbox: ForkServerSandbox, size: int) -> None:
    given = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    job = Job("echo", {"a": "\ud800"}, [JobPart("one", given), JobPart("two", b"2")])

    async with sandbox.run(TENANT, job) as result:
        one, two = result.parts

        assert result.header["header"]["a"] == "\ud800"
        assert content_of(one) == given
        assert (one.size, one.meta) == (size, {"size": size})
        assert isinstance(one.content, Path) == (size > SPOOLED_BYTES)
        assert two.content == b"2"


async def test_inv_15_a_large_value_passes_without_being_held(
    strongest: ForkServerSandbox,
) -> None:
    size = 100 * MIB
    expected = hashlib.sha256()
    async for block in blocks(size):
        expected.update(block)
    await find(strongest, "pass")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # The child holds it once, and gives it back in pieces.
    limits = JobLimits(seconds=60, memory_bytes=3 * size)
    job = Job("echo", {}, [JobPart("large", blocks(size))], limits)

    async with strongest.run(TENANT, job) as result:
        (part,) = result.parts
        assert isinstance(part.content, Path)
        with part.content.open("rb") as file:
            assert hashlib.file_digest(file, "sha256").digest() == expected.digest()
        path = part.content

    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 32 * 1024, f"{grown} KiB"
    assert not path.exists()


async def test_program_need_not_read_its_job(strongest: ForkServerSandbox) -> None:
    job = Job(
        "python",
        {"source": "found['done'] = True", "given": {}},
        [JobPart("unread", blocks(20 * MIB))],
    )

    async with strongest.run(TENANT, job) as result:
        assert result.header == {"done": True}


async def test_failure_of_a_source_ends_the_job(strongest: ForkServerSandbox) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x" * MIB
        raise ArtifactStoreUnavailable("gone")

    job = Job("echo", {}, [JobPart("part", failing())])

    with pytest.raises(ArtifactStoreUnavailable, match="gone"):
        async with strongest.run(TENANT, job):
            pass

    assert await find(strongest, "found['next'] = 1") == {"next": 1}


async def test_files_of_a_result_are_removed_when_its_reader_fails(
    strongest: ForkServerSandbox,
) -> None:
    job = Job("echo", {}, [JobPart("part", b"x" * MIB)])
    paths: list[Path] = []
    opened = asyncio.Event()

    async def read() -> None:
        async with strongest.run(TENANT, job) as result:
            paths.extend(part.content for part in result.parts if isinstance(part.content, Path))
            opened.set()
            await asyncio.sleep(3600)

    reading = asyncio.create_task(read())
    await asyncio.wait_for(opened.wait(), 10)
    assert paths[0].exists()
    reading.cancel()
    await asyncio.wait({reading})

    assert not paths[0].exists()
    assert not paths[0].parent.exists()
