"""Peers on loopback, and clients whose operator allows it."""

from collections.abc import AsyncIterator

import pytest

from activities.tools.address_guard import AddressGuard
from activities.tools.http_client import HttpClient
from schema.addresses import AddressList
from tests.http_peer import HttpPeer, http_peer


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
    """A client that may reach loopback, with little patience."""
    opened = HttpClient(AddressGuard(AddressList.parse(["127.0.0.0/8"])), seconds=20)
    yield opened
    await opened.aclose()
