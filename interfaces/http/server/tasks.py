"""What a thread does with a request: call the application, or answer a refusal."""

from __future__ import annotations

import time
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import structlog
from waitress.channel import ClientDisconnected
from waitress.proxy_headers import PROXY_HEADERS
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import build_http_date

from domain.client_network import canonical_address
from interfaces.http.forwarded import ADVICE, ForwardedError, find_client
from interfaces.http.server import refusals

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from interfaces.http.forwarded import Oddity
    from interfaces.http.server.channel import Channel
    from interfaces.http.server.limits import Settings
    from interfaces.http.server.refusals import Refusal

RECEIVED_MONOTONIC = "rpawatch.received_monotonic"
"""WSGI name of time.monotonic() when the request had arrived completely. It may have waited since."""

ENTRANCE = "rpawatch.entrance"
"""WSGI name of the `Listener.entrance` of the socket that the connection was accepted from."""

ONE_PIECE_BYTES_MAX = 64 * 1024
"""Most of an answer's first bytes that are copied to follow the header in one system call."""

_PORTS = {"http": "80", "https": "443"}

_log = structlog.get_logger(__name__)


class RefusalTask(ErrorTask):
    """Answers what `request.error` says, and closes the connection. Never raises."""

    channel: Any
    request: Any
    response_headers: list[tuple[str, str]]
    failure: BaseException | None = None

    def service(self) -> None:
        # Ours, whatever was asked for (RFC 9110, 6.2): what came may have no version that can be read.
        self.version = "1.1"
        try:
            self.start()
            self.execute()
            self.finish()
        except ClientDisconnected:
            pass
        except Exception:  # noqa: BLE001 - a bug here must not keep the connection waiting for ever
            _log.exception("could not answer an error")
        finally:
            self.close_on_finish = True

    def execute(self) -> None:
        """Write header and body, and one log line."""
        refusal: Refusal = self.request.error
        headers, body = self._written(refusal)
        self.status = f"{refusal.status} {HTTPStatus(refusal.status).phrase}"
        self.response_headers.extend(headers)
        if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE and all(
            name.lower() != "retry-after" for name, _ in headers
        ):
            self.response_headers.append(("Retry-After", "1"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(b"" if self.request.command == "HEAD" else body)

    def _written(self, refusal: Refusal) -> tuple[list[tuple[str, str]], bytes]:
        request_id = self.request.headers.get("X_REQUEST_ID")
        instance = refusals.instance_of(self.request.request_uri)
        try:
            headers, body = self.channel.loop.problem(
                refusal.status, refusal.slug, detail=refusal.detail, instance=instance, request_id=request_id
            )
        except Exception:  # noqa: BLE001 - an answer without a body is still an answer
            _log.exception("could not write a problem", problem=refusal.slug)
            return [], b""
        given = {name.lower(): value for name, value in headers}
        log = _log.error if self.failure else _log.info
        log(
            "request failed" if self.failure else "request refused",
            status=refusal.status,
            problem=refusal.slug,
            detail=refusal.detail,
            request_id=given.get("x-request-id"),
            path=instance,
            client=canonical_address(self.channel.addr[0]),
            exc_info=self.failure,
        )
        return headers, body


class AppTask(WSGITask):
    """Calls the application. Never raises: what goes wrong is answered with 500, or by cutting the answer short."""

    channel: Any
    request: Any

    def service(self) -> None:
        try:
            self.start()
            self.execute()
            self.finish()
        except ClientDisconnected:
            self.close_on_finish = True
        except ForwardedError as error:
            self._refuse(refusals.bad_forwarded(str(error)), None)
        except BaseException as failure:  # noqa: BLE001 - after SystemExit too waitress leaves the connection waiting
            self._refuse(refusals.CRASHED, failure)
        finally:
            self.channel.waiting_since = time.monotonic()
            self.channel.answered = True
            self.channel.was_refused = self.status.startswith("4")

    def build_response_header(self) -> bytes:
        """Return the header of the answer; while draining, that of a connection's last answer says close."""
        header = self._header()
        if self.request.command == "HEAD":
            # It tells that GET's answer comes in chunks; waitress would send the last one.
            self.chunked_response = False
        return header

    def _header(self) -> bytes:
        if self.channel.loop.draining and not self.channel.has_more():
            self.set_close_on_finish()
        if self._is_ordinary():
            # What waitress would return, but for the order; it makes each name anew and sorts them all.
            lines = [f"{_capitalised(name)}: {value}\r\n" for name, value in self.response_headers]
            date = _date(int(self.start_time))
            return f"HTTP/1.1 {self.status}\r\n{''.join(lines)}Date: {date}\r\n\r\n".encode("latin-1")
        header: bytes = super().build_response_header()
        return header

    def _is_ordinary(self) -> bool:
        """Tell whether the connection stays open, and the application gave the size of a body that there is, or none.

        After 204 and 304, which have neither, waitress would close it.
        """
        return (
            self.version == "1.1"
            and (self.content_length is not None) == self.has_body
            and not self.close_on_finish
            and self.request.headers.get("CONNECTION", "").lower() != "close"
            and _are_ordinary(tuple([name for name, _ in self.response_headers]), self.has_body)
        )

    def write(self, data: bytes) -> None:
        """Write some of the answer, the header before it; to HEAD nothing else. Raises ClientDisconnected."""
        if self.request.command == "HEAD":
            data = b""
        if self.wrote_header or len(data) > ONE_PIECE_BYTES_MAX:
            super().write(data)
        else:
            # One system call, one change of threads and one packet, where waitress makes two.
            self.channel.hold()
            try:
                super().write(data)
            finally:
                self.channel.let_go()

    def get_environment(self) -> WSGIEnvironment:
        """Return the WSGI environment: with the client as it is, and no forwarding field. Raises ForwardedError.

        waitress' own middleware for that takes anything for an address, and answers what it can't read in plain text.
        """
        environ = super().get_environment()
        environ[RECEIVED_MONOTONIC] = self.request.received_monotonic
        environ[ENTRANCE], environ["SERVER_PORT"] = self.channel.entrance, self.channel.port
        peer, fields = environ["REMOTE_ADDR"], {name: environ.pop(f"HTTP_{name}", None) for name in PROXY_HEADERS}
        client = find_client(
            peer, self.channel.adj.trusted_proxies, fields["X_FORWARDED_FOR"], fields["X_FORWARDED_PROTO"]
        )
        environ["REMOTE_ADDR"] = environ["REMOTE_HOST"] = client.address
        if client.scheme is not None:
            environ["wsgi.url_scheme"], environ["SERVER_PORT"] = client.scheme, _PORTS[client.scheme]
        if client.oddity is not None:
            self._record_oddity(client.oddity, client.address)
        return environ

    def _record_oddity(self, oddity: Oddity, peer: str) -> None:
        """Log what is probably set wrong, once in the life of the server: it is so with each request, or with few."""
        settings: Settings = self.channel.adj
        if oddity in settings.oddities_noted:
            return
        with settings.noting:
            if oddity in settings.oddities_noted:
                return
            settings.oddities_noted.add(oddity)
        _log.warning(oddity.value, peer=peer, advice=ADVICE[oddity])

    def _refuse(self, refusal: Refusal, failure: BaseException | None) -> None:
        self.close_on_finish = True
        if self.wrote_header:
            # The client sees that the answer ends too soon; a second status line would be taken for content.
            _log.error("answer cut short", problem=refusal.slug, exc_info=failure)
            return
        self.request.error = refusal
        task = RefusalTask(self.channel, self.request)
        task.failure = failure
        task.service()


@lru_cache(maxsize=256)
def _are_ordinary(names: tuple[str, ...], has_length: bool) -> bool:  # noqa: FBT001 - one of two keys
    lower = {name.lower() for name in names}
    return ("content-length" in lower) == has_length and lower.isdisjoint({"connection", "date", "server"})


@lru_cache(maxsize=256)
def _capitalised(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return build_http_date(second)


class Dispatcher(ThreadedTaskDispatcher):
    """waitress' threads, without its warning for each request that waits and its own waiting time at the end."""

    def add_task(self, task: Channel) -> None:  # type: ignore[override]  # the stubs say Task; channels are queued
        """Hand a channel to the next free thread."""
        with self.lock:
            self.queue.append(task)  # type: ignore[arg-type]  # see above
            self.queue_cv.notify()

    def is_full(self, queue_max: int) -> bool:
        """Tell whether that many tasks are queued for which no thread is free."""
        if len(self.queue) < queue_max:
            return False
        with self.lock:
            idle = len(self.threads) - self.stop_count - self.active_count
            return len(self.queue) - idle >= queue_max

    def shutdown(self, cancel_pending: bool = True, timeout: float = 0.0) -> bool:  # noqa: FBT001, FBT002 - waitress' signature
        """End the threads, waiting up to `timeout` seconds for what they are at. Return whether all have ended."""
        self.set_thread_count(0)
        with self.lock:
            ended = self.thread_exit_cv.wait_for(lambda: not self.threads, timeout)
            while cancel_pending and self.queue:
                self.queue.popleft().cancel()  # type: ignore[attr-defined]  # the stubs forget that channels are queued
        return ended
