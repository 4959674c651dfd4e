"""What the server answers by itself: problems that look as the application's, at the limits and one over."""

from __future__ import annotations

import errno
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import structlog
from structlog.testing import capture_logs
from waitress.buffers import TempfileBasedBuffer

from tests.interfaces.http.server.wire import (
    Answer,
    Application,
    answers,
    ask,
    connect,
    exchange,
    read_answer,
    read_to_end,
    request,
    serving,
    until,
)

if TYPE_CHECKING:
    from typing import Any

KEY = "rpakey_" + "A1b2C3d4" * 4 + "xYz123"
MIB = 2**20
CHUNKED = b"POST /size HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"


def assert_is_problem(answer: Answer, status: int, slug: str, instance: str = "/") -> None:
    assert (answer.status, answer.json["status"]) == (status, status)
    assert answer.json["type"] == f"/problems/{slug}"
    assert answer.json["instance"] == instance
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert {"title", "detail"} < set(answer.json)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("sent", "status", "slug", "instance"),
    [
        (b"nonsense\r\n\r\n", 400, "malformed-request", "/"),
        (b"GET /a HTTP/1.1\r\n\r\n", 400, "malformed-request", "/a"),
        (b"GET /a?b=c HTTP/1.1\r\nHost: test\r\nbad field\r\n\r\n", 400, "malformed-request", "/a"),
        (request("/a/b", "POST", Content_Length=str(10 * MIB + 1)), 413, "too-large", "/a/b"),
        (request("/a", X_Long="x" * 32 * 1024), 431, "headers-too-large", "/a"),
        (request("/a").replace(b"\r\n\r\n", b"\r\nX-A: a" * 100 + b"\r\n\r\n"), 431, "headers-too-large", "/a"),
        (request("/a", "POST", Transfer_Encoding="gzip"), 501, "not-implemented", "/a"),
        (request("/crash"), 500, "internal-error", "/crash"),
        (
            request("//evil.example/crash", "POST", Transfer_Encoding="gzip"),
            501,
            "not-implemented",
            "/evil.example/crash",
        ),
        (request("http://test/a?b", "POST", Transfer_Encoding="gzip"), 501, "not-implemented", "/a"),
        (request("/" + "a" * 1000, "POST", Transfer_Encoding="gzip"), 501, "not-implemented", "/"),
    ],
)
def test_every_error_of_the_server_is_a_problem(sent: bytes, status: int, slug: str, instance: str) -> None:
    with serving(Application()) as server:
        (answer,) = exchange(server.address, sent)
    assert_is_problem(answer, status, slug, instance)


def test_an_error_carries_the_id_that_the_client_gave_its_request() -> None:
    with serving(Application()) as server:
        for path in ("/crash", "*"):
            answer = ask(server.address, request(path, X_Request_Id="abc-123"))
            assert answer.json["request_id"] == "abc-123"


