"""What the server answers by itself, before or instead of the application: one table, and what an answer is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from interfaces.http.percent_encoding import looks_like_a_key_in

if TYPE_CHECKING:
    from interfaces.http.server.limits import ServerLimits

INSTANCE_CHARS_MAX = 1000
"""Most characters of a path that an answer repeats. Longer ones say nothing to a person."""

_AUTHORITY = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?]*")


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused: a status, a stable slug, and a sentence for the client that names the next step."""

    status: int
    slug: str
    detail: str


class ProblemWriter(Protocol):
    """Writes the body and the header fields of an error, so that the application's and the server's look the same."""

    def __call__(
        self, status: int, slug: str, *, detail: str, instance: str, request_id: str | None
    ) -> tuple[list[tuple[str, str]], bytes]:
        """Return header fields and body.

        instance: the path of the request, safe to repeat and to log.
        request_id: X-Request-Id as the client sent it, unchecked.

        Content-Length, Connection, Date and Retry-After are added by the server.
        """
        ...


def _malformed(detail: str) -> Refusal:
    return Refusal(400, "malformed-request", detail)


BAD_REQUEST_LINE = _malformed(
    "The first line is not an HTTP/1.1 request line. Send the method in capitals, a space, the path, a space, HTTP/1.1."
)
TLS = _malformed(
    "This is TLS, and plain HTTP is spoken here. Use http:// with this port; for https, put a proxy in front that takes"
    " the TLS off."
)
BARE_LINE_END = _malformed(
    "A line feed or a carriage return stands alone. End each line of the header with both, CR LF, and send neither"
    " elsewhere in it."
)
BAD_VERSION = _malformed("This version of HTTP is not spoken here. Send the request as HTTP/1.1.")
BAD_TARGET = _malformed("The request target is not a path. Send one that begins with a slash, percent-encoded.")
BAD_FIELD = _malformed(
    "A header field is malformed. Send each as Name: value on a line of its own that ends in CR LF, without control"
    " characters and without a space before the colon."
)
FOLDED_FIELD = _malformed("A header field is folded over several lines. Send each on one line.")
BAD_HOST = _malformed("HTTP/1.1 asks for one Host header field with the name of this server. Send exactly one.")
BAD_LENGTH = _malformed("Content-Length is not one decimal number. Send one such field with the size of the body.")
BAD_FRAMING = _malformed(
    "It is not clear where the body ends. Send either Content-Length, or Transfer-Encoding: chunked once with HTTP/1.1."
)
BAD_CHUNK = _malformed("The chunked body is malformed. Send each chunk as its size in hex, CR LF, its bytes, CR LF.")
BARE_LINE_END_IN_CHUNKS = _malformed(
    "A line feed stands alone in the chunked body. End the size of each chunk, and its bytes, with CR LF."
)
TIMED_OUT = Refusal(
    408, "request-timeout", "The request did not arrive in the time it is given. Send it again, in one go."
)
NO_TUNNELS = Refusal(
    501, "not-implemented", "This is no proxy that connects to others. Send GET, POST, PATCH or DELETE with a path."
)
NO_SERVER_OPTIONS = Refusal(501, "not-implemented", "OPTIONS * is not offered. Ask for the options of a path.")
NO_SUCH_CODING = Refusal(
    501, "not-implemented", "This Transfer-Encoding is not understood. Send chunked alone, or Content-Length."
)
CRASHED = Refusal(
    500,
    "internal-error",
    "Something went wrong here. Whether the request was carried out is not known: repeat it with the same"
    " Idempotency-Key, or tell the operator the request_id.",
)
OVERLOADED = Refusal(
    503,
    "unavailable",
    "More requests are waiting than can be answered in time. This one was not carried out; send it again after the"
    " time in Retry-After.",
)
NO_ROOM = Refusal(
    503,
    "unavailable",
    "There is no room here to receive the body. The request was not carried out; send it again after the time in"
    " Retry-After.",
)


def too_large(bytes_max: int) -> Refusal:
    """Return the refusal of a body over the limit."""
    return Refusal(413, "too-large", f"The body is larger than {bytes_max} bytes. Send it in smaller parts.")


def header_too_large(limits: ServerLimits) -> Refusal:
    """Return the refusal of a header over one of its limits."""
    return Refusal(
        431,
        "headers-too-large",
        f"The request line and the header fields are more than {limits.header_bytes_max} bytes or"
        f" {limits.header_fields_max} fields. Send fewer or shorter ones.",
    )


def bad_forwarded(detail: str) -> Refusal:
    """Return the refusal of what a trusted proxy says about the client and can't be read."""
    return _malformed(detail)


def path_of(target: str) -> str:
    """Return the path of a request target as it was sent: neither decoded nor put in order."""
    # At the start alone: looked for everywhere, it takes a time that grows with the square of a target of letters.
    authority = _AUTHORITY.match(target)
    path = target[authority.end() if authority else 0 :].partition("?")[0]
    return path if path or authority is None else "/"


def instance_of(target: str) -> str:
    """Return the path of a request target for an answer or a log line: "/" when the target may hold a key."""
    if looks_like_a_key_in(target):
        return "/"
    path = path_of(target)
    if not path.startswith("/") or len(path) > INSTANCE_CHARS_MAX:
        return "/"
    # "//host/path" as a reference would lead to another host.
    return "/" + path.lstrip("/")
