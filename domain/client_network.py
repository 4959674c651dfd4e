"""What failures are counted by when they are counted by client: the network that one subscriber is given."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

_SUBSCRIBER_BITS: Final = 64
"""The smallest network that an IPv6 subscriber gets (RFC 6177): who has one address of it has all of them."""


def network_of(address: str) -> str:
    """Return what failures from `address` are counted by.

    That is an IPv4 address itself, also where it is written as an IPv6 one (::ffff:203.0.113.7); the /64 of an IPv6
    address; and what is no address, as it is.
    """
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), _SUBSCRIBER_BITS), strict=False))
