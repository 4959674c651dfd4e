"""What the server does for requests that are in order."""

from __future__ import annotations

import socket
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from interfaces.http.server import RECEIVED_MONOTONIC, Server, ServerLimits
from tests.interfaces.http.server.wire import (
    Application,
    answers,
    ask,
    connect,
    exchange,
    problem,
    read_answer,
    read_to_end,
    request,
    serving,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


def test_it_tells_the_port_that_it_got() -> None:
    with serving(Application()) as server:
        host, port = server.address
        assert host == "127.0.0.1"
        assert port > 0
        assert ask(server.address, request("/hello")).body == b"hello"


def test_a_connection_serves_one_request_after_the_other() -> None:
    with serving(Application()) as server, connect(server.address) as connection:
        for number in range(3):
            connection.sendall(request("/echo", "POST", str(number).encode()))
            assert read_answer(connection).body == str(number).encode()


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_connection_goes_on_after_an_answer_that_has_no_body(status: str) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, [("ETag", f'"{environ["REQUEST_METHOD"]}"')])
        return []

    with serving(app) as server, connect(server.address) as connection:
        for method in ("GET", "DELETE", "HEAD", "GET"):
            connection.sendall(request("/hello", method))
            answer = read_answer(connection)
            assert (answer.status, answer.body) == (int(status[:3]), b"")
            assert answer.headers["etag"] == f'"{method}"'
            assert not {"connection", "content-length", "transfer-encoding"} & answer.headers.keys()
    with serving(app) as server:
        [answer] = exchange(server.address, request("/hello", Connection="close"))
    assert answer.headers["connection"] == "close"


def test_pipelined_requests_are_answered_in_order() -> None:
    sent = b"".join(request("/echo", "POST", body) for body in (b"one", b"two", b"three"))
    with serving(Application()) as server:
        found = exchange(server.address, sent + request("/hello", Connection="close"))
    assert [answer.body for answer in found] == [b"one", b"two", b"three", b"hello"]


def test_empty_lines_before_a_request_are_ignored() -> None:
    with serving(Application()) as server, connect(server.address) as connection:
        connection.sendall(b"\r\n\r\n\r\n" + request("/hello"))
        assert read_answer(connection).body == b"hello"
        connection.sendall(b"\r")
        connection.sendall(b"\n" + request("/hello"))
        assert read_answer(connection).body == b"hello"


@pytest.mark.parametrize("options", ["close", "Close", "TE, close", "close,TE"])
def test_a_client_that_says_close_is_closed_after_its_answer(options: str) -> None:
    with serving(Application()) as server:
        (answer,) = exchange(server.address, request("/hello", Connection=options))
    assert answer.headers["connection"] == "close"


