"""The service that generated clients talk to, and one that answers as a later version may."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from interfaces.http.answers.audit import AUDIT_PAGE
from tests.support.service import ADMIN_EMAIL, ADMIN_PASSWORD, Installation

if TYPE_CHECKING:
    from collections.abc import Iterator


def grown(value: Any) -> Any:
    """Return an answer of today with a field more in each object, and what there is not today done to what is not."""
    if isinstance(value, list):
        return [grown(one) for one in value]
    if not isinstance(value, dict):
        return value
    later = {"action": "dream.dreamt", "kind": "dream"}
    return {name: later.get(name, grown(one)) for name, one in value.items()} | {"since_then": {"nested": [1]}}


class _Later(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(grown(AUDIT_PAGE.example)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the output for the tests."""


@pytest.fixture(scope="package")
def surroundings() -> Iterator[dict[str, str]]:
    """What a session is told in its environment: where the service is, and who administers it."""
    with Installation() as installation, ThreadingHTTPServer(("127.0.0.1", 0), _Later) as later:
        [service] = installation.running()
        thread = threading.Thread(target=later.serve_forever)
        thread.start()
        try:
            yield {
                "URL": f"http://127.0.0.1:{service.port}",
                "LATER_URL": f"http://127.0.0.1:{later.server_address[1]}",
                "EMAIL": ADMIN_EMAIL,
                "PASSWORD": ADMIN_PASSWORD,
            }
        finally:
            later.shutdown()
            thread.join()
