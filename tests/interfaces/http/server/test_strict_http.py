"""Requests that two parsers could read differently are refused, and nothing after them is ever read as a request."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.interfaces.http.server.wire import (
    Application,
    answers,
    connect,
    exchange,
    read_to_end,
    request,
    serving,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed.wsgi import WSGIEnvironment

    from interfaces.http.server import Server
    from tests.interfaces.http.server.wire import Address

SECOND = b"GET /second HTTP/1.1\r\nHost: test\r\n\r\n"
"""Follows each hostile request in the same bytes: an answer to it is a smuggled request."""


def get(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bool = True) -> bytes:
    return b"\r\n".join([line, *([b"Host: test"] if host else []), *fields, b"", b""])


def post(*fields: bytes, body: bytes = b"", version: bytes = b"1.1") -> bytes:
    return get(*fields, line=b"POST / HTTP/" + version) + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


HOSTILE = {
    # The request line
    "no version": (get(line=b"GET /"), 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/1.2 with a body in chunks": (post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n", version=b"1.2"), 400),
    "HTTP/2.0": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a version with two digits": (get(line=b"GET / HTTP/1.10"), 400),
    "a version in small letters": (get(line=b"GET / http/1.1"), 400),
    "two spaces": (get(line=b"GET  / HTTP/1.1"), 400),
    "a tab": (get(line=b"GET\t/ HTTP/1.1"), 400),
    "a space at its end": (get(line=b"GET / HTTP/1.1 "), 400),
    "a space at its start": (get(line=b" GET / HTTP/1.1"), 400),
    "a CR at its end": (get(line=b"GET / HTTP/1.1\r"), 400),
    "a bare LF as its end": (b"GET / HTTP/1.1\nHost: test\r\n\r\n", 400),
    "a space in the target": (get(line=b"GET /a b HTTP/1.1"), 400),
    "a NUL in the target": (get(line=b"GET /a\0b HTTP/1.1"), 400),
    "a tab in the target": (get(line=b"GET /a\tb HTTP/1.1"), 400),
    "raw UTF-8 in the target": (get(line="GET /ä HTTP/1.1".encode()), 400),
    "a fragment": (get(line=b"GET /a#b HTTP/1.1"), 400),
    "no slash": (get(line=b"GET a HTTP/1.1"), 400),
    "a method in small letters": (get(line=b"get / HTTP/1.1"), 400),
    "a method with a colon": (get(line=b"GE:T / HTTP/1.1"), 400),
    "another scheme": (get(line=b"GET ftp://test/ HTTP/1.1"), 400),
    "an absolute target with a name": (get(line=b"GET http://a:b@test/ HTTP/1.1"), 400),
    "an absolute target without a host": (get(line=b"GET http:///a HTTP/1.1"), 400),
    "an absolute target with a broken address": (get(line=b"GET http://[::1/ HTTP/1.1"), 400),
    "an absolute target with no address": (get(line=b"GET http://[::::]/ HTTP/1.1"), 400),
    "an asterisk": (get(line=b"GET * HTTP/1.1"), 400),
    "OPTIONS *": (get(line=b"OPTIONS * HTTP/1.1"), 501),
    "CONNECT": (get(line=b"CONNECT test:443 HTTP/1.1"), 501),
    "CONNECT with a path": (get(line=b"CONNECT / HTTP/1.1"), 501),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xaa" * 32 + b"\r\n\r\n", 400),
    # Host
    "no Host": (get(host=False), 400),
    "two Hosts": (get(b"Host: other"), 400),
    "the same Host twice": (get(b"Host: test"), 400),
    "an empty Host": (get(b"Host:", host=False), 400),
    "a Host with a path": (get(b"Host: test/a", host=False), 400),
    "a Host with a name": (get(b"Host: a@test", host=False), 400),
    "a Host with a comma": (get(b"Host: a,b", host=False), 400),
    "a Host with a long port": (get(b"Host: test:123456", host=False), 400),
    "a bad Host in HTTP/1.0": (get(b"Host: a b", line=b"GET / HTTP/1.0", host=False), 400),
    # Header fields
    "a folded field": (get(b"X-A: a", b" b"), 400),
    "a folded field with a tab": (get(b"X-A: a", b"\tb"), 400),
    "a fold at the start": (get(b" X-A: a"), 400),
    "a folded Content-Length": (post(b"Content-Length:", b" 5", body=b"hello"), 400),
    "a space before the colon": (get(b"X-A : a"), 400),
    "a tab before the colon": (post(b"Transfer-Encoding\t: chunked", body=b"0\r\n\r\n"), 400),
    "a NUL in a value": (get(b"X-A: a\0b"), 400),
    "a CR in a value": (get(b"X-A: a\rb"), 400),
    "an LF in a value": (get(b"X-A: a\nX-B: b"), 400),
    "a backspace in a value": (get(b"X-A: a\x08b"), 400),
    "a DEL in a value": (get(b"X-A: a\x7fb"), 400),
    "a NUL in a name": (get(b"X\0A: a"), 400),
    "a name in parentheses": (get(b"(X): a"), 400),
    "no name": (get(b": a"), 400),
    "no colon": (get(b"X-A"), 400),
    "CR CR LF": (get(b"X-A: a\r"), 400),
    # Content-Length
    "a negative length": (post(b"Content-Length: -1"), 400),
    "a length with a plus": (post(b"Content-Length: +5", body=b"hello"), 400),
    "a length in hex": (post(b"Content-Length: 0x5", body=b"hello"), 400),
    "a length with an underscore": (post(b"Content-Length: 1_0", body=b"helloworld"), 400),
    "a length with a point": (post(b"Content-Length: 5.0", body=b"hello"), 400),
    "an empty length": (post(b"Content-Length:"), 400),
    "a length in other digits": (post(b"Content-Length: \xb2"), 400),
    "a length list": (post(b"Content-Length: 5, 5", body=b"hello"), 400),
    "two lengths": (post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello!"), 400),
    "two equal lengths": (post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"), 400),
    "a huge length": (post(b"Content-Length: " + b"9" * 30), 413),
    "a length of 5,000 digits": (post(b"Content-Length: " + b"9" * 5000), 400),
    "a length of 5,000 digits on a path": (get(b"Content-Length: " + b"9" * 5000, line=b"POST /a HTTP/1.1"), 400),
    # Transfer-Encoding
    "length and chunks": (post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"), 400),
    "chunks and length": (post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"), 400),
    "length and chunks in HTTP/1.0": (
        post(b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: keep-alive", version=b"1.0"),
        400,
    ),
    "chunks in HTTP/1.0": (
        post(b"Transfer-Encoding: chunked", b"Connection: keep-alive", body=b"0\r\n\r\n", version=b"1.0"),
        400,
    ),
    "chunked twice": (post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"), 501),
    "chunked in two fields": (post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), 400),
    "chunked and identity": (post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"), 400),
    "identity": (post(b"Transfer-Encoding: identity", body=b"0\r\n\r\n"), 501),
    "gzip": (post(b"Transfer-Encoding: gzip"), 501),
    "gzip, chunked": (post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 501),
    "chunked, gzip": (post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n"), 501),
    "xchunked": (post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 501),
    "chunked in quotes": (post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"), 501),
    "chunked with a parameter": (post(b"Transfer-Encoding: chunked;a=b", body=b"0\r\n\r\n"), 501),
    "chunked after a vertical tab": (post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), 400),
    "a comma before chunked": (post(b"Transfer-Encoding: ,chunked", body=b"0\r\n\r\n"), 501),
    "no coding, with a length": (post(b"Transfer-Encoding:", b"Content-Length: 5", body=b"hello"), 501),
    # Chunks
    "a negative chunk": (chunked(b"-5\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk with a plus": (chunked(b"+5\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk with 0x": (chunked(b"0x5\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk size with a space before": (chunked(b" 5\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk size with a space after": (chunked(b"5 \r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk size with an underscore": (chunked(b"0_5\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk size that is no number": (chunked(b"five\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk size of 17 digits": (chunked(b"00000000000000005\r\nhello\r\n0\r\n\r\n"), 400),
    "a chunk size that ends in LF": (chunked(b"5\nhello\r\n0\r\n\r\n"), 400),
    "a chunk size that ends in LF CR LF": (chunked(b"5\n\r\nhello\r\n0\r\n\r\n"), 400),
    "a bare LF in an extension": (chunked(b"5;a\n\r\nhello\r\n0\r\n\r\n"), 400),
    "a NUL in an extension": (chunked(b"5;a\0\r\nhello\r\n0\r\n\r\n"), 400),
    "an endless extension": (chunked(b"5;" + b"a" * 2000 + b"\r\nhello\r\n0\r\n\r\n"), 400),
    "an endless chunk size": (chunked(b"0" * 2000), 400),
    "an empty line before a chunk": (chunked(b"\r\n5\r\nhello\r\n0\r\n\r\n"), 400),
    "an empty line between chunks": (chunked(b"5\r\nhello\r\n\r\n0\r\n\r\n"), 400),
    "a chunk longer than its size": (chunked(b"5\r\nhello!\r\n0\r\n\r\n"), 400),
    "a chunk that ends in LF": (chunked(b"5\r\nhello\n0\r\n\r\n"), 400),
    "a chunk that ends in CR": (chunked(b"5\r\nhello\r0\r\n\r\n"), 400),
    "a huge chunk": (chunked(b"fffffffffffffff\r\n"), 413),
    "a bad trailer": (chunked(b"0\r\nbad trailer\r\n\r\n"), 400),
    "a trailer with LF": (chunked(b"0\r\nA: a\nB: b\r\n\r\n"), 400),
    "a folded trailer": (chunked(b"0\r\nA: a\r\n b\r\n\r\n"), 400),
    "an endless trailer": (chunked(b"0\r\nA: " + b"a" * 2000), 400),
    # Too much
    "too large a body, announced": (post(b"Content-Length: 10485761", body=b"hello"), 413),
    "too large a body, announced, and asking": (post(b"Content-Length: 10485761", b"Expect: 100-continue"), 413),
    "too large a header": (get(b"X-A: " + b"a" * 40_000), 431),
    "too large a header without an end": (b"GET / HTTP/1.1\r\nX-A: " + b"a" * 40_000, 431),
    "too many fields": (get(*[b"X-A: a"] * 200), 431),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Server, Application]]:
    """A server for all: each request of the tables has a connection of its own."""
    app = Application()
    with serving(app) as server:
        yield server, app


@pytest.fixture
def behind(shared: tuple[Server, Application]) -> tuple[Address, list[WSGIEnvironment]]:
    """The address of the server, and what its application sees from now on."""
    server, app = shared
    app.seen.clear()
    return server.address, app.seen


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_request_is_refused_once_and_what_follows_is_not_read(
    name: str, behind: tuple[Address, list[WSGIEnvironment]]
) -> None:
    sent, status = HOSTILE[name]
    address, seen = behind
    (answer,) = exchange(address, sent + SECOND)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert not seen


@pytest.mark.parametrize("name", ["two lengths", "a bare LF in an extension", "a NUL in a value", "CONNECT"])
def test_a_hostile_request_in_single_bytes_is_refused_the_same(name: str) -> None:
    sent, status = HOSTILE[name]
    app = Application()
    with serving(app) as server, connect(server.address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in sent + SECOND:
            connection.send(bytes([byte]))
        (answer,) = answers(read_to_end(connection))
    assert answer.status == status
    assert not app.seen


@pytest.mark.parametrize("name", ["two lengths", "a bad trailer", "no Host", "too large a header"])
def test_after_a_good_request_a_hostile_one_is_refused_and_ends_the_connection(name: str) -> None:
    sent, status = HOSTILE[name]
    app = Application()
    with serving(app) as server:
        found = exchange(server.address, request("/hello") + sent + SECOND)
    assert [answer.status for answer in found] == [200, status]
    assert len(app.seen) == 1


def test_a_request_after_an_answered_refusal_is_not_read() -> None:
    app = Application()
    with serving(app) as server, connect(server.address) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        received = connection.recv(2**16)
        connection.sendall(SECOND)
        (answer,) = answers(received + read_to_end(connection))
    assert answer.status == 400
    assert not app.seen


def test_urgent_data_ends_the_connection_and_does_not_keep_the_loop_awake(caplog: pytest.LogCaptureFixture) -> None:
    with serving(Application()) as server, connect(server.address) as connection:
        connection.send(b"G")
        connection.send(b"!", socket.MSG_OOB)
        until(lambda: not server._loop.connections())  # noqa: SLF001 - nothing else tells
    assert not caplog.records


HARMLESS = {
    "no Host in HTTP/1.0": get(line=b"GET / HTTP/1.0", host=False),
    "an IPv6 Host": get(b"Host: [::1]:8000", b"Connection: close", host=False),
    "a Host with a port": get(b"Host: localhost:8000", b"Connection: close", host=False),
    "Latin-1 in a value": get(b"X-A: \xe4", b"Connection: close"),
    "an empty value": get(b"X-A:", b"Connection: close"),
    "blanks around a value": get(b"X-A: \t a \t ", b"Connection: close"),
    "CHUNKED": post(b"Transfer-Encoding: CHUNKED", b"Connection: close", body=b"5\r\nhello\r\n0\r\n\r\n"),
    "leading zeros": post(b"Content-Length: 005", b"Connection: close", body=b"hello"),
    "an unknown method": get(b"Connection: close", line=b"BREW /pot HTTP/1.1"),
    "TRACE": get(b"Connection: close", line=b"TRACE / HTTP/1.1"),
    "GET with a body": get(b"Content-Length: 5", b"Connection: close") + b"hello",
    "an encoded NUL in the path": get(b"Connection: close", line=b"GET /%00 HTTP/1.1"),
    "an unknown expectation": get(b"Expect: wonders", b"Connection: close"),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_unusual_and_clear_reaches_the_application(
    name: str, behind: tuple[Address, list[WSGIEnvironment]]
) -> None:
    address, seen = behind
    (answer,) = exchange(address, HARMLESS[name])
    assert answer.status == 200
    assert len(seen) == 1
