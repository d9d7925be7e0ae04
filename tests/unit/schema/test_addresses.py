"""Which addresses are for authors, and how an operator's list is read."""

import pytest

from schema.addresses import AddressList, parse_address, refusal_of, refusal_of_name


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1.1.1.1", None),
        ("93.184.215.14", None),
        ("2606:4700::1111", None),
        ("64:ff9b::808:808", None),
        ("2002:808:808::1", None),
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("::1", "loopback"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("10.255.0.1", "private"),
        ("172.31.255.255", "private"),
        ("172.32.0.0", None),
        ("192.168.0.1", "private"),
        ("fd12::1", "private"),
        ("fec0::1", "private"),
        ("169.254.169.254", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("100.64.0.0", "shared"),
        ("100.127.255.255", "shared"),
        ("100.128.0.0", None),
        ("168.63.129.16", "metadata"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("192.0.0.192", "reserved"),
        ("198.19.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("2001::1", "reserved"),
        ("2001:db8::1", "reserved"),
        ("100::1", "reserved"),
        ("4000::1", "reserved"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:0:0", "unspecified"),
        ("::7f00:1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("64:ff9b:1::1", "reserved"),
        ("2002:a9fe:a9fe::", "link-local"),
    ],
)
def test_inv_20_kinds_of_addresses(text: str, kind: str | None) -> None:
    assert refusal_of(parse_address(text)) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("localhost", "loopback"),
        ("Api.LocalHost.", "loopback"),
        ("notlocalhost", None),
        ("metadata.google.internal", "metadata"),
        ("example.com", None),
    ],
)
def test_inv_20_kinds_of_names(name: str, kind: str | None) -> None:
    assert refusal_of_name(name) == kind


def test_a_list_has_hosts_addresses_and_networks() -> None:
    listed = AddressList.parse(["Api.Internal", "10.0.0.0/8", "192.168.1.7", "[::1]", "fd00::/8"])

    assert listed.has_host("api.internal.")
    assert not listed.has_host("www.api.internal")
    addresses = ["10.9.9.9", "192.168.1.7", "::1", "fd00::5", "192.168.1.8", "11.0.0.1"]
    found = [text for text in addresses if listed.has_address(parse_address(text))]
    assert found == addresses[:4]


@pytest.mark.parametrize(
    "entry", ["10.0.0.0/33", "10.0.0.1/8", "http://a", "a b", "a..b", "", "10.0.0", "é.example"]
)
def test_an_entry_that_means_nothing_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match="neither a host nor a network"):
        AddressList.parse([entry])