def test_http_1_0_is_answered_and_closed() -> None:
    with serving(Application()) as server:
        (answer,) = exchange(server.address, b"GET /hello HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.body) == (200, b"hello")


def test_no_answer_names_the_software() -> None:
    with serving(Application()) as server:
        found = [ask(server.address, sent) for sent in (request("/hello"), request("/crash"), b"nonsense\r\n\r\n")]
    assert [answer.status for answer in found] == [200, 500, 400]
    for answer in found:
        assert not {"server", "via"} & set(answer.headers)
        assert "waitress" not in str(answer).lower()


def test_a_body_in_chunks_arrives_decoded_however_it_is_cut() -> None:
    app = Application()
    head = b"POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = head + b'5\r\nhello\r\n6;name="v;1"\r\n world\r\n0\r\nTrailer: x\r\n\r\n'
    sent += request("/hello", Connection="close")
    with serving(app) as server:
        for cut in range(len(head), len(sent) - 1):
            with connect(server.address) as connection:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sendall(sent[:cut])
                connection.sendall(sent[cut:])
                assert [answer.body for answer in answers(read_to_end(connection))] == [b"hello world", b"hello"]
    assert app.seen[0]["CONTENT_LENGTH"] == "11"
    assert "HTTP_TRAILER" not in app.seen[0]
    assert "HTTP_TRANSFER_ENCODING" not in app.seen[0]


def test_a_client_that_asks_may_send_its_body() -> None:
    with serving(Application()) as server, connect(server.address) as connection:
        connection.sendall(b"POST /size HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert read_answer(connection).body == b"3"


def test_a_client_that_asks_and_has_no_body_is_answered_at_once() -> None:
    """waitress sends 100 and takes the next request for the rest of this one."""
    with serving(Application()) as server, connect(server.address) as connection:
        for _ in range(2):
            connection.sendall(request("/hello", Expect="100-continue"))
            assert read_answer(connection).status == 200


def test_an_absolute_target_is_its_path_and_names_the_host() -> None:
    app = Application()
    with serving(app) as server:
        for target in ("http://real.example:81/hello?a=b", "HTTP://real.example"):
            assert ask(server.address, request(target)).status == 200
    assert [environ["PATH_INFO"] for environ in app.seen] == ["/hello", "/"]
    assert app.seen[0]["QUERY_STRING"] == "a=b"
    assert [environ["HTTP_HOST"] for environ in app.seen] == ["real.example:81", "real.example"]


def test_the_application_learns_when_the_request_had_arrived() -> None:
    app = Application()
    with serving(app, threads=1) as server, connect(server.address) as first, connect(server.address) as second:
        first.sendall(request("/gate"))
        assert app.entered.acquire(timeout=10)
        begun = time.monotonic()
        second.sendall(request("/hello"))
        until(lambda: time.monotonic() > begun + 0.3)
        opened = time.monotonic()
        app.gate.set()
        read_answer(second)
    assert begun <= app.seen[1][RECEIVED_MONOTONIC] < opened - 0.1


@pytest.mark.parametrize(
    ("trusted_proxy", "address", "scheme"),
    [
        (None, "127.0.0.1", "http"),
        ("192.0.2.1", "127.0.0.1", "http"),
        ("127.0.0.1", "203.0.113.7", "https"),
        ("::ffff:127.0.0.1", "203.0.113.7", "https"),
        ("192.0.2.1, 127.0.0.0/8", "203.0.113.7", "https"),
        ("127.0.0.1, 203.0.113.0/24", "198.51.100.9", "https"),
        ("*", "203.0.113.7", "https"),
    ],
)
def test_forwarding_fields_count_only_from_a_trusted_proxy_and_the_application_sees_none_of_them(
    trusted_proxy: str | None, address: str, scheme: str
) -> None:
    app = Application()
    sent: dict[str, Any] = {f"X_Forwarded_{name}": "x" for name in ("Host", "Port", "By")} | {
        "Forwarded": "for=192.0.2.9;proto=https"
    }
    with serving(app, trusted_proxy=trusted_proxy) as server:
        ask(
            server.address,
            request(X_Forwarded_For="198.51.100.9, [::ffff:203.0.113.7]:4711", X_Forwarded_Proto="https,http", **sent),
        )
    (environ,) = app.seen
    assert (environ["REMOTE_ADDR"], environ["wsgi.url_scheme"]) == (address, scheme)
    assert environ["HTTP_HOST"] == "test"
    assert not [name for name in environ if "FORWARDED" in name]


def test_a_field_that_is_repeated_is_one_list_and_the_proxys_own_comes_last() -> None:
    app = Application()
    with serving(app, trusted_proxy="*") as server:
        lines = b"X-Forwarded-For: 198.51.100.9\r\nx-forwarded-for: 203.0.113.7\r\nX_Forwarded_For: 192.0.2.1\r\n"
        ask(server.address, b"GET / HTTP/1.1\r\nHost: test\r\n" + lines + b"\r\n")
    assert app.seen[0]["REMOTE_ADDR"] == "203.0.113.7"


@pytest.mark.parametrize("zone", ["eth0", "x" * 5000])
def test_a_forwarded_address_comes_without_its_zone_which_may_be_of_any_length(zone: str) -> None:
    app = Application()
    with serving(app, trusted_proxy="*") as server:
        ask(server.address, request(X_Forwarded_For=f"fe80::1%{zone}"))
    assert app.seen[0]["REMOTE_ADDR"] == "fe80::1"


@pytest.mark.parametrize(
    ("trusted_proxy", "fields", "said"),
    [
        (None, {"X_Forwarded_For": "203.0.113.7"}, "forwarded_address_not_believed"),
        ("10.0.0.1", {"X_Forwarded_For": "garbage"}, "forwarded_address_not_believed"),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.7"}, "forwarded_address_missing"),
        (None, {}, None),
        ("127.0.0.1", {"X_Forwarded_For": "203.0.113.7"}, None),
    ],
)
def test_a_proxy_that_is_probably_set_wrong_is_said_in_one_line_however_many_requests_come(
    trusted_proxy: str | None, fields: dict[str, Any], said: str | None
) -> None:
    with capture_logs() as logs, serving(Application(), trusted_proxy=trusted_proxy) as server:
        for _ in range(3):
            assert ask(server.address, request("/hello", **fields)).status == 200
    warned = [line for line in logs if line["log_level"] == "warning"]
    assert [(line["event"], line["peer"]) for line in warned] == ([(said, "127.0.0.1")] if said else [])


def test_fields_with_an_underscore_can_not_pose_as_others() -> None:
    app = Application()
    with serving(app) as server:
        ask(server.address, b"GET / HTTP/1.1\r\nHost: test\r\nX_API_Key: forged\r\n\r\n")
    assert "HTTP_X_API_KEY" not in app.seen[0]


def test_a_long_answer_arrives_whole() -> None:
    with serving(Application()) as server:
        assert ask(server.address, request("/big/20000000")).body == b"x" * 20_000_000
        (streamed,) = exchange(server.address, request("/stream/40", Connection="close"))
        assert streamed.body == b"y" * 40 * 2**20


def test_a_kept_connection_does_not_keep_its_last_answer_in_memory() -> None:
    with serving(Application()) as server, connect(server.address) as connection:
        for size in (100_000, 1_000_000, 10_000_000):
            connection.sendall(request(f"/big/{size}"))
            assert len(read_answer(connection).body) == size
        (channel,) = server._loop.active_channels.values()  # noqa: SLF001 - nothing else tells
        until(lambda: [outbuf.buf for outbuf in channel.outbufs] == [None])


def test_a_client_that_closed_its_side_still_gets_the_answer() -> None:
    with serving(Application()) as server, connect(server.address) as connection:
        connection.sendall(request("/hello"))
        connection.shutdown(socket.SHUT_WR)
        assert b"hello" in read_to_end(connection)


def test_many_clients_are_served_at_once() -> None:
    with serving(Application()) as server, ThreadPoolExecutor(20) as pool:
        bodies = [str(number).encode() * 100 for number in range(400)]
        found = pool.map(lambda body: ask(server.address, request("/echo", "POST", body)).body, bodies)
        assert list(found) == bodies


def test_a_taken_port_is_told_and_leaves_nothing_open() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with serving(Application()) as server, pytest.raises(OSError, match="in use"):
            Server(Application(), *server.address, ServerLimits(), problem=problem)


def test_a_server_can_be_stopped_before_it_runs_and_more_than_once() -> None:
    threads = threading.active_count()
    server = Server(Application(), "127.0.0.1", 0, ServerLimits(), problem=problem)
    server.stop()
    server.run()
    server.stop()
    until(lambda: threading.active_count() <= threads)
    with pytest.raises(ConnectionRefusedError):
        connect(server.address)


def test_a_name_is_listened_on_at_one_address() -> None:
    server = Server(Application(), "localhost", 0, ServerLimits(), problem=problem)
    server.stop()
    server.run()
    assert server.address[0] == "127.0.0.1"


def test_limits_that_leave_nobody_to_drop_are_refused() -> None:
    ServerLimits(connections_max=145, threads=16, queue_max=128)
    with pytest.raises(ValueError, match="connections_max"):
        ServerLimits(connections_max=144, threads=16, queue_max=128)
    with pytest.raises(ValueError, match="at least 1"):
        ServerLimits(threads=0)
