"""What suites for HTTP/1.1 ask of a server, as data: sequences on one connection, cut in every way.

What has to be refused stands in test_strict_http.py and test_no_http.py; here is what has to work, in which order it is
answered, and whether the connection goes on.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.interfaces.http.server.wire import Application, connect, read_to_end, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from interfaces.http.server import Server

LAST = b"GET /hello HTTP/1.1\r\nHost: last\r\nConnection: close\r\n\r\n"
"""Follows each sequence: whether it is answered tells whether the connection went on."""
HELLO = (200, b"hello")


@dataclass(frozen=True)
class Case:
    """What is sent, the answers to it, and whether the connection goes on after them."""

    sent: bytes
    answers: tuple[tuple[int, bytes], ...]
    goes_on: bool = True


def case(*pieces: bytes, answers: list[tuple[int, bytes]], goes_on: bool = True) -> Case:
    return Case(b"".join(pieces), tuple(answers), goes_on)


def get(path: bytes = b"/hello", *fields: bytes, method: bytes = b"GET", version: bytes = b"1.1") -> bytes:
    return b"\r\n".join([method + b" " + path + b" HTTP/" + version, b"Host: test", *fields, b"", b""])


def post(*fields: bytes, body: bytes, path: bytes = b"/echo") -> bytes:
    return get(path, *fields, method=b"POST") + body


LENGTH_5 = b"Content-Length: 5"
CHUNKED = b"Transfer-Encoding: chunked"
ASKING = b"Expect: 100-continue"

CASES = {
    # Requests without a body
    "GET": case(get(), answers=[HELLO]),
    "GET with an empty length": case(get(b"/hello", b"Content-Length: 0"), answers=[HELLO]),
    "empty lines before": case(b"\r\n\r\n", get(), answers=[HELLO]),
    "an empty line after a body, as old browsers send it": case(
        post(LENGTH_5, body=b"hello"), b"\r\n", get(), answers=[(200, b"hello"), HELLO]
    ),
    "many fields": case(get(b"/hello", *[b"X-%d: a" % number for number in range(90)]), answers=[HELLO]),
    "a field of every character": case(
        get(b"/hello", b"X-!#$%&'*+.^`|~09azAZ-: \t !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\x80\xff\t "), answers=[HELLO]
    ),
    "names in any case": case(get(b"/echo", b"cOnTeNt-LeNgTh: 5", method=b"POST"), b"hello", answers=[(200, b"hello")]),
    "an absolute target": case(get(b"http://other/hello"), answers=[HELLO]),
    "an absolute target without a path": case(get(b"HTTP://other?x"), answers=[HELLO]),
    "a path of every character": case(get(b"/hello/!$&'()*+,;=:@-._~%20%2F?!$&'()*+,;=:@/?"), answers=[HELLO]),
    "an unknown method": case(get(method=b"BREW"), answers=[HELLO]),
    "OPTIONS of a path": case(get(method=b"OPTIONS"), answers=[HELLO]),
    "an unknown upgrade": case(get(b"/hello", b"Connection: Upgrade", b"Upgrade: h2c"), answers=[HELLO]),
    "a field that is listed in Connection": case(get(b"/hello", b"Connection: X-A", b"X-A: a"), answers=[HELLO]),
    # HEAD
    "HEAD": case(get(method=b"HEAD"), answers=[(200, b"")]),
    "HEAD between two": case(get(), get(method=b"HEAD"), get(), answers=[HELLO, (200, b""), HELLO]),
    "HEAD of a large answer": case(get(b"/big/300000", method=b"HEAD"), answers=[(200, b"")]),
    "HEAD of an answer without a length": case(
        get(b"/stream/2", b"Connection: close", method=b"HEAD"), answers=[(200, b"")], goes_on=False
    ),
    "HEAD with a body": case(get(b"/hello", LENGTH_5, method=b"HEAD"), b"hello", answers=[(200, b"")]),
    # Bodies
    "a body": case(post(LENGTH_5, body=b"hello"), answers=[(200, b"hello")]),
    "a body that looks like a request": case(
        post(b"Content-Length: %d" % len(get()), body=get()), answers=[(200, get())]
    ),
    "GET with a body": case(get(b"/echo", LENGTH_5), b"hello", answers=[(200, b"hello")]),
    "DELETE with a body": case(get(b"/echo", LENGTH_5, method=b"DELETE"), b"hello", answers=[(200, b"hello")]),
    "a body that is not read": case(get(b"/hello", LENGTH_5, method=b"POST"), b"xxxxx", answers=[HELLO]),
    "chunks": case(post(CHUNKED, body=b"5\r\nhello\r\n0\r\n\r\n"), answers=[(200, b"hello")]),
    "chunks of one byte": case(post(CHUNKED, body=b"1\r\nh\r\n1\r\ni\r\n0\r\n\r\n"), answers=[(200, b"hi")]),
    "a chunk in capitals and small letters": case(
        post(CHUNKED, body=b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n"), answers=[(200, b"0123456789" * 2)]
    ),
    "a size with zeros": case(post(CHUNKED, body=b"0005\r\nhello\r\n000\r\n\r\n"), answers=[(200, b"hello")]),
    "extensions": case(post(CHUNKED, body=b'5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n'), answers=[(200, b"hello")]),
    "trailers": case(post(CHUNKED, body=b"5\r\nhello\r\n0\r\nX-A: a\r\nX-B: b\r\n\r\n"), answers=[(200, b"hello")]),
    "no chunks": case(post(CHUNKED, body=b"0\r\n\r\n"), answers=[(200, b"")]),
    "a chunk that looks like an end": case(
        post(CHUNKED, body=b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n"), answers=[(200, b"\r\n0\r\n\r\n")]
    ),
    # Expect
    "asking before a body": case(post(LENGTH_5, ASKING, body=b"hello"), answers=[(200, b"hello")]),
    "asking in capitals": case(post(LENGTH_5, b"Expect: 100-Continue", body=b"hello"), answers=[(200, b"hello")]),
    "asking without a body": case(get(b"/hello", ASKING), answers=[HELLO]),
    "asking in HTTP/1.0": case(
        get(b"/echo", LENGTH_5, ASKING, b"Connection: keep-alive", method=b"POST", version=b"1.0"),
        b"hello",
        answers=[(200, b"hello")],
    ),
    # One after the other
    "three": case(get(), get(b"/size"), get(), answers=[HELLO, (200, b"0"), HELLO]),
    "bodies between": case(
        post(LENGTH_5, body=b"first"),
        post(CHUNKED, body=b"6\r\nsecond\r\n0\r\n\r\n"),
        post(LENGTH_5, body=b"third"),
        answers=[(200, b"first"), (200, b"second"), (200, b"third")],
    ),
    "a slow one first": case(get(b"/big/200000"), get(), answers=[(200, b"x" * 200_000), HELLO]),
    "a failure ends it": case(get(b"/crash"), answers=[(500, b"*")], goes_on=False),
    "a refusal ends it": case(get(b"/hello", b"Content-Length: x"), answers=[(400, b"*")], goes_on=False),
    "OPTIONS *": case(get(b"*", method=b"OPTIONS"), answers=[(501, b"*")], goes_on=False),
    # The end of a connection
    "close": case(get(b"/hello", b"Connection: close"), answers=[HELLO], goes_on=False),
    "close in capitals": case(get(b"/hello", b"Connection: CLOSE"), answers=[HELLO], goes_on=False),
    "close in a list": case(get(b"/hello", b"Connection: x-a , close"), answers=[HELLO], goes_on=False),
    "close in a second field": case(
        get(b"/hello", b"Connection: x-a", b"Connection: close"), answers=[HELLO], goes_on=False
    ),
    "keep-alive": case(get(b"/hello", b"Connection: keep-alive"), answers=[HELLO]),
    "HTTP/1.0": case(get(version=b"1.0"), answers=[HELLO], goes_on=False),
    "keep-alive in HTTP/1.0": case(get(b"/hello", b"Connection: Keep-Alive", version=b"1.0"), answers=[HELLO]),
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(Application()) as running:
        yield running


def read_answers(received: bytes, methods: list[str]) -> list[tuple[int, bytes]]:
    """Return status and body of each answer; interim ones are left out. methods: of the requests, in their order."""
    found: list[tuple[int, bytes]] = []
    while received:
        head, end, received = received.partition(b"\r\n\r\n")
        assert end, head[:200]
        status = re.match(rb"HTTP/1\.[01] (\d{3}) [A-Z]", head)
        assert status, head[:200]
        if status[1] == b"100":
            continue
        length = re.search(rb"\r\nContent-Length: (\d+)", head)
        size = 0 if methods[len(found)] == "HEAD" or length is None else int(length[1])
        assert len(received) >= size, "cut short"
        found.append((int(status[1]), received[:size]))
        received = received[size:]
    return found


def methods_of(wanted: Case) -> list[str]:
    """Return the method of each request of a case, in a body none is looked for."""
    if len(wanted.answers) == 1:
        first = wanted.sent.lstrip(b"\r\n").partition(b" ")[0].decode()
        return [first, "GET"]
    return [found.decode() for found in re.findall(rb"([A-Z]+) \S+ HTTP/1\.1\r\n", wanted.sent)] + ["GET"]


@pytest.mark.parametrize("piece", [1, 7, 10**6], ids=["in single bytes", "in sevens", "in one piece"])
@pytest.mark.parametrize("name", CASES)
def test_it_is_answered_in_order_and_the_connection_goes_on_or_ends(name: str, piece: int, server: Server) -> None:
    wanted = CASES[name]
    # Who said that this is the last one sends no other: the connection is closed, and bytes that come then reset it.
    is_said = not wanted.goes_on and (b"close" in wanted.sent.lower() or b"HTTP/1.0" in wanted.sent)
    sent = wanted.sent + (b"" if is_said else LAST)
    with connect(server.address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(sent), piece):
            connection.sendall(sent[at : at + piece])
        found = read_answers(read_to_end(connection), methods_of(wanted))
    expected = [*wanted.answers, *([HELLO] if wanted.goes_on else [])]
    assert [status for status, _ in found] == [status for status, _ in expected]
    for (_, body), (_, known) in zip(found, expected, strict=True):
        assert known in {b"*", body}


@pytest.mark.parametrize("fields", [[LENGTH_5, ASKING], [CHUNKED, ASKING]])
def test_who_asks_is_told_once_to_go_on_and_before_that_nothing_is_waited_for(
    fields: list[bytes], server: Server
) -> None:
    body = b"hello" if LENGTH_5 in fields else b"5\r\nhello\r\n0\r\n\r\n"
    with connect(server.address) as connection:
        connection.sendall(post(*fields, body=b""))
        assert connection.recv(2**16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body + LAST)
        received = read_to_end(connection)
    assert b"100 Continue" not in received
    assert read_answers(received, ["POST", "GET"]) == [(200, b"hello"), HELLO]


def test_a_client_of_http_1_0_is_not_told_to_go_on(server: Server) -> None:
    with connect(server.address) as connection:
        connection.sendall(get(b"/echo", LENGTH_5, ASKING, method=b"POST", version=b"1.0"))
        connection.sendall(b"hello")
        assert read_to_end(connection).startswith(b"HTTP/1.0 200 OK\r\n")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_of_an_answer_without_a_length_the_end_is_told_by_its_last_chunk_which_head_does_not_get(
    method: str, server: Server
) -> None:
    with connect(server.address) as connection:
        connection.sendall(get(b"/stream/1", method=method.encode()))
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert body.endswith(b"\r\n0\r\n\r\n") if method == "GET" else body == b""
