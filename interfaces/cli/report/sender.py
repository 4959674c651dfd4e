"""Sends a report to the service and does not give up easily. Knows nothing of the service but its wire.

The same Idempotency-Key and the same bytes go with every attempt, so however often one is repeated, and whatever was
lost on the way, there is one job.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import re
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from interfaces.cli.output import UnreachableError, WrongUsageError, notify
from interfaces.cli.report.proxies import Proxy, is_loopback, proxy_for

if TYPE_CHECKING:
    from collections.abc import Mapping

REPORT_PATH: Final = "/api/v1/ingest/report"
CONNECT_SECONDS_MAX: Final = 10.0
SILENCE_SECONDS_MAX: Final = 60.0
"""Longest wait for a body to be taken, and for each piece of the answer."""
ATTEMPT_SECONDS_MAX: Final = 120.0
"""Longest attempt as a whole: a server that sends a byte now and then is never silent."""
TOTAL_SECONDS_MAX: Final = 300.0
"""No wait is begun that would end later than this."""
WAIT_SECONDS_FIRST: Final = 0.5
WAIT_SECONDS_MAX: Final = 30.0
ANSWER_BYTES_MAX: Final = 1024 * 1024
_TO_TRY_AGAIN: Final = frozenset({408, 429})
"""Statuses below 500 after which a report is sent again; all from 500 on are others."""
_SERVER_ERROR: Final = 500
_ASCII_URL = re.compile(r"[!-~]+")
_HTTPS_PORT: Final = 443
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: ([0-9]{3})\b.*", re.DOTALL)
_PROXY_WANTS_A_PASSWORD: Final = 407


@dataclass(frozen=True, slots=True)
class Target:
    """Where the service is. path: what stands before its own paths, empty or from a slash on. proxy: on the way there.

    Without https the way is direct: a proxy would read the key.
    """

    secure: bool
    host: str
    port: int | None
    path: str
    proxy: Proxy | None = None

    @classmethod
    def of(cls, url: str) -> Target:
        """Return what a base URL spells. Raises WrongUsageError."""
        advice = "--url must be the address of the service, as in https://rpawatch.example.com"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise WrongUsageError(f"{advice}.") from None
        if not _ASCII_URL.fullmatch(url) or parts.scheme not in {"http", "https"} or not parts.hostname:
            raise WrongUsageError(f"{advice}.")
        if parts.query or parts.fragment or "@" in parts.netloc:
            raise WrongUsageError(f"{advice}, without a user, query or fragment.")
        secure = parts.scheme == "https"
        proxy = proxy_for(parts.hostname, port or _HTTPS_PORT, os.environ) if secure else None
        return cls(secure, parts.hostname, port, parts.path.rstrip("/"), proxy)

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read what is sent."""
        return self.secure or is_loopback(self.host)

    @property
    def where(self) -> str:
        """The name of the target in messages that it can't be reached."""
        return self.host if self.proxy is None else f"{self.host} through the proxy {self.proxy.host}:{self.proxy.port}"

    def connection(self) -> http.client.HTTPConnection:
        """Return a connection that is not open yet; it verifies certificates, and follows no redirects."""
        if self.secure:
            context = ssl.create_default_context()
            if self.proxy is not None:
                tunnel = http.client.HTTPSConnection(
                    self.proxy.host, self.proxy.port, timeout=CONNECT_SECONDS_MAX, context=context
                )
                tunnel.set_tunnel(self.host, self.port or _HTTPS_PORT, self.proxy.headers)
                return tunnel
            return http.client.HTTPSConnection(self.host, self.port, timeout=CONNECT_SECONDS_MAX, context=context)
        return http.client.HTTPConnection(self.host, self.port, timeout=CONNECT_SECONDS_MAX)


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of the service. headers: by their names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The JSON object in the body; empty when there is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def may_succeed_later(self) -> bool:
        """Whether the same request is worth another try."""
        return self.status in _TO_TRY_AGAIN or self.status >= _SERVER_ERROR

    def retry_after_seconds(self) -> float | None:
        """Return how long the service asks to wait, None when it doesn't say."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text[:9])
        with suppress(ValueError, TypeError):
            return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
        return None


@dataclass(frozen=True, slots=True)
class Patience:
    """How often to try again, and time itself, which tests replace. retries: after the first attempt."""

    retries: int
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = field(default=random.random)

    def wait_seconds(self, attempt: int, reply: Reply | None) -> float:
        """Return how long to wait after attempt number `attempt`, from 0: at least as long as the service asks."""
        growing = min(WAIT_SECONDS_MAX, WAIT_SECONDS_FIRST * 2**attempt)
        # Bots that were turned away together must not come back together.
        drawn = growing * (0.5 + self.chance() / 2)
        asked = reply.retry_after_seconds() if reply else None
        return drawn if asked is None else asked


def deliver(target: Target, headers: Mapping[str, str], body: bytes, patience: Patience) -> Reply:
    """Post a report, again while that may help, and return the last answer. Raises UnreachableError."""
    deadline = patience.clock() + TOTAL_SECONDS_MAX
    attempt = 0
    while True:
        reply, trouble = _attempt(target, headers, body)
        if reply is not None and not reply.may_succeed_later:
            return reply
        wait = patience.wait_seconds(attempt, reply)
        if attempt >= patience.retries or patience.clock() + wait > deadline:
            if reply is None:
                what = "--url and the network" if target.proxy is None else "--url, HTTPS_PROXY and NO_PROXY"
                raise UnreachableError(f"{target.where} can't be reached ({trouble}). Check {what}.")
            return reply
        attempt += 1
        notify(f"{trouble}; trying again in {wait:.1f} s ({attempt} of {patience.retries})")
        patience.sleep(wait)


def _attempt(target: Target, headers: Mapping[str, str], body: bytes) -> tuple[Reply | None, str]:
    """Return the answer, if there was one, and what was wrong, in a few words."""
    connection = target.connection()
    try:
        reply = _post(connection, target.path + REPORT_PATH, headers, body)
    except ssl.SSLCertVerificationError as error:
        raise UnreachableError(
            f"The certificate of {target.host} is not valid here ({error.verify_message}). Nothing was sent."
        ) from None
    except (OSError, http.client.HTTPException) as error:
        if refused := _TUNNEL_REFUSED.fullmatch(str(error)):
            return None, _trouble_with_the_proxy(target, int(refused[1]))
        return None, getattr(error, "strerror", None) or str(error) or type(error).__name__
    finally:
        connection.close()
    return reply, f"The service answered {reply.status}"


def _trouble_with_the_proxy(target: Target, status: int) -> str:
    """Return why the proxy leads nowhere, where another try may help. Raises UnreachableError where none will."""
    if status in _TO_TRY_AGAIN or status >= _SERVER_ERROR:
        return f"the proxy answered {status}"
    advice = (
        "It asks for a user and a password: set HTTPS_PROXY to http://user:password@host:port."
        if status == _PROXY_WANTS_A_PASSWORD
        else "Ask who runs it to allow this, or name the service in NO_PROXY if there is a direct way."
    )
    raise UnreachableError(f"{target.where} can't be reached (the proxy answered {status}). {advice} Nothing was sent.")


def _post(connection: http.client.HTTPConnection, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
    # Also a proxy, or what is behind it, may send a byte now and then.
    hang_up = threading.Timer(ATTEMPT_SECONDS_MAX, _hang_up, [connection])
    hang_up.daemon = True
    hang_up.start()
    try:
        connection.connect()
        connection.sock.settimeout(SILENCE_SECONDS_MAX)
        # A server that refuses before it has read everything closes early; its answer is there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        content = response.read(ANSWER_BYTES_MAX)
        return Reply(response.status, {name.lower(): text for name, text in response.getheaders()}, content)
    finally:
        hang_up.cancel()


def _hang_up(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            sock.shutdown(2)
