"""Peers on loopback, and clients whose operator allows it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from activities.tools.address_guard import AddressGuard
from activities.tools.http_client import HttpClient
from schema.addresses import AddressList
from schema.db.artifacts import ArtifactFiles
from tests.http_peer import HttpPeer, http_peer
from tests.integration.http.node import NodeRunner


@pytest.fixture
async def peer() -> AsyncIterator[HttpPeer]:
    async with http_peer() as opened:
        yield opened


@pytest.fixture
async def other_peer() -> AsyncIterator[HttpPeer]:
    async with http_peer() as opened:
        yield opened


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    """A client that may reach loopback, where every name is 127.0.0.1."""

    async def everything_is_here(_host: str, _port: int) -> list[str]:
        return ["127.0.0.1"]

    guard = AddressGuard(AddressList.parse(["127.0.0.0/8"]))
    opened = HttpClient(guard, seconds=60, resolve=everything_is_here)
    yield opened
    await opened.aclose()


@pytest.fixture
def node(client: HttpClient, tmp_path: Path) -> NodeRunner:
    return NodeRunner(client, ArtifactFiles(str(tmp_path / "artifacts")))
