"""The network that one subscriber is given, by which failures of a client are counted."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

_SUBSCRIBER_BITS: Final = 64
"""The smallest network that an IPv6 subscriber gets (RFC 6177): who has one address of it has all of them."""
_ADDRESS_CHARS_MAX: Final = 45
"""Longest text of an address: IPv6, written in full and ending in an IPv4 one."""
_REMEMBERED_MAX: Final = 1_000


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a text stands for; None for none.

    An IPv4 address that is written as an IPv6 one (::ffff:203.0.113.7) is the IPv4 address. The zone of an IPv6 address
    (fe80::1%eth0), which may be of any length, is left out: it means nothing on another machine.
    """
    host, percent, _ = text.partition("%")
    if len(host) > _ADDRESS_CHARS_MAX or (percent and ":" not in host):
        return None
    return _parsed(host)


def canonical_address(text: str) -> str:
    """Return the one way to write an address (RFC 5952), so that equal ones are equal texts; else the text as it is."""
    return _canonical(text) if len(text) <= _ADDRESS_CHARS_MAX else _canonical_of(text)


# Each request comes to it several times, and an IPv6 address takes 20 microseconds.
@lru_cache(maxsize=_REMEMBERED_MAX)
def _parsed(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _canonical_of(text: str) -> str:
    address = parse_address(text)
    return text if address is None else str(address)


_canonical = lru_cache(maxsize=_REMEMBERED_MAX)(_canonical_of)


def network_of(address: str) -> str:
    """Return what failures from `address` are counted by.

    That is an IPv4 address itself, also where it is written as an IPv6 one (::ffff:203.0.113.7); the /64 of an IPv6
    address; and what is no address, as it is.
    """
    parsed = parse_address(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((int(parsed), _SUBSCRIBER_BITS), strict=False))
    return address if parsed is None else str(parsed)
