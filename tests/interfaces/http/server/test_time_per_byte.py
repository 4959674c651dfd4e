"""What a stranger sends takes time in proportion to its bytes: of every kind of byte, at every place of a header."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from interfaces.http.server.limits import ServerLimits, Settings
from interfaces.http.server.parser import RequestParser
from tests.interfaces.http.server.wire import connect, read_to_end, serving
from tests.support.effort import effort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from interfaces.http.server import Server

HALF_BYTES = 15 * 1024
"""Twice as many, and the rest of the request, are what a header may have."""
GROWTH_MAX = 5.0
"""Of the time when the bytes are doubled: twice as much, and room for noise. What grows with the square takes four
times as much, and so long already that the other bound catches it; what grows with the cube, eight times."""
TRIES = effort(5, 20)
PLAIN_FACTOR_MAX = 100.0
"""Of the time that the most ordinary bytes take. What backtracks took a hundred thousand times as long."""

BYTES = {
    "blanks": b" ",
    "tabs": b"\t",
    "blanks and tabs": b" \t",
    "colons": b":",
    "commas": b",",
    "semicolons": b";",
    "digits": b"1",
    "zeros": b"0",
    "letters": b"x",
    "slashes": b"/",
    "dots": b".",
    "percent signs": b"%",
    "escapes": b"%41",
    "question marks": b"?",
    "at signs": b"@",
    "brackets": b"[",
    "quotes": b'"',
    "equals signs": b"=",
    "hyphens": b"-",
    "underscores": b"_",
    "CR": b"\r",
    "LF": b"\n",
    "CR LF": b"\r\n",
    "LF CR": b"\n\r",
    "NUL": b"\0",
    "high bytes": b"\xff",
    "the beginning of a scheme": b"a:",
    "schemes": b"a://",
    "chunked": b"chunked,",
    "close": b"close,",
}

FIELDS = (
    "Host",
    "Transfer-Encoding",
    "Content-Length",
    "Connection",
    "Expect",
    "X-Request-Id",
    "X-Forwarded-For",
    "Cookie",
    "X-Anything",
)

PLACES: dict[str, Callable[[bytes], bytes]] = {
    "alone": lambda some: some,
    "the method": lambda some: some + b" / HTTP/1.1\r\nHost: a\r\n\r\n",
    "the target": lambda some: b"GET " + some + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "the path": lambda some: b"GET /" + some + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "the query": lambda some: b"GET /?" + some + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute target": lambda some: b"GET http://a" + some + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    "the version": lambda some: b"GET / HTTP/" + some + b"\r\nHost: a\r\n\r\n",
    "the name of a field": lambda some: b"GET / HTTP/1.1\r\nHost: a\r\n" + some + b": x\r\n\r\n",
    "a line of its own": lambda some: b"GET / HTTP/1.1\r\nHost: a\r\n" + some + b"\r\n\r\n",
    "the end": lambda some: b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" + some,
    **{
        f"{name} {where}": (
            lambda some, name=name, before=before, after=after: (  # type: ignore[misc] # mypy knows no defaults here
                b"GET / HTTP/1.1\r\nHost: a\r\n" + name.encode() + b":" + before + some + after + b"\r\n\r\n"
            )
        )
        for name in FIELDS
        for where, before, after in (
            ("alone", b"", b""),
            ("before a bare CR", b"", b"\rX"),
            ("before a letter", b" ", b"x"),
            ("after a letter", b" x", b""),
        )
    },
}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return Settings("127.0.0.1", 0, ServerLimits(), None)


def some_of(piece: bytes, size: int) -> bytes:
    return (piece * (size // len(piece) + 1))[:size]


def seconds(settings: Settings, sent: bytes, piece: int) -> float:
    """Return the processor time of this thread that it took to read what was sent, in pieces."""
    parser = RequestParser(settings)
    begun = time.thread_time()
    for at in range(0, len(sent), piece):
        if parser.completed:
            break
        parser.received(sent[at : at + piece])
    return time.thread_time() - begun


def assert_grows_with_the_bytes(measure: Callable[[int], float], least: float, name: str = "") -> None:
    """Measure `HALF_BYTES` and twice as many; what a pause may have spoilt is measured again, and the least counts.

    least: seconds below which nothing is told from noise.
    """
    once = twice = math.inf
    for _ in range(TRIES):
        once, twice = min(once, measure(HALF_BYTES)), min(twice, measure(2 * HALF_BYTES))
        if twice < GROWTH_MAX * max(once, least) and twice < PLAIN_FACTOR_MAX * least:
            return
    pytest.fail(f"{name}: {once:.6f} s, twice the bytes {twice:.6f} s; {least:.6f} s would be little")


@pytest.mark.parametrize("place", PLACES)
def test_a_header_of_any_bytes_is_read_in_time_that_grows_with_the_bytes(place: str, settings: Settings) -> None:
    least = max(min(seconds(settings, PLACES["X-Anything alone"](b"x" * 2 * HALF_BYTES), 8192) for _ in "123"), 5e-5)
    for name, piece in BYTES.items():
        assert_grows_with_the_bytes(
            lambda size, piece=piece: seconds(settings, PLACES[place](some_of(piece, size)), 8192),  # type: ignore[misc]
            least,
            name,
        )


@pytest.mark.parametrize("name", ["blanks", "CR", "CR LF"])
def test_a_header_that_comes_in_single_bytes_is_read_in_time_that_grows_with_the_bytes(
    name: str, settings: Settings
) -> None:
    assert_grows_with_the_bytes(
        lambda size: seconds(settings, PLACES["X-Anything alone"](some_of(BYTES[name], size)), 1), 5e-3
    )


CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
IN_CHUNKS = {
    "one byte each": b"1\r\nx\r\n",
    "sixty-four bytes each": b"40\r\n" + b"x" * 64 + b"\r\n",
    "extensions": b"1;" + b"x" * 500 + b"\r\nx\r\n",
    "blanks": b"1" + b" " * 500 + b";\r\nx\r\n",
    "a size without end": b"0",
}


@pytest.mark.parametrize("name", IN_CHUNKS)
@pytest.mark.parametrize("piece", [7, 8192])
def test_a_body_in_chunks_is_read_in_time_that_grows_with_the_bytes(name: str, piece: int, settings: Settings) -> None:
    assert_grows_with_the_bytes(lambda size: seconds(settings, CHUNKED + some_of(IN_CHUNKS[name], size), piece), 2e-3)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    def app(_: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Length", "0")])
        return []

    with serving(app) as running:
        yield running


@pytest.mark.parametrize(
    "place", ["the path", "the query", "Host before a letter", "X-Request-Id alone", "X-Forwarded-For alone"]
)
def test_an_answer_to_any_bytes_takes_time_that_grows_with_the_bytes(place: str, server: Server) -> None:
    def answered(piece: bytes, size: int) -> float:
        sent = PLACES[place](some_of(piece, size)).replace(b"Host: a", b"Host: a\r\nConnection: close", 1)
        begun = time.process_time()
        with connect(server.address) as connection:
            connection.sendall(sent)
            # Bytes after the end of a request that said close reset the connection.
            with suppress(ConnectionResetError):
                assert b"\r\n\r\n" in read_to_end(connection)
        return time.process_time() - begun

    for name, piece in BYTES.items():
        assert_grows_with_the_bytes(lambda size, piece=piece: answered(piece, size), 5e-3, name)  # type: ignore[misc]
