"""The address guard: no author's URL leads to an address that is not for authors (invariant 20).

The guard is part of the network itself: a connection goes to the very address that was checked, so
neither a name that changes its answer nor a redirect nor an odd spelling can get around it.
"""

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import httpcore

from schema.addresses import (
    Address,
    AddressList,
    parse_address,
    refusal_of,
    refusal_of_name,
)
from schema.errors import AddressRefused

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) to its addresses; called once for each connection.

Raises:
    OSError: If the name has none.
"""

_MOST_ADDRESSES = 8
"""Of one name; further ones are not tried."""
_HIGHEST_PORT = 65_535


class AddressGuard:
    """Knows which hosts and addresses an author may reach.

    Args:
        allowed: What the operator allows although it is private, loopback or the like.
    """

    def __init__(self, allowed: AddressList = AddressList()) -> None:  # noqa: B008 (frozen)
        self._allowed = allowed

    def check(self, host: str, addresses: Iterable[str]) -> list[str]:
        """Give the addresses of a host, each of them checked.

        Raises:
            AddressRefused: If one of them is not for authors; then none is used.
        """
        found = list(dict.fromkeys(addresses))
        if not self._allowed.has_host(host):
            for address in found:
                self._check_address(host, parse_address(address))
        return found

    def check_unresolved(self, host: str) -> None:
        """Check what can be known without resolving a name: where a proxy resolves it.

        Raises:
            AddressRefused: If the name, or the address that it spells, is not for authors.
        """
        if self._allowed.has_host(host):
            return
        if (kind := refusal_of_name(host)) is not None:
            raise AddressRefused(host, f"it is a {kind} name")
        for address in _spelled_out(host):
            self._check_address(host, parse_address(address))

    def _check_address(self, host: str, address: Address) -> None:
        kind = refusal_of(address)
        if kind is not None and not self._allowed.has_address(address):
            raise AddressRefused(host, f"it is at the {kind} address {address}")


class SystemResolver:
    """Asks the system for addresses, in threads of its own: one that hangs delays nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(16, "resolve")

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Give a host's addresses in the system's order of preference.

        Raises:
            OSError: If the name has none.
        """
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return _addresses(found)

    def close(self) -> None:
        """Let the threads end; nobody waits for a name any more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only: resolves a name once, checks, takes what it checked.

    TLS and the `Host` header still name the host, as they come from the URL.
    """

    def __init__(self, guard: AddressGuard, resolve: Resolve) -> None:
        self._guard = guard
        self._resolve = resolve
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's signature)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Open a connection.

        Raises:
            AddressRefused: If the host is at an address that is not for authors.
            httpcore.ConnectError: If no address answers, or there is none.
            httpcore.ConnectTimeout: If that takes too long.
        """
        if not 0 < port <= _HIGHEST_PORT:
            raise httpcore.ConnectError(f"there is no port {port}")
        try:
            async with asyncio.timeout(timeout):
                addresses = self._guard.check(host, await self._addresses(host, port))
                return await self._connect_any(addresses[:_MOST_ADDRESSES], port, timeout)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"no connection to {host!r} in time") from error

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 (httpcore's signature)
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no URL leads to a file.

        Raises:
            AddressRefused: Always.
        """
        raise AddressRefused(path, "it is a file")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            parse_address(host)
            return [host]
        except ValueError:
            pass  # a name, or a spelling of an address that only the system reads
        try:
            return await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error

    async def _connect_any(
        self, addresses: Sequence[str], port: int, seconds: float | None
    ) -> httpcore.AsyncNetworkStream:
        """Try one address after the other, each for its share of the time."""
        share = None if seconds is None else seconds / max(1, len(addresses))
        failure: Exception = httpcore.ConnectError("the name has no address")
        for address in addresses:
            try:
                return await self._network.connect_tcp(address, port, share)
            except httpcore.ConnectTimeout as error:
                failure = error
            except httpcore.ConnectError as error:
                failure = httpcore.ConnectError(_reason(error))
        raise failure


def _spelled_out(host: str) -> Sequence[str]:
    """Give the address that a text spells in any notation that the system reads; no look-up."""
    try:
        return _addresses(socket.getaddrinfo(host, None, flags=socket.AI_NUMERICHOST))
    except (OSError, UnicodeError):
        return ()


def _addresses(found: Iterable[tuple[Any, ...]]) -> list[str]:
    return [str(entry[4][0]) for entry in found]


def _reason(error: BaseException) -> str:
    """Find the system's error behind those of the libraries, and write it as Python does."""
    cause: BaseException | None = error
    while cause is not None:
        number = cause.errno if isinstance(cause, OSError) else None
        if number is not None and number in errno.errorcode:
            return f"[Errno {number}] {os.strerror(number)}"
        cause = cause.__cause__
    return str(error)
