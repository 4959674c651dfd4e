"""Who the client is: the peer of the connection, or what the proxies in front of this service say.

A field is read from its right end, where the nearest proxy has written: what stands further left may have been sent by
the client. Nothing here looks at the same byte twice, and no expression is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TYPE_CHECKING, Final

from domain.client_network import canonical_address, parse_address

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address
    from typing import TypeAlias

    Address: TypeAlias = IPv4Address | IPv6Address

ANY_PEER: Final = "*"
PROXIES_MAX: Final = 100
"""Addresses and networks in the setting."""
HOPS_MAX: Final = 20
"""Proxies that one request comes through: entries of a field that are looked at."""
_SHOWN_CHARS_MAX: Final = 60
_PORT_DIGITS_MAX: Final = 5
_PORT_MAX: Final = 65535
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_SCHEMES: Final = frozenset({"http", "https"})
_BLANKS: Final = " \t"


class ForwardedError(Exception):
    """A trusted proxy sent a field that can't be read. The message says which, why, and what to do; no part of it."""


class Oddity(Enum):
    """What is probably set wrong although the request can be served: its name in the log."""

    NOT_BELIEVED = "forwarded_address_not_believed"
    MISSING = "forwarded_address_missing"


ADVICE: Final = {
    Oddity.NOT_BELIEVED: (
        "X-Forwarded-For came from a peer that is not trusted, so that one counts as the client. If it is your proxy,"
        " set RPAWATCH_TRUSTED_PROXY to its address."
    ),
    Oddity.MISSING: (
        "A request came from a trusted proxy without X-Forwarded-For, so the proxy counts as its client. Have it send"
        " that field; Forwarded is not read. What does not come through the proxy is odd in the same way, and may be."
    ),
}


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks. address: in its canonical form, without a zone. scheme: http or https; None when no proxy said."""

    address: str
    scheme: str | None = None
    oddity: Oddity | None = None


class TrustedProxies:
    """The proxies that are believed, as the setting names them. Raises ValueError that says what it should be.

    setting: addresses and networks with commas between them; or `*` for whoever connects, who is then the only proxy.
    """

    def __init__(self, setting: str) -> None:
        names = [name.strip() for name in setting.split(",")]
        self.is_any = names == [ANY_PEER]
        if len(names) > PROXIES_MAX:
            raise ValueError(f"has more than {PROXIES_MAX} proxies. Name the network that they are in")
        self._networks = [] if self.is_any else [_network(name) for name in names]

    def has(self, address: Address | None) -> bool:
        """Return whether this is the address of a proxy that is believed."""
        return self.is_any or (address is not None and any(address in network for network in self._networks))


def find_client(
    peer: str, proxies: TrustedProxies | None, forwarded_for: str | None, forwarded_proto: str | None
) -> Client:
    """Return who asks.

    peer: the address of who has connected. proxies: None to trust none. forwarded_for, forwarded_proto: X-Forwarded-For
    and X-Forwarded-Proto, repeated ones joined with commas; None for one that was not sent. Raises ForwardedError.
    """
    parsed, address = parse_address(peer), canonical_address(peer)
    if proxies is None or not proxies.has(parsed):
        # Whoever comes from the internet may send it; from next door it is usually the proxy.
        is_odd = forwarded_for is not None and parsed is not None and parsed.is_private
        return Client(address, oddity=Oddity.NOT_BELIEVED if is_odd else None)
    scheme = None if forwarded_proto is None else _client_scheme(address, forwarded_proto)
    if forwarded_for is None:
        return Client(address, scheme, Oddity.MISSING)
    return Client(_client_address(address, proxies, forwarded_for), scheme)


def _client_address(peer: str, proxies: TrustedProxies, field: str) -> str:
    """Return the entry that is furthest right and not that of a proxy; where all are, the first one."""
    entries = field.rsplit(",", HOPS_MAX)
    found: Address | None = None
    for entry in reversed(entries[-HOPS_MAX:]):
        found = _address_of(peer, entry)
        # Of proxies whose addresses are not known, there is one: what it says is the client.
        if proxies.is_any or not proxies.has(found):
            return str(found)
    if len(entries) > HOPS_MAX:
        raise _unreadable(peer, "X-Forwarded-For", f"it names more than {HOPS_MAX} proxies", _SEND_ADDRESS)
    return str(found)


_SEND_ADDRESS: Final = (
    "Have the proxy send the client's IP address there (one with a port as 203.0.113.7:4711 or [2001:db8::7]:4711),"
    " or leave the field out"
)
_SEND_SCHEME: Final = "Have the proxy send http or https there, or leave the field out"


def _address_of(peer: str, entry: str) -> Address:
    text = _unquoted(entry)
    address = parse_address(text) or parse_address(_without_port(text))
    if address is None:
        raise _unreadable(peer, "X-Forwarded-For", _what_it_is(text), _SEND_ADDRESS)
    return address


def _without_port(text: str) -> str:
    """Return the address in `[2001:db8::7]:4711`, `[2001:db8::7]` and `203.0.113.7:4711`; nothing for other forms.

    An IPv6 address with a port and no brackets is not told apart: with 2001:db8::7:4711 another one could be meant.
    """
    if text.startswith("["):
        address, bracket, rest = text[1:].partition("]")
        return address if bracket and ":" in address and (not rest or _is_port(rest)) else ""
    address, colon, port = text.rpartition(":")
    return address if "." in address and _is_port(colon + port) else ""


def _is_port(text: str) -> bool:
    digits = text[1:]
    is_number = 0 < len(digits) <= _PORT_DIGITS_MAX and digits.isascii() and digits.isdigit()
    return text.startswith(":") and is_number and int(digits) <= _PORT_MAX


def _what_it_is(text: str) -> str:
    if not text:
        return "an entry is empty"
    if text.lower() == "unknown":
        return 'an entry is "unknown"'
    if text.startswith("_"):
        return "an entry is a name that hides the client (RFC 7239, 6.3)"
    if text.startswith("unix:"):
        return "an entry is a Unix socket"
    return "an entry is no IP address"


def _client_scheme(peer: str, field: str) -> str:
    """Return what the first entry says: of several proxies, the first is the one that the client has reached.

    A client that makes it up has deceived itself alone: its own cookie then is, or is not, for https only.
    """
    entry = _unquoted(field.partition(",")[0]).lower()
    if entry not in _SCHEMES:
        why = "an entry is empty" if not entry else "an entry is neither http nor https"
        raise _unreadable(peer, "X-Forwarded-Proto", why, _SEND_SCHEME)
    return entry


def _unquoted(entry: str) -> str:
    text = entry.strip(_BLANKS)
    is_quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return text[1:-1].strip(_BLANKS) if is_quoted else text


def _unreadable(peer: str, field: str, why: str, advice: str) -> ForwardedError:
    return ForwardedError(f"The proxy {peer} sent an {field} that can't be read: {why}. {advice}.")


def _network(name: str) -> IPv4Network | IPv6Network:
    """Return the network, or the single address, that a part of the setting names. Raises ValueError."""
    shown = name if len(name) <= _SHOWN_CHARS_MAX else f"{name[:_SHOWN_CHARS_MAX]}…"
    if "%" in name:
        raise ValueError(f"has {shown}, an address with a zone. Leave out what begins with %")
    if name == ANY_PEER:
        raise ValueError("is * beside others. Write * alone, or the proxies' addresses alone")
    try:
        network = ip_network(name)
    except ValueError:
        raise ValueError(f"has {_what_is_wrong(name, shown)}") from None
    if network.version == 6 and network.subnet_of(_MAPPED):  # noqa: PLR2004 - of IP
        network = ip_network((int(network.network_address) & 0xFFFF_FFFF, network.prefixlen - _MAPPED.prefixlen))
    if network.prefixlen == 0:
        raise ValueError(f"has {shown}, which is everybody. Write * where the proxy's address can't be known")
    if network.network_address.is_unspecified:
        raise ValueError(f"has {shown}, which nobody connects from. Write the address that the proxy connects from")
    return network


def _what_is_wrong(name: str, shown: str) -> str:
    if not name:
        return "an empty entry. Write addresses or networks with commas between them, or *"
    if "/" in name:
        try:
            network = ip_network(name, strict=False)
        except ValueError:
            return f"{shown}, which is no network. Write it as 10.0.0.0/8 or 2001:db8::/32"
        return f"{shown}, which is an address inside of a network. Write {network}, or {name.partition('/')[0]}"
    address = parse_address(_without_port(name))
    if address is not None:
        return f"{shown}. Write the address alone, {address}: its port or brackets don't belong here"
    return f"{shown}, which is no IP address. Write the one that the proxy connects from, as 127.0.0.1"