def test_head_gets_the_header_of_the_error_alone() -> None:
    with serving(Application()) as server, connect(server.address) as connection:
        connection.sendall(request("/crash", "HEAD"))
        head, _, body = read_to_end(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert body == b""


@pytest.mark.parametrize("holding", [KEY, KEY.replace("k", "%6b"), KEY.replace("k", "%256B"), f"?k={KEY}"])
def test_of_an_url_with_a_key_nothing_is_repeated_or_logged(holding: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged, serving(Application()) as server:
        found = [
            *exchange(server.address, request(f"/crash/{holding}")),
            *exchange(server.address, request(f"/a/{holding}", "POST", Transfer_Encoding="gzip")),
            *exchange(server.address, request(f"http://test/{holding}", Content_Length="x")),
            *exchange(server.address, request(f"/{holding} x")),
        ]
    assert [(answer.status, answer.json["instance"]) for answer in found] == [(500, "/"), (501, "/"), *[(400, "/")] * 2]
    for text in (str(found), str(logged), caplog.text):
        assert KEY[15:30] not in text


def test_a_crash_is_answered_without_its_cause_and_logged_with_it(caplog: pytest.LogCaptureFixture) -> None:
    with structlog.testing.capture_logs() as logged, serving(Application()) as server:
        found = [exchange(server.address, request(path))[0] for path in ("/crash", "/exit")]
    for answer in found:
        assert_is_problem(answer, 500, "internal-error", answer.json["instance"])
        assert b"private" not in answer.body
        assert b"Traceback" not in answer.body
    failures = [line for line in logged if line["event"] == "request failed"]
    assert [type(line["exc_info"]) for line in failures] == [OSError, SystemExit]
    assert failures[0]["request_id"] == found[0].headers["x-request-id"]
    assert not caplog.records


def test_an_answer_that_fails_half_way_is_cut_short_and_the_server_goes_on() -> None:
    with serving(Application(), threads=1) as server:
        for _ in range(3):
            with connect(server.address) as connection:
                connection.sendall(request("/break"))
                received = read_to_end(connection)
            assert b"one half" in received
            assert b"private" not in received
            assert not received.endswith(b"0\r\n\r\n")
        assert ask(server.address, request("/hello")).status == 200


def test_an_error_that_can_not_be_written_is_answered_without_a_body(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch, serving(Application()) as server:
        patch.setattr(server._loop, "problem", broken)  # noqa: SLF001 - given to the constructor
        (answer,) = exchange(server.address, b"nonsense\r\n\r\n")
    assert (answer.status, answer.body) == (400, b"")


@pytest.mark.parametrize("field", [":80", "a:b:c, :80", "203.0.113.7, unknown", "unix:", "203.0.113.7,", "\xff" * 9000])
def test_a_forwarding_field_that_can_not_be_read_is_a_problem_that_names_proxy_and_field_and_repeats_nothing(
    field: str,
) -> None:
    with capture_logs() as logs, serving(Application(), trusted_proxy="*") as server:
        sent = b"GET /a HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: " + field.encode("latin-1") + b"\r\n\r\n"
        (answer,) = exchange(server.address, sent)
    assert_is_problem(answer, 400, "malformed-request", "/a")
    (line,) = [line for line in logs if line["event"] == "request refused"]
    assert line["client"] == "127.0.0.1"
    for said in (line["detail"], answer.json["detail"]):
        assert said.startswith("The proxy 127.0.0.1 sent an X-Forwarded-For that can't be read: ")
        assert len(said) < 400


def test_a_body_at_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    limit = 100_000
    with serving(Application(), body_bytes_max=limit) as server:
        assert ask(server.address, request("/size", "POST", b"x" * limit)).body == b"100000"
        (answer,) = exchange(server.address, request("/size", "POST", b"x" * (limit + 1)))
        assert_is_problem(answer, 413, "too-large", "/size")
        for piece in (1, 7, 1000, limit):
            whole = b"".join(b"%x\r\n%b\r\n" % (piece, b"x" * piece) for _ in range(limit // piece))
            left = limit % piece
            last = b"%x\r\n%b\r\n" % (left, b"x" * left) if left else b""
            assert ask(server.address, CHUNKED + whole + last + b"0\r\n\r\n").body == b"100000"
            (answer,) = exchange(server.address, CHUNKED + whole + last + b"1\r\nx\r\n0\r\n\r\n")
            assert_is_problem(answer, 413, "too-large", "/size")


def test_a_chunk_that_would_pass_the_limit_is_refused_when_it_is_announced() -> None:
    with serving(Application()) as server:
        (answer,) = exchange(server.address, CHUNKED + b"ffffffffff\r\n")
    assert_is_problem(answer, 413, "too-large", "/size")


def test_chunks_that_are_mostly_framing_are_refused() -> None:
    with serving(Application()) as server:
        (answer,) = exchange(server.address, CHUNKED + b"1\r\nx\r\n" * 300_000)
    assert_is_problem(answer, 413, "too-large", "/size")


def test_a_header_at_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    room = 32 * 1024 - len(request("/hello", X_Long=""))
    with serving(Application()) as server:
        assert ask(server.address, request("/hello", X_Long="x" * room)).status == 200
        (answer,) = exchange(server.address, request("/hello", X_Long="x" * (room + 1)))
        assert_is_problem(answer, 431, "headers-too-large", "/hello")
        (answer,) = exchange(server.address, b"GET /" + b"a" * 40_000)
        assert_is_problem(answer, 431, "headers-too-large", "/")


def test_a_hundred_header_fields_are_taken_and_one_more_is_not() -> None:
    at_the_limit = request("/hello").replace(b"\r\n\r\n", b"\r\nX-A: a" * 99 + b"\r\n\r\n")
    with serving(Application()) as server:
        assert ask(server.address, at_the_limit).status == 200
        (answer,) = exchange(server.address, at_the_limit.replace(b"Host:", b"X-B: b\r\nHost:"))
    assert_is_problem(answer, 431, "headers-too-large", "/hello")


def test_a_client_that_asks_first_is_told_413_instead_of_100() -> None:
    with serving(Application()) as server:
        (answer,) = exchange(
            server.address, request("/a", "POST", Expect="100-continue", Content_Length=str(10 * MIB + 1))
        )
    assert_is_problem(answer, 413, "too-large", "/a")


def test_a_client_that_goes_on_sending_can_read_why_it_was_refused() -> None:
    with serving(Application()) as server:
        for _ in range(5):
            with connect(server.address) as connection:
                connection.sendall(request("/a", "POST", Content_Length=str(11 * MIB)))
                for _ in range(11):
                    connection.sendall(b"x" * MIB)
                (answer,) = answers(read_to_end(connection))
            assert_is_problem(answer, 413, "too-large", "/a")


def test_a_client_that_never_stops_sending_is_cut_off() -> None:
    with serving(Application(), body_bytes_max=MIB) as server, connect(server.address) as connection:
        connection.sendall(request("/a", "POST", Content_Length=str(2 * MIB)))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            connection.sendall(b"x" * 200 * MIB)


def test_a_client_that_stays_after_the_last_answer_is_closed() -> None:
    with serving(Application(), linger_seconds_max=0.1) as server, connect(server.address) as connection:
        connection.sendall(b"nonsense\r\n\r\n")
        assert b" 400 " in read_to_end(connection)
        until(lambda: not server._loop.connections())  # noqa: SLF001 - nothing else tells


def test_requests_over_the_queue_are_told_to_come_back_at_once() -> None:
    app = Application()
    with serving(app, threads=2, queue_max=3, connections_max=50) as server, ThreadPoolExecutor(20) as pool:
        held = [pool.submit(ask, server.address, request("/gate")) for _ in range(2)]
        for _ in range(2):
            assert app.entered.acquire(timeout=10)
        queued = [connect(server.address) for _ in range(3)]
        for connection in queued:
            connection.sendall(request("/hello"))
        until(lambda: len(server._loop.dispatcher.queue) == 3)  # noqa: SLF001 - nothing else tells
        for answer in pool.map(lambda _: exchange(server.address, request("/hello"))[0], range(10)):
            assert_is_problem(answer, 503, "unavailable", "/hello")
            assert answer.headers["retry-after"] == "1"
        app.gate.set()
        assert [one.result().status for one in held] == [200, 200]
        for connection in queued:
            assert read_answer(connection).body == b"hello"
            connection.close()


def test_a_malformed_request_is_answered_while_every_thread_is_busy() -> None:
    app = Application()
    with serving(app, threads=1) as server, connect(server.address) as busy:
        busy.sendall(request("/gate"))
        assert app.entered.acquire(timeout=10)
        (answer,) = exchange(server.address, b"nonsense\r\n\r\n")
        assert answer.status == 400
        app.gate.set()
        assert read_answer(busy).status == 200


def test_a_body_that_there_is_no_room_for_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TempfileBasedBuffer, "newfile", full)
    app = Application()
    with serving(app) as server:
        assert ask(server.address, request("/size", "POST", b"x" * 100_000)).body == b"100000"
        (answer,) = exchange(server.address, request("/size", "POST", b"x" * 1_000_000))
    assert_is_problem(answer, 503, "unavailable", "/size")
    assert answer.headers["retry-after"] == "1"
    assert len(app.seen) == 1
