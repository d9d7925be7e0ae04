"""The client of URLs that authors and callers control, made from the settings."""

import contextlib
from collections.abc import AsyncIterator

from activities.tools.address_guard import AddressGuard
from activities.tools.guarded_transport import Proxies
from activities.tools.http_client import HttpClient
from activities.tools.remote_files import GuardedFiles
from schema.addresses import AddressList
from schema.settings import Settings


def build_web_client(settings: Settings) -> HttpClient:
    """Build the guarded client; whoever does closes it."""
    proxies = Proxies(settings.http_proxy, settings.https_proxy, settings.no_proxy)
    return HttpClient(AddressGuard(AddressList.parse(settings.allowed_addresses)), proxies)


@contextlib.asynccontextmanager
async def opened_remote_files(settings: Settings) -> AsyncIterator[GuardedFiles]:
    """Give what describes and reads remote files."""
    client = build_web_client(settings)
    try:
        yield GuardedFiles(client)
    finally:
        await client.aclose()
