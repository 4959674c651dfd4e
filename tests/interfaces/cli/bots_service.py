"""A service that answers reports as a test has written it, and remembers what it was sent."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ssl import SSLContext

RECEIPT = {
    "job_id": "5f0f3d6e-1d8b-4a52-9d57-6f2f6b8f3c11",
    "account_id": "8e8b5f70-6d0c-5a55-a35c-06de46d7a2cd",
    "flow_id": "4de713a3-1a07-4282-8885-dfbaa7869a31",
    "status": "partial_success",
    "counts": {"total": 3, "success": 1, "failed": 2, "skipped": 0},
    "duration_seconds": 300.0,
    "received_at": "2026-03-10T21:48:52.101000Z",
}


@dataclass(frozen=True)
class Scripted:
    """One answer. body: an object is sent as JSON. close: end the connection without an answer."""

    status: int = 201
    body: object = field(default_factory=lambda: RECEIPT)
    headers: Mapping[str, str] = field(default_factory=dict)
    close: bool = False


def refusal(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> Scripted:
    """Return an answer that is a problem."""
    return Scripted(status, {"title": "Title", "status": status, "detail": detail, **more}, headers or {})


@dataclass(frozen=True)
class Sent:
    """What a request brought. headers: by lower-case name."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Service:
    """Gives the scripted answers in turn, the last one again and again."""

    def __init__(self, port: int, answers: list[Scripted]) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.answers = answers
        self.sent: list[Sent] = []
        self.asked = threading.Event()


@contextmanager
def scripted_service(*answers: Scripted, tls: SSLContext | None = None) -> Iterator[Service]:
    """Serve for as long as the block, over TLS where its context is given."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.sent.append(Sent(self.path, {n.lower(): v for n, v in self.headers.items()}, body))
            answer = service.answers[min(len(service.sent), len(service.answers)) - 1]
            service.asked.set()
            if answer.close:
                self.close_connection = True
                return
            content = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        service = Service(server.server_port, list(answers))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
