"""A server to talk to, and a client that sees every byte."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from interfaces.http.server import Paths, Server, ServerLimits
from tests.support.serving import running_in_a_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SECONDS_MAX = 10.0
"""After which a client that waits for an answer gives up, and its test fails."""

Address = tuple[str, int]


def problem(
    status: int, slug: str, *, detail: str, instance: str, request_id: str | None
) -> tuple[list[tuple[str, str]], bytes]:
    """Write a problem as the application does."""
    sane = request_id if request_id and re.fullmatch(r"[0-9A-Za-z.-]{1,64}", request_id) else "made-here"
    fields = {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": detail, "instance": instance}
    headers = [
        ("Content-Type", "application/problem+json"),
        ("X-Request-Id", sane),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ]
    return headers, json.dumps({**fields, "request_id": sane}).encode()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Application:
    """An application whose paths say what they do. `seen` has the environment of each request."""

    def __init__(self) -> None:
        self.seen: list[WSGIEnvironment] = []
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self.seen.append(environ)
        body = environ["wsgi.input"].read()
        name, _, argument = environ["PATH_INFO"].strip("/").partition("/")
        answer: Callable[[str], Iterable[bytes]] = getattr(self, f"on_{name}", self.on_hello)
        if name == "echo":
            content: Iterable[bytes] = [body]
        elif name == "size":
            content = [str(len(body)).encode()]
        else:
            content = answer(argument)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return content

    def on_hello(self, _: str) -> Iterable[bytes]:
        return [b"hello"]

    def on_gate(self, _: str) -> Iterable[bytes]:
        self.entered.release()
        self.gate.wait(SECONDS_MAX)
        return [b"through the gate"]

    def on_big(self, size: str) -> Iterable[bytes]:
        return [b"x" * int(size)]

    def on_stream(self, chunks: str) -> Iterable[bytes]:
        return (b"y" * 2**20 for _ in range(int(chunks)))

    def on_crash(self, _: str) -> Iterable[bytes]:
        raise OSError("the private text")

    def on_exit(self, _: str) -> Iterable[bytes]:
        raise SystemExit

    def on_break(self, _: str) -> Iterable[bytes]:
        def half() -> Iterator[bytes]:
            yield b"one half"
            raise RuntimeError("the private text")

        return half()


@contextmanager
def serving(
    app: WSGIApplication,
    *,
    trusted_proxy: str | None = None,
    paths: Paths | None = None,
    **limits: Any,
) -> Iterator[Server]:
    """Run a server in a thread; at the end stop it, and see that it ends."""
    server = Server(
        app,
        "127.0.0.1",
        0,
        ServerLimits(**limits),
        problem=problem,
        trusted_proxy=trusted_proxy,
        paths=paths,
    )
    with running_in_a_thread(server, stop_seconds_max=server_seconds_max(limits)):
        yield server


def server_seconds_max(limits: dict[str, Any]) -> float:
    return float(limits.get("drain_seconds_max", 8)) + 2


def connect(address: Address, receive_buffer_bytes: int | None = None) -> socket.socket:
    connection = socket.socket()
    if receive_buffer_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
    connection.settimeout(SECONDS_MAX)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def request(path: str = "/", method: str = "GET", body: bytes | None = None, **fields: str) -> bytes:
    """Return a request as it goes over the wire. An underscore in the name of a field stands for a hyphen."""
    lines = [f"{method} {path} HTTP/1.1", "Host: test", *(f"{k.replace('_', '-')}: {v}" for k, v in fields.items())]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + (body or b"")


def read_to_end(connection: socket.socket) -> bytes:
    """Return all that comes until the server closes. Raises TimeoutError when it does not."""
    received = []
    while data := connection.recv(2**16):
        received.append(data)
    return b"".join(received)


def exchange(address: Address, sent: bytes) -> list[Answer]:
    """Return every answer on a connection to these bytes, up to its end."""
    with connect(address) as connection:
        connection.sendall(sent)
        return answers(read_to_end(connection))


def ask(address: Address, sent: bytes) -> Answer:
    """Return the one answer to one request. The connection may stay open on the server's side."""
    with connect(address) as connection:
        connection.sendall(sent)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> Answer:
    """Return the next answer of a connection, and leave the connection open."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, rest = received.partition(b"\r\n\r\n")
    body = bytearray(rest)
    length = int(_headers(head).get("content-length", 0))
    while len(body) < length:
        body += _some(connection)
    found = answers(head + b"\r\n\r\n" + bytes(body))
    assert len(found) == 1
    return found[0]


def answers(received: bytes) -> list[Answer]:
    """Return the answers that these bytes are. Fails when they are anything else, or end in the middle."""
    found = []
    while received:
        head, end, rest = received.partition(b"\r\n\r\n")
        assert end, received[:200]
        status_line = head.partition(b"\r\n")[0].decode()
        assert re.fullmatch(r"HTTP/1\.[01] \d{3} [A-Za-z -]+", status_line), received[:200]
        headers = _headers(head)
        status = int(status_line.split()[1])
        if "chunked" in headers.get("transfer-encoding", ""):
            body, received = _dechunk(rest)
        else:
            length = int(headers.get("content-length", 0))
            assert len(rest) >= length, "cut short"
            body, received = rest[:length], rest[length:]
        found.append(Answer(status, headers, body))
    return found


def until(condition: Callable[[], object], seconds_max: float = SECONDS_MAX) -> None:
    """Return when the condition holds. Fails when it does not in that time."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def is_closed(connection: socket.socket) -> bool:
    """Tell whether the server has closed a connection on which nothing is to be read."""
    connection.setblocking(False)  # noqa: FBT003 - the library's signature
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        connection.settimeout(SECONDS_MAX)


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(2**16)
    assert data, "closed in the middle of an answer"
    return data


def _headers(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:]
    names = [line.partition(":")[0].lower() for line in lines]
    assert len(names) == len(set(names)), f"a header twice: {lines}"
    return {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}


def _dechunk(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, end, data = data.partition(b"\r\n")
        assert end, "cut short"
        length = int(size, 16)
        assert data[length : length + 2] == b"\r\n", "cut short"
        body += data[:length]
        data = data[length + 2 :]
        if length == 0:
            return body, data
