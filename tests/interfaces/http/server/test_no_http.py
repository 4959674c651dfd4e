"""What is not HTTP, or not whole, and can't become a request any more: answered at once, not when its time is over."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

import pytest
import structlog

from tests.interfaces.http.server.wire import Application, answers, connect, exchange, read_to_end, request, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interfaces.http.server import Server

AT_ONCE_SECONDS = 5.0
"""Much less than the 30 seconds that a request has, and than the test's client waits."""

FIRST_BYTES = {
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "This is TLS"),
    "the first byte of TLS": (b"\x16", "This is TLS"),
    "SSL 2": (b"\x80\x2e\x01\x03\x01", "not an HTTP/1.1 request line"),
    "lines that end in LF": (b"GET / HTTP/1.1\nHost: a\n\n", "A line feed or a carriage return stands alone"),
    "one line that ends in LF": (b"GET / HTTP/1.1\n", "A line feed or a carriage return stands alone"),
    "lines that end in CR": (b"GET / HTTP/1.1\rHost: a\r\r", "A line feed or a carriage return stands alone"),
    "an LF in a later line": (b"GET / HTTP/1.1\r\nHost: a\nX: b", "A line feed or a carriage return stands alone"),
    "empty lines that end in LF": (b"\n\n", "A line feed or a carriage return stands alone"),
    "an empty line that ends in LF, after one": (b"\r\n\n", "A line feed or a carriage return stands alone"),
    "two CR before the request": (b"\r\rG", "A line feed or a carriage return stands alone"),
    "HTTP/0.9": (b"GET /\r\n", "not an HTTP/1.1 request line"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "This version of HTTP is not spoken here"),
    "the beginning of HTTP/2": (b"PRI * HTTP/2.0\r\n", "This version of HTTP is not spoken here"),
    "an answer": (b"HTTP/1.1 200 OK\r\n", "not an HTTP/1.1 request line"),
    "SSH": (b"SSH-2.0-OpenSSH_9.6\r\n", "not an HTTP/1.1 request line"),
    "SMTP": (b"EHLO me\r\n", "not an HTTP/1.1 request line"),
    "Redis": (b"*1\r\n$4\r\nPING\r\n", "not an HTTP/1.1 request line"),
    "SOCKS 4": (b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00", "not an HTTP/1.1 request line"),
    "SOCKS 5": (b"\x05\x01\x00", "not an HTTP/1.1 request line"),
    "PostgreSQL": (b"\x00\x00\x00\x08\x04\xd2\x16\x2f", "not an HTTP/1.1 request line"),
    "RDP": (b"\x03\x00\x00\x13\x0e\xe0", "not an HTTP/1.1 request line"),
    "PROXY, version 1": (b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "not an HTTP/1.1 request line"),
    "PROXY, version 2": (b"\r\n\r\n\x00\r\nQUIT\n", "not an HTTP/1.1 request line"),
    "JSON": (b'{"a": 1}', "not an HTTP/1.1 request line"),
    "a BOM": (b"\xef\xbb\xbfGET / HTTP/1.1\r\n", "not an HTTP/1.1 request line"),
    "a method in small letters": (b"get / HTTP/1.1\r\n", "not an HTTP/1.1 request line"),
    "a target that is none": (b"GET a HTTP/1.1\r\n", "not a path"),
    "a tunnel": (b"CONNECT a:443 HTTP/1.1\r\n", "no proxy"),
    "a chunk whose size ends in LF": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
        "A line feed stands alone in the chunked body",
    ),
    "a trailer that ends in LF": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\n",
        "A line feed stands alone in the chunked body",
    ),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(Application()) as running:
        yield running


@pytest.mark.parametrize("name", FIRST_BYTES)
@pytest.mark.parametrize("in_single_bytes", [False, True], ids=["in one piece", "in single bytes"])
def test_it_is_answered_at_once_with_what_it_is(name: str, server: Server, *, in_single_bytes: bool) -> None:
    sent, said = FIRST_BYTES[name]
    begun = time.monotonic()
    with structlog.testing.capture_logs() as logs, connect(server.address) as connection:
        for piece in [bytes([byte]) for byte in sent] if in_single_bytes else [sent]:
            connection.send(piece)
        (answer,) = answers(read_to_end(connection))
    assert time.monotonic() - begun < AT_ONCE_SECONDS
    assert answer.status in {400, 501}
    assert said in answer.json["detail"]
    assert [said in line["detail"] for line in logs if line["event"] == "request refused"] == [True]


def test_a_client_that_speaks_tls_sees_at_once_that_the_port_does_not(server: Server) -> None:
    context = ssl.create_default_context()
    begun = time.monotonic()
    with connect(server.address) as connection, pytest.raises(ssl.SSLError, match=r"(?i)wrong.version.number|record"):
        context.wrap_socket(connection, server_hostname="test")
    assert time.monotonic() - begun < AT_ONCE_SECONDS


@pytest.mark.parametrize("before", [b"\r\n", b"\r\n" * 50])
@pytest.mark.parametrize("in_single_bytes", [False, True], ids=["in one piece", "in single bytes"])
def test_empty_lines_before_a_request_are_ignored(before: bytes, server: Server, *, in_single_bytes: bool) -> None:
    sent = before + request("/hello", Connection="close")
    if not in_single_bytes:
        assert [answer.status for answer in exchange(server.address, sent)] == [200]
        return
    with connect(server.address) as connection:
        for byte in sent:
            connection.send(bytes([byte]))
        assert [answer.status for answer in answers(read_to_end(connection))] == [200]
