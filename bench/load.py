"""A closed-loop HTTP load: some connections, each sends its next request when it has the answer to the last one.

One thread and a selector, requests made beforehand, of an answer only the status and the length are read: the load
shares the machine with what it measures, so each request may cost it little. It measures what it does cost.
"""

from __future__ import annotations

import selectors
import socket
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT_SECONDS = 30.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length: "
_CLOSE = b"\r\nconnection: close\r\n"
_RECEIVE_BYTES = 64 * 1024
_SAMPLE_BYTES = 400


@dataclass(frozen=True)
class Load:
    """What came of a load.

    p50 and p99 in seconds. statuses: how often each was answered. answers: the first one with each status.
    load_cpu_us: processor time of the load itself per request, in microseconds.
    """

    requests_per_second: float
    p50: float
    p99: float
    statuses: dict[int, int]
    load_cpu_us: float
    answers: dict[int, str] = field(repr=False)


class Client:
    """One connection: its requests, and what has arrived of the answer."""

    def __init__(self, address: tuple[str, int], requests: Sequence[bytes], first: int) -> None:
        self._address = address
        self._requests = requests
        self._next = first
        self._received = b""
        self.sent_at = 0.0
        self.closes = False
        self.connection = self._connect()

    def send(self) -> None:
        """Send the next request."""
        request = self._requests[self._next % len(self._requests)]
        self._next += 1
        self.sent_at = time.perf_counter()
        if self.connection.send(request) != len(request):
            raise ConnectionError("a request did not fit into the socket's buffer: send large ones one by one")

    def receive(self) -> bytes | None:
        """Take what has arrived; return the answer when all of it has."""
        piece = self.connection.recv(_RECEIVE_BYTES)
        if not piece:
            raise ConnectionError(f"the server closed the connection after {self._received[:_SAMPLE_BYTES]!r}")
        received = self._received + piece if self._received else piece
        self._received = received
        head, end, _ = received.partition(_HEAD_END)
        if not end:
            return None
        # Plain searches: a regular expression that ignores case takes longer than all the rest.
        head = head.lower() + end
        length = head.find(_LENGTH)
        if length < 0:
            raise ConnectionError(f"an answer without Content-Length: {received[:_SAMPLE_BYTES]!r}")
        length += len(_LENGTH)
        if len(received) < len(head) + int(head[length : head.index(b"\r", length)]):
            return None
        self._received = b""
        self.closes = _CLOSE in head
        return received

    def reopen(self) -> None:
        """Connect again, where a server closes the connection after each answer."""
        self.connection.close()
        self.connection = self._connect()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(self._address, timeout=TIMEOUT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(0)
        return connection


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a request as it goes over the wire."""
    fields = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def run(
    address: tuple[str, int], requests: Sequence[bytes], *, connections: int, seconds: float, apart: bool = False
) -> Load:
    """Send the requests in turn over `connections` for `seconds`, and return what came of it.

    Every connection goes through all requests, and begins elsewhere, so that neighbours don't use the same key at the
    same time. With apart=True each has a part of the requests for itself.
    """
    clients = []
    try:
        for number in range(connections):
            mine = requests[number::connections] if apart else requests
            clients.append(Client(address, mine, 0 if apart else number * len(requests) // connections))
        return _run(clients, seconds)
    finally:
        for client in clients:
            client.connection.close()


def _run(clients: Sequence[Client], seconds: float) -> Load:
    latencies = array("d")
    statuses: Counter[int] = Counter()
    answers: dict[int, str] = {}
    in_time = 0
    waiting = len(clients)
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client.connection, selectors.EVENT_READ, client)
        cpu = time.process_time()
        began = now = time.perf_counter()
        for client in clients:
            client.send()
        while waiting:
            ready = selector.select(TIMEOUT_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {TIMEOUT_SECONDS:g} s")
            for key, _ in ready:
                client = key.data
                answer = client.receive()
                if answer is None:
                    continue
                now = time.perf_counter()
                latencies.append(now - client.sent_at)
                status = int(answer[9:12])
                if status not in answers:
                    answers[status] = answer[:_SAMPLE_BYTES].decode("latin-1")
                statuses[status] += 1
                in_time += now - began < seconds
                if now - began >= seconds:
                    waiting -= 1
                    selector.unregister(client.connection)
                    continue
                if client.closes:
                    selector.unregister(client.connection)
                    client.reopen()
                    selector.register(client.connection, selectors.EVENT_READ, client)
                client.send()
        cpu = time.process_time() - cpu
    every = sorted(latencies)
    return Load(
        requests_per_second=in_time / seconds,
        p50=every[len(every) // 2],
        p99=every[int(len(every) * 0.99)],
        statuses=dict(statuses),
        load_cpu_us=cpu / len(every) * 1e6,
        answers=answers,
    )
