"""The artifact store in a bucket: uploads in parts, reads that break, an endpoint that is away."""

import hashlib
import os
from pathlib import Path

import pytest

from schema.db.artifacts import ArtifactFiles
from schema.db.artifacts.objects import Objects
from schema.errors import ArtifactStoreUnavailable
from tests.fixtures_s3 import breaking_proxy, s3_environment

pytestmark = pytest.mark.anyio

MEGABYTE = 1024 * 1024


async def test_inv_15_a_large_file_is_uploaded_in_parts(
    s3_server: str, s3_location: str, tmp_path: Path
) -> None:
    data = os.urandom(20 * MEGABYTE)
    source = tmp_path / "source"
    source.write_bytes(data)
    store = ArtifactFiles(s3_location)

    ref = await store.put_file("local", source, "a/b", "file", "")

    [name] = await Objects(s3_location).list("artifacts")
    described = await Objects(s3_location).describe(f"artifacts/{name}")
    assert described is not None
    # The tag of an upload in parts ends with how many there were.
    assert str(described["e_tag"]).strip('"').endswith("-3")
    assert hashlib.sha256(await store.get("local", ref)).hexdigest() == ref.sha256


async def test_inv_15_a_read_that_breaks_goes_on_where_it_was(
    s3_server: str, s3_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(12 * MEGABYTE)
    ref = await ArtifactFiles(s3_location).put("local", data, "a/b", "string", "")

    async with breaking_proxy(s3_server, breaks=2, after=MEGABYTE) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.url)
        store = ArtifactFiles(s3_location)
        read = b"".join([piece async for piece in store.stream("local", ref)])

    assert proxy.broken == 2
    assert read == data


async def test_a_service_that_does_not_answer_is_unavailable(
    s3_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing listens on the port of discard.
    for name, value in s3_environment("http://127.0.0.1:9").items():
        monkeypatch.setenv(name, value)
    store = ArtifactFiles(s3_location)

    with pytest.raises(ArtifactStoreUnavailable) as refused:
        await store.put("local", b"content", "a/b", "string", "")

    assert len(str(refused.value)) < 500


async def test_a_bucket_that_does_not_exist_is_unavailable_for_writers(s3_location: str) -> None:
    store = ArtifactFiles("s3://no-such-bucket/x")

    with pytest.raises(ArtifactStoreUnavailable):
        await store.put("local", b"content", "a/b", "string", "")
