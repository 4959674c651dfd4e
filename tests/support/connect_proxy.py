"""A proxy as stands between the machines of a firm and everything else: it takes CONNECT, and nothing besides."""

from __future__ import annotations

import base64
import select
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHUNK_BYTES = 64 * 1024
_SILENCE_SECONDS_MAX = 10.0


@dataclass
class ConnectProxy:
    """What it is told, and what it has seen.

    leads_to: the port of this machine that every name is said to be at. refuses: statuses that are answered first, the
    last one for ever when `for_ever`. password: `user:password` that it asks for.
    """

    leads_to: int
    refuses: list[int] = field(default_factory=list)
    for_ever: bool = False
    password: str | None = None
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """The first lines of requests."""
    seen: bytearray = field(default_factory=bytearray)
    """All bytes that went through."""

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def status(self, authorization: str | None) -> int:
        """Return what a request is answered with."""
        if self.refuses:
            return self.refuses[0] if self.for_ever else self.refuses.pop(0)
        wanted = None if self.password is None else f"Basic {base64.b64encode(self.password.encode()).decode()}"
        return 200 if wanted in {None, authorization} else 407


@contextmanager
def connect_proxy(proxy: ConnectProxy) -> Iterator[ConnectProxy]:
    """Run the proxy for as long as the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_CONNECT(self) -> None:
            proxy.asked.append(self.requestline)
            status = proxy.status(self.headers["Proxy-Authorization"])
            self.send_response(status)
            self.end_headers()
            self.close_connection = True
            if status == 200:
                with socket.create_connection(("127.0.0.1", proxy.leads_to)) as there:
                    self._pass_on(there)

        def do_POST(self) -> None:
            proxy.asked.append(self.requestline)
            self.send_error(403)

        def _pass_on(self, there: socket.socket) -> None:
            other = {self.connection: there, there: self.connection}
            while readable := select.select(list(other), [], [], _SILENCE_SECONDS_MAX)[0]:
                for one in readable:
                    data = one.recv(_CHUNK_BYTES)
                    if not data:
                        return
                    proxy.seen += data
                    other[one].sendall(data)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        proxy.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
