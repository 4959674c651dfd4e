"""The sockets that a server listens on, alone or together with the servers of other processes."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress import wasyncore

from interfaces.http.server.limits import ServerLimits, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ALL_OF_IPV6 = "::"


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that is listened on. entrance: what the application is told of requests that come in by it."""

    sock: socket.socket
    entrance: str = ""

    @property
    def address(self) -> tuple[str, int]:
        """Its address, with the real port when 0 was asked for."""
        host, port = self.sock.getsockname()[:2]
        return host, port


class ListenError(Exception):
    """An address can't be listened on. address: as `host:port`. The message is the system's reason."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(reason)
        self.address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Entrance(wasyncore.dispatcher):
    """A further listening socket of a loop, which looks after all of them in the same way.

    may_accept: whether to look for new connections.
    accept_some: what to do when one waits, given this.
    """

    _fileno: int | None

    def __init__(
        self,
        listener: Listener,
        sockets: dict[int, Any],
        may_accept: Callable[[], bool],
        accept_some: Callable[[Entrance], None],
    ) -> None:
        super().__init__(listener.sock, sockets)
        self.entrance = listener.entrance
        self.port = str(listener.address[1])
        self.accepting = True
        self._may_accept = may_accept
        self._accept_some = accept_some

    def readable(self) -> bool:
        return self.accepting and self._may_accept()

    def handle_accept(self) -> None:
        self._accept_some(self)


def listen_on(settings: Settings, *, ipv4_too: bool = True) -> socket.socket:
    """Return a socket that listens on the address of the settings. Raises OSError when it can't be had.

    ipv4_too: whether [::] is all addresses of this machine, as 0.0.0.0 is all of IPv4, and not those of IPv6 alone.
    """
    # One address. IPv4 where a name has both: a client that is given the same name tries both.
    listen: list[Any] = settings.listen
    family, kind, protocol, address = min(listen, key=lambda info: info[0] != socket.AF_INET)
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # What is left unsaid differs from system to system.
            is_both = ipv4_too and address[0] == _ALL_OF_IPV6
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if is_both else 1)
        sock.bind(address)
        sock.listen(settings.backlog)
    except OSError:
        sock.close()
        raise
    return sock


def open_listeners(addresses: Sequence[tuple[str, int]], entrance: str = "") -> list[Listener]:
    """Return sockets that listen on all of these addresses. Raises ListenError; none is open then."""
    listeners: list[Listener] = []
    for host, port in addresses:
        # Where IPv4 has a socket of its own, [::] can't have its connections too.
        ipv4_too = not any(":" not in other and other_port == port for other, other_port in addresses)
        try:
            listeners.append(
                Listener(listen_on(Settings(host, port, ServerLimits(), None), ipv4_too=ipv4_too), entrance)
            )
        except (OSError, ValueError) as error:
            for listener in listeners:
                listener.sock.close()
            raise ListenError(host, port, getattr(error, "strerror", None) or str(error)) from None
    return listeners
