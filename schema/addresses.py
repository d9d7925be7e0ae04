"""Hosts and networks as an operator lists them, and which addresses are not for authors.

Pure: nothing is resolved here. The guard that uses it is `activities/tools/address_guard.py`.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class AddressList:
    """What an operator lists: names of hosts, single addresses, networks.

    Example:
        >>> listed = AddressList.parse(["api.internal", "10.0.0.0/8"])
        >>> listed.has_host("API.internal."), listed.has_address(parse_address("10.1.2.3"))
        (True, True)
    """

    hosts: frozenset[str] = frozenset()
    """In lower case; all addresses of such a host count as listed."""
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "AddressList":
        """Read a list; what is no network is the name of a host.

        Raises:
            ValueError: If an entry is neither, with the entry in the message.
        """
        hosts: set[str] = set()
        networks: list[Network] = []
        for entry in entries:
            network = _network(entry)
            if network is not None:
                networks.append(network)
            elif _is_host(entry):
                hosts.add(plain_host(entry))
            else:
                raise ValueError(f"{entry!r} is neither a host nor a network such as 10.0.0.0/8")
        return cls(frozenset(hosts), tuple(networks))

    def has_host(self, host: str) -> bool:
        """Whether the name itself is listed."""
        return plain_host(host) in self.hosts

    def has_address(self, address: Address) -> bool:
        """Whether a listed network contains the address."""
        return any(
            address.version == network.version and address in network for network in self.networks
        )


def plain_host(host: str) -> str:
    """Write a host's name as it is compared.

    Example:
        >>> plain_host("Example.COM.")
        'example.com'
    """
    return host.lower().removesuffix(".")


def parse_address(text: str) -> Address:
    """Read an address; what IPv6 only wraps around an IPv4 address is that address.

    Raises:
        ValueError: If the text is no address.

    Example:
        >>> parse_address("::ffff:127.0.0.1"), parse_address("64:ff9b::a00:1")
        (IPv4Address('127.0.0.1'), IPv4Address('10.0.0.1'))
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        return _wrapped(address) or address
    return address


def refusal_of(address: Address) -> str | None:
    """Say of which kind an address is that an author may not reach; None for a public one.

    Example:
        >>> refusal_of(parse_address("169.254.169.254")), refusal_of(parse_address("1.1.1.1"))
        ('link-local', None)
    """
    for kind, networks in _REFUSED:
        if any(address.version == n.version and address in n for n in networks):
            return kind
    if address.version == 6 and address not in _GLOBAL_UNICAST:
        return "reserved"
    return None


METADATA_HOSTS = frozenset({"metadata.google.internal", "metadata.goog", "metadata"})
"""Names under which clouds answer with credentials; where a proxy resolves, the name must do."""


def refusal_of_name(host: str) -> str | None:
    """Say of which kind a name is that an author may not reach, whatever it resolves to.

    Example:
        >>> refusal_of_name("LOCALHOST."), refusal_of_name("example.com")
        ('loopback', None)
    """
    name = plain_host(host)
    if name == "localhost" or name.endswith(".localhost"):
        return "loopback"
    return "metadata" if name in METADATA_HOSTS else None


def _networks(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


# IANA's special-purpose registries, written out: `ipaddress.is_global` differs between releases.
_REFUSED: tuple[tuple[str, tuple[Network, ...]], ...] = (
    ("loopback", _networks("127.0.0.0/8", "::1/128")),
    ("unspecified", _networks("0.0.0.0/8", "::/128")),
    ("link-local", _networks("169.254.0.0/16", "fe80::/10")),
    (
        "private",
        _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10"),
    ),
    ("shared", _networks("100.64.0.0/10")),
    # Azure's platform service has a public address.
    ("metadata", _networks("168.63.129.16/32")),
    ("multicast", _networks("224.0.0.0/4", "ff00::/8")),
    (
        "reserved",
        _networks(
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
            *("64:ff9b:1::/48", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
        ),
    ),
)
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_LOWEST_COMPATIBLE = 0x1_0000
"""Below are `::`, `::1` and their neighbours, which wrap nothing."""


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    number = int(address)
    if address in _NAT64 or (address in _COMPATIBLE and number >= _LOWEST_COMPATIBLE):
        return ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    return None


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry.strip("[]"))
    except ValueError:
        return None


def _is_host(entry: str) -> bool:
    labels = plain_host(entry).split(".")
    return (
        entry.isascii()
        and not labels[-1].isdigit()
        and all(part and all(c.isalnum() or c in "-_" for c in part) for part in labels)
    )
