from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest

from domain.client_network import canonical_address, network_of, parse_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", IPv4Address("203.0.113.7")),
        ("::ffff:203.0.113.7", IPv4Address("203.0.113.7")),
        ("2001:db8::7", IPv6Address("2001:db8::7")),
        ("fe80::1%eth0", IPv6Address("fe80::1")),
        ("203.0.113.7%eth0", None),
        ("-", None),
    ],
)
def test_what_is_an_address_is_read_as_one(text: str, address: IPv4Address | IPv6Address | None) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("0000:0000:0000:0000:0000:ffff:203.100.113.107", "203.100.113.107"),
        ("fe80::1%eth0", "fe80::/64"),
        ("-", "-"),
        ("", ""),
    ],
)
def test_failures_are_counted_by_the_network_of_one_subscriber(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::FFFF:203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        ("203.0.113.7%eth0", "203.0.113.7%eth0"),
        ("203.0.113.007", "203.0.113.007"),
        ("-", "-"),
        ("", ""),
    ],
)
def test_equal_addresses_are_written_in_one_way_and_what_is_none_stays_as_it_is(text: str, written: str) -> None:
    assert canonical_address(text) == written
