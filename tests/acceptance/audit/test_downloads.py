"""Downloads over a socket: whole, or seen not to be; whoever reads, and whatever becomes of the store."""

from __future__ import annotations

import http.client
import json
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from application.store.errors import StoreUnavailableError
from interfaces.http import downloads
from interfaces.http.app import create_app
from interfaces.http.downloads import Downloads
from projections.audit.queries import AuditFilter
from tests.acceptance.audit.asking import rename
from tests.acceptance.conftest import serving
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.support.world import World

BOUNDARY = 300
"""Rows, so that a file has more than one piece."""


@pytest.fixture
def address(world: World) -> Iterator[tuple[str, int]]:
    """Where the service listens, with downloads of its own."""
    with serving(create_app(world.services)) as server:
        yield server.address


@contextmanager
def asked(
    world: World, address: tuple[str, int], path: str = "/audit/export?format=jsonl"
) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(*address, timeout=20)
    try:
        connection.request("GET", world.account(path), headers=world.signed_in("alice"))
        yield connection.getresponse()
    finally:
        connection.close()


def read_whole(world: World, address: tuple[str, int]) -> list[Any]:
    with asked(world, address) as answer:
        return [json.loads(line) for line in answer.read().splitlines()]


class FailsLater:
    """An audit log whose store goes away after so many pages."""

    def __init__(self, world: World, pages: int) -> None:
        self._log = world.services.audit_log
        self._pages = pages

    def pages(self, scope_id: UUID, where: AuditFilter) -> Iterator[Any]:
        for number, page in enumerate(self._log.pages(scope_id, where)):
            if number == self._pages:
                raise StoreUnavailableError("the connection is lost")
            yield page


def test_a_whole_file_ends_with_the_last_chunk_and_with_the_connection(world: World, address: tuple[str, int]) -> None:
    rename(world, BOUNDARY)
    with asked(world, address) as answer:
        assert answer.getheader("Transfer-Encoding") == "chunked"
        assert answer.getheader("X-Request-Id")
        assert len(answer.read().splitlines()) > BOUNDARY
    with socket.create_connection(address, timeout=20) as raw:
        raw.sendall(request_of(world))
        received = b"".join(iter(lambda: raw.recv(2**16), b""))
    assert received.endswith(b"\r\n0\r\n\r\n")


def request_of(world: World, version: str = "1.1") -> bytes:
    token = world.signed_in("alice")["Authorization"]
    path = world.account("/audit/export?format=jsonl")
    return f"GET {path} HTTP/{version}\r\nHost: test\r\nAuthorization: {token}\r\n\r\n".encode()


def test_a_file_that_the_store_leaves_in_the_middle_is_seen_to_be_cut_off(
    world: World, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rename(world, BOUNDARY)
    monkeypatch.setattr(world.services, "audit_log", FailsLater(world, 1))
    with structlog.testing.capture_logs() as logged:
        with asked(world, address) as answer, pytest.raises(http.client.IncompleteRead) as cut:
            answer.read()
        wait_until(lambda: any(line["event"] == "answer cut short" for line in logged), "a log line")
    assert answer.status == 200
    assert cut.value.partial.endswith(b"}\n")
    [ended] = [line for line in logged if line["event"] == "download_ended"]
    assert (ended["is_complete"], ended["bytes"]) == (False, len(cut.value.partial))
    assert [line["status"] for line in logged if line["event"] == "request"] == [200]
    monkeypatch.undo()
    assert len(read_whole(world, address)) > BOUNDARY


def test_a_store_that_is_away_from_the_start_is_a_503_as_ever(
    world: World, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.services, "audit_log", FailsLater(world, 0))
    for _ in range(downloads.AT_ONCE_MAX + 1):
        with asked(world, address) as answer:
            assert (answer.status, json.loads(answer.read())["type"]) == (503, "/problems/unavailable")


def test_each_download_is_one_line_of_the_request_and_one_at_its_end(world: World, address: tuple[str, int]) -> None:
    with structlog.testing.capture_logs() as logged:
        rows = read_whole(world, address)
        wait_until(lambda: any(line["event"] == "download_ended" for line in logged), "a log line")
    lines = [line for line in logged if line["event"] in {"request", "download_ended"}]
    assert [line["event"] for line in lines] == ["request", "download_ended"]
    assert lines[0]["request_id"] == lines[1]["request_id"]
    assert lines[1]["is_complete"]
    assert rows


def test_a_reader_who_leaves_gives_the_place_back(world: World, address: tuple[str, int]) -> None:
    rename(world, BOUNDARY)
    for _ in range(downloads.AT_ONCE_MAX + 1):
        with socket.create_connection(address, timeout=20) as connection:
            connection.sendall(request_of(world))
            assert connection.recv(10)
    wait_until(lambda: free_places(world) == downloads.AT_ONCE_MAX, "all places free")
    assert read_whole(world, address)


def free_places(world: World) -> int:
    return downloads.AT_ONCE_MAX - world.services.downloads.places_taken()


def test_an_account_takes_one_place_however_often_it_asks_and_who_was_refused_comes_next() -> None:
    now = [0.0]
    places = Downloads()

    def takes(turn: str) -> bool:
        return places._take_place(turn)  # noqa: SLF001 - without a download

    def ends(turn: str) -> None:
        places._give_place_back(turn)  # noqa: SLF001 - as above

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("interfaces.http.downloads.time.monotonic", lambda: now[0])
        assert [takes("a"), takes("a"), takes("a")] == [True, False, False]
        assert takes("b")
        assert [takes("c"), takes("d"), takes("e")] == [False, False, False]
        ends("a")
        assert [takes("a"), takes("d"), takes("c")] == [False, False, True], "the one who was refused first is next"
        ends("b")
        assert [takes("b"), takes("e"), takes("d")] == [False, False, True]
        ends("c")
        now[0] += downloads.KEPT_SECONDS
        assert takes("f"), "for who does not come back no place is kept for ever"


class Endless:
    """An audit log that goes on for ever, in pages of half a megabyte."""

    def __init__(self, world: World) -> None:
        rename(world, 5)
        self._page = next(world.services.audit_log.pages(world.cast.account_a, AuditFilter())) * 200

    def pages(self, *_: object) -> Iterator[Any]:
        while True:
            yield self._page


def test_a_reader_who_takes_nothing_is_dropped_and_others_are_served_meanwhile(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.services, "audit_log", Endless(world))
    with (
        serving(create_app(world.services), send_seconds_max=1, drain_seconds_max=1) as server,
        socket.socket() as still,
    ):
        still.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
        still.connect(server.address)
        still.sendall(request_of(world))
        wait_until(lambda: free_places(world) < downloads.AT_ONCE_MAX, "the download has begun")
        connection = http.client.HTTPConnection(*server.address, timeout=5)
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200
        connection.close()
        wait_until(lambda: free_places(world) == downloads.AT_ONCE_MAX, "it is given up", seconds_max=30)


def test_a_download_that_takes_too_long_is_cut_off(
    world: World, address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    rename(world, BOUNDARY)
    monkeypatch.setattr(world.services, "downloads", Downloads(seconds_max=0))
    with asked(world, address) as answer, pytest.raises(http.client.IncompleteRead):
        answer.read()
    monkeypatch.undo()
    assert read_whole(world, address)


def test_over_http_1_0_where_no_end_could_be_told_from_a_cut_nothing_is_sent(
    world: World, address: tuple[str, int]
) -> None:
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(request_of(world, "1.0"))
        received = b"".join(iter(lambda: connection.recv(2**16), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.split()[1] == b"501"
    assert "proxy_http_version 1.1" in json.loads(body)["detail"]
