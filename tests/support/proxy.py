"""A network between the service and its PostgreSQL that does what networks do: it is away, or silent, or slow."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING

from psycopg.conninfo import conninfo_to_dict

from tests.support.postgres import url_with
from tests.support.service import free_port

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_CHUNK_BYTES = 64 * 1024
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset, as a machine does that has forgotten the connection."""


class Mode(Enum):
    """What happens to what is sent."""

    PASS = auto()
    AWAY = auto()
    """Connections are refused, and those that there were are reset."""
    SILENT = auto()
    """Connections are accepted, and nothing goes through."""
    HOLD_REPLIES = auto()
    """What the service sends arrives; what the server answers does not."""
    SLOW = auto()
    """Each answer takes `delay_seconds` longer."""


class Proxy:
    """Listens on a port of this machine in front of the server that `url` names; its own `url` leads through it."""

    def __init__(self, url: str) -> None:
        self._upstream = {name: str(value) for name, value in conninfo_to_dict(url).items()}
        self._changed = threading.Condition()
        self._mode = Mode.PASS
        self._delay_seconds = 0.0
        self._connections: set[_Connection] = set()
        self._all: list[_Connection] = []
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self.port = free_port()
        self.url = url_with(
            url,
            host="127.0.0.1",
            port=str(self.port),
            sslmode="disable",
            gssencmode="disable",
            channel_binding="disable",
        )
        self.accepted = 0

    def pass_on(self) -> None:
        """Let everything through, also what was held back: as a server does that was stopped and goes on."""
        self._set(Mode.PASS)
        self._listen()

    def be_away(self) -> None:
        """Refuse connections, and reset those that there are."""
        self._set(Mode.AWAY)
        self._stop_listening()
        self.cut()

    def be_silent(self) -> None:
        """Accept connections, and let nothing through."""
        self._set(Mode.SILENT)

    def hold_replies(self) -> None:
        """Let through what the service sends, and hold back what is answered."""
        self._set(Mode.HOLD_REPLIES)

    def be_slow(self, seconds: float) -> None:
        """Let each answer take so much longer."""
        self._set(Mode.SLOW, seconds)

    def cut(self) -> None:
        """Reset the connections that there are."""
        with self._changed:
            connections = list(self._connections)
        for connection in connections:
            connection.reset()

    def abandon(self) -> None:
        """Let new connections through, and leave those that there are silent for ever: as a failover does."""
        with self._changed:
            for connection in self._connections:
                connection.abandoned = True
        self.pass_on()

    def __enter__(self) -> Self:
        self._listen()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.be_away()
        for connection in self._all:
            for thread in connection.threads:
                thread.join()

    def _set(self, mode: Mode, delay_seconds: float = 0.0) -> None:
        with self._changed:
            self._mode, self._delay_seconds = mode, delay_seconds
            self._changed.notify_all()

    def _listen(self) -> None:
        if self._listener is None:
            listener = socket.create_server(("127.0.0.1", self.port), backlog=64)
            self._listener = listener
            self._acceptor = threading.Thread(target=self._accept, args=(listener,), name="proxy")
            self._acceptor.start()

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None and self._acceptor is not None:
            # Closing alone does not wake who waits in accept().
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            self._acceptor.join()
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection = _Connection(self, client)
            with self._changed:
                self._connections.add(connection)
            self._all.append(connection)
            connection.start()

    def _connect(self) -> socket.socket:
        host, port = self._upstream["host"], self._upstream.get("port", "5432")
        if not host.startswith("/"):
            return socket.create_connection((host, int(port)))
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{port}")
        return server

    def _wait_for_leave(self, connection: _Connection, *, reply: bool) -> None:
        """Wait until what was read may be sent on."""

        def held() -> bool:
            if connection.closed:
                return False
            return connection.abandoned or self._mode is Mode.SILENT or (reply and self._mode is Mode.HOLD_REPLIES)

        with self._changed:
            if reply and self._mode is Mode.SLOW:
                self._changed.wait_for(lambda: self._mode is not Mode.SLOW or connection.closed, self._delay_seconds)
            self._changed.wait_for(lambda: not held())

    def _forget(self, connection: _Connection) -> None:
        with self._changed:
            connection.closed = True
            self._connections.discard(connection)
            self._changed.notify_all()


class _Connection:
    """Two sockets and a thread for each direction. The server hears of it when the first bytes may go through."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        self.closed = False
        self.abandoned = False
        self._proxy = proxy
        self._client = client
        self._server: socket.socket | None = None
        self.threads = [threading.Thread(target=self._pass_on_asked, name="proxy-asked")]

    def start(self) -> None:
        self.threads[0].start()

    def reset(self) -> None:
        with suppress(OSError):
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._close()

    def _pass_on_asked(self) -> None:
        with suppress(OSError):
            while data := self._client.recv(_CHUNK_BYTES):
                self._wait_for_leave(reply=False)
                if self._server is None:
                    self._server = self._proxy._connect()  # noqa: SLF001 - the two are one thing
                    self.threads.append(threading.Thread(target=self._pass_on_replies, args=(self._server,)))
                    self.threads[-1].start()
                self._server.sendall(data)
        if self._server is not None:
            # That the client has gone is news as well, and is held up as all else is.
            self._wait_for_leave(reply=False)
        self._close()

    def _pass_on_replies(self, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(_CHUNK_BYTES):
                self._wait_for_leave(reply=True)
                self._client.sendall(data)
        self._wait_for_leave(reply=True)
        self._close()

    def _wait_for_leave(self, *, reply: bool) -> None:
        self._proxy._wait_for_leave(self, reply=reply)  # noqa: SLF001 - the two are one thing

    def _close(self) -> None:
        """Close both sockets; PostgreSQL's protocol has no half-open connections."""
        self._proxy._forget(self)  # noqa: SLF001 - the two are one thing
        for end in (self._client, self._server):
            if end is not None:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
