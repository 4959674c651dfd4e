"""The socket that a server listens on, alone or together with the servers of other processes."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from interfaces.http.server.limits import Settings


def listen_on(settings: Settings) -> socket.socket:
    """Return a socket that listens on the address of the settings. Raises OSError when it can't be had."""
    # One address. IPv4 where a name has both: a client that is given the same name tries both.
    listen: list[Any] = settings.listen
    family, kind, protocol, address = min(listen, key=lambda info: info[0] != socket.AF_INET)
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(settings.backlog)
    except OSError:
        sock.close()
        raise
    return sock
