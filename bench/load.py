"""A closed-loop HTTP load: some connections, each sends its next request when it has the answer to the last one."""

from __future__ import annotations

import itertools
import socket
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT_SECONDS = 30


@dataclass(frozen=True)
class Load:
    """What came of a load. Latencies in seconds; statuses: how often each was answered."""

    requests_per_second: float
    p50: float
    p99: float
    statuses: dict[int, int]


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Return a request as it goes over the wire."""
    fields = {"Host": "localhost", "Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def run(address: tuple[str, int], requests: Sequence[bytes], *, connections: int, seconds: float) -> Load:
    """Send the requests in turn over `connections` for `seconds`, and return what came of it."""
    latencies: list[list[float]] = [[] for _ in range(connections)]
    statuses: Counter[int] = Counter()
    begin = threading.Barrier(connections + 1)
    end = threading.Event()

    def client(number: int) -> None:
        # Each begins elsewhere in the list, so that neighbours don't use the same key at the same time.
        turn = itertools.islice(itertools.cycle(requests), number * len(requests) // connections, None)
        mine: Counter[int] = Counter()
        with socket.create_connection(address, timeout=_TIMEOUT_SECONDS) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begin.wait()
            while not end.is_set():
                sent = time.perf_counter()
                connection.sendall(next(turn))
                mine[_status(connection)] += 1
                latencies[number].append(time.perf_counter() - sent)
        statuses.update(mine)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    begin.wait()
    began = time.perf_counter()
    end.wait(seconds)
    end.set()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    every = sorted(itertools.chain.from_iterable(latencies))
    return Load(len(every) / took, statistics.median(every), every[int(len(every) * 0.99)], dict(statuses))


def _status(connection: socket.socket) -> int:
    received = connection.recv(65536)
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += _more(connection)
    return int(head[9:12])


def _more(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionError("the server closed the connection in the middle of an answer")
    return received
