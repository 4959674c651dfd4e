"""Reads requests more strictly than waitress does: whatever two parsers could understand differently is refused.

A proxy in front and this server must agree on where each request ends, or one client's bytes become another's request
(RFC 9112, sections 6 and 11.2). So nothing is repaired, and after a refusal the connection is never read as HTTP again.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser, ParsingError

from interfaces.http.server import refusals
from interfaces.http.server.limits import CHUNK_LINE_BYTES_MAX, CHUNK_OVERHEAD_BYTES_MAX

if TYPE_CHECKING:
    from interfaces.http.server.limits import ServerLimits, Settings
    from interfaces.http.server.refusals import Refusal

CONTENT_LENGTH_DIGITS_MAX: Final = 4300
"""Where int() gives up."""

_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Z-]+ [!\"$-~]+ HTTP/[0-9]\.[0-9]")
_HOST_NAME = r"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_HOST = re.compile(_HOST_NAME)
_ABSOLUTE_FORM = re.compile(r"(?i:https?)://" + _HOST_NAME + r"(?:[/?].*)?")
_TRANSFER_ENCODING = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_REQUEST_ID = re.compile(rb"\r\nx-request-id:[ \t]*([!-~]{1,256})[ \t]*\r\n", re.IGNORECASE)
_FIELD = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*")
# fullmatch, where waitress has `$`: that one also matches before a bare line feed, which other parsers end a line at.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t -~\x80-\xff]*)?")


class RequestParser(HTTPRequestParser):
    """One request as it arrives. `error` is a Refusal or None; `started_monotonic` is the time of its first byte."""

    # For who asks before the request line was read, or when it could not be.
    command: Any = ""
    path: str = "/"
    request_uri: str = "/"
    error: Refusal | None  # type: ignore[assignment]  # waitress' own errors are replaced, and repeat what was sent
    headers: dict[str, str]
    body_rcv: Any
    proxy_netloc: str
    received_monotonic: float = 0.0

    def __init__(self, adj: Settings) -> None:
        super().__init__(adj)
        self.started_monotonic = time.monotonic()
        self._limits = adj.limits
        self._begun = False
        self._refusal: Refusal | None = None

    def received(self, data: bytes) -> int:
        """Take bytes from the connection and return how many were used up. All of them are after an error."""
        offered = len(data)
        if not self._begun:
            # Empty lines before a request are to be ignored (RFC 9112, 2.2). They are part of its time: waitress makes
            # a new request of them, and whoever sends one every few seconds stays for ever.
            data = data.lstrip(b"\r\n")
            if not data:
                return offered
            self._begun = True
            if data[:1].isspace():
                # waitress strips it.
                self.error, self.completed = refusals.BAD_REQUEST_LINE, True
                return offered
        used = offered - len(data) + super().received(data)
        if self.completed:
            self.received_monotonic = time.monotonic()
            # No 100 for a body that is refused or empty: waitress would wait for it, and read the next request as it.
            self.expect_continue = False
            if self.error is not None:
                self.error = self._refusal or _refusal_of(self.error, self._limits)
                return offered
        return used

    def parse_header(self, header_plus: bytes) -> None:
        """Read request line and header fields. Raises ParsingError."""
        try:
            version = self._check_request_line(header_plus.partition(b"\r\n")[0])
            self._check_fields(header_plus, version)
            self._parse_fields(header_plus)
            self._check_host(version)
            self._read_connection_options()
            self._bound_body()
        except ParsingError:
            if match := _REQUEST_ID.search(header_plus):
                # Fields are not read after a bad request line, but the client looks for its request in the logs.
                self.headers["X_REQUEST_ID"] = match[1].decode()
            raise

    def close(self) -> None:
        """Give back what the body is kept in."""
        if self.body_rcv is not None:
            self.body_rcv.getbuf().close()

    def _refuse(self, refusal: Refusal) -> ParsingError:
        self._refusal = refusal
        return ParsingError(refusal.slug)

    def _check_request_line(self, line: bytes) -> str:
        if not _REQUEST_LINE.fullmatch(line):
            raise self._refuse(refusals.BAD_REQUEST_LINE)
        self.command, self.request_uri, version = line.decode().split(" ")
        if version not in {"HTTP/1.0", "HTTP/1.1"}:
            # waitress takes any digit and then does not look at Transfer-Encoding.
            raise self._refuse(refusals.BAD_VERSION)
        if self.command in {"TRACE", "CONNECT"}:
            raise self._refuse(refusals.NO_SUCH_METHOD)
        if not self.request_uri.startswith("/"):
            if self.request_uri == "*" and self.command == "OPTIONS":
                raise self._refuse(refusals.NO_SERVER_OPTIONS)
            if not _ABSOLUTE_FORM.fullmatch(self.request_uri):
                raise self._refuse(refusals.BAD_TARGET)
        return version

    def _check_fields(self, header_plus: bytes, version: str) -> None:
        # The request line and the empty line end in CR LF too.
        if header_plus.count(b"\r\n") > self._limits.header_fields_max + 2:
            raise self._refuse(refusals.header_too_large(self._limits))
        if b"\r\n " in header_plus or b"\r\n\t" in header_plus:
            raise self._refuse(refusals.FOLDED_FIELD)
        codings = _TRANSFER_ENCODING.findall(header_plus)
        if len(codings) > 1 or (codings and version == "HTTP/1.0"):
            raise self._refuse(refusals.BAD_FRAMING)
        if codings and codings[0].lower() != b"chunked":
            raise self._refuse(refusals.NO_SUCH_CODING)

    def _parse_fields(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except (ParsingError, ValueError) as error:
            # ValueError: urlsplit on an IPv6 address that is none, and int() of more than 4,300 digits.
            length = self.headers.get("CONTENT_LENGTH", "0")
            if not length.isdecimal() or len(length) > CONTENT_LENGTH_DIGITS_MAX:
                raise self._refuse(refusals.BAD_LENGTH) from None
            raise self._refuse(refusals.BAD_FIELD if isinstance(error, ParsingError) else refusals.BAD_TARGET) from None

    def _check_host(self, version: str) -> None:
        host = self.headers.get("HOST")
        # waitress joins repeated fields with ", ", and no host name has a space.
        if (host is None and version == "HTTP/1.1") or (host is not None and not _HOST.fullmatch(host)):
            raise self._refuse(refusals.BAD_HOST)
        if not self.request_uri.startswith("/"):
            # The host of an absolute target counts, not the field (RFC 9112, 3.2.2).
            self.headers["HOST"] = self.proxy_netloc
            self.path = self.path or "/"

    def _read_connection_options(self) -> None:
        # waitress compares the whole field, and misses "TE, close".
        options = self.headers.get("CONNECTION", "")
        if "," in options and "close" in {option.strip(" \t") for option in options.lower().split(",")}:
            self.headers["CONNECTION"] = "close"
            self.connection_close = True

    def _bound_body(self) -> None:
        if self.chunked:
            if "CONTENT_LENGTH" in self.headers:
                raise self._refuse(refusals.BAD_FRAMING)
            self.body_rcv = ChunkedBody(OverflowableBuffer(self.adj.inbuf_overflow), self._limits)
        elif self.content_length > self._limits.body_bytes_max:
            raise self._refuse(refusals.too_large(self._limits))


class ChunkedBody:
    """Decodes a chunked body (RFC 9112, 7.1) into one of waitress' buffers; takes the place of its ChunkedReceiver.

    That one skips empty lines between chunks, takes bare line feeds after sizes and in extensions, and has no bounds.
    """

    def __init__(self, buffer: OverflowableBuffer, limits: ServerLimits) -> None:
        self.completed = False
        self.error: Refusal | None = None
        self._buffer = buffer
        self._limits = limits
        self._left = 0  # of the current chunk
        self._content_bytes = 0
        self._overhead_bytes = 0
        self._rest = b""  # of a line that has not ended yet
        self._in_chunk = False
        self._in_trailer = False

    def __len__(self) -> int:
        return len(self._buffer)

    def getfile(self) -> BinaryIO:
        """Return the decoded body as a file."""
        return self._buffer.getfile()

    def getbuf(self) -> OverflowableBuffer:
        """Return the buffer that the decoded body is in."""
        return self._buffer

    def received(self, data: bytes) -> int:
        """Take bytes and return how many were used up: all of them, unless the body ended before."""
        offered, carried = len(data), len(self._rest)
        data = self._rest + data
        self._rest = b""
        at = 0
        while at < len(data) and not self.completed and self.error is None:
            after = self._take_data(data, at) if self._in_chunk else self._take_line(data, at)
            if after == at:
                self._rest = data[at:]
                break
            at = after
        if len(self._rest) > CHUNK_LINE_BYTES_MAX:
            self.error = refusals.BAD_CHUNK
        return at - carried if self.completed else offered

    def _take_data(self, data: bytes, at: int) -> int:
        if self._left:
            piece = data[at : at + self._left]
            self._buffer.append(piece)
            self._left -= len(piece)
            return at + len(piece)
        ending = data[at : at + 2]
        if ending == b"\r\n":
            self._in_chunk = False
            return at + 2
        if ending != b"\r":
            self.error = refusals.BAD_CHUNK
        return at

    def _take_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at)
        if end < 0:
            return at
        line = data[at:end]
        self._overhead_bytes += len(line) + 4  # the line's end, and that of the data
        if self._in_trailer:
            self._take_trailer(line)
        else:
            self._begin_chunk(line)
        if len(line) > CHUNK_LINE_BYTES_MAX:
            self.error = refusals.BAD_CHUNK
        if self._overhead_bytes > CHUNK_OVERHEAD_BYTES_MAX:
            self.error = refusals.too_large(self._limits)
        return end + 2

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            self.error = refusals.BAD_CHUNK
            return
        self._left = int(match[1], 16)
        self._content_bytes += self._left
        if self._content_bytes > self._limits.body_bytes_max:
            self.error = refusals.too_large(self._limits)
        self._in_chunk = self._left > 0
        self._in_trailer = self._left == 0

    def _take_trailer(self, line: bytes) -> None:
        """Check a trailer field, and leave it out: it must not be taken for a header field (RFC 9110, 6.5.1)."""
        if not line:
            self.completed = True
        elif not _FIELD.fullmatch(line):
            self.error = refusals.BAD_FIELD


def _refusal_of(error: object, limits: ServerLimits) -> Refusal:
    """Return the refusal for an error that a body receiver or waitress' own parser set."""
    if isinstance(error, refusals.Refusal):
        return error
    by_status = {413: refusals.too_large(limits), 431: refusals.header_too_large(limits), 501: refusals.NO_SUCH_CODING}
    return by_status.get(getattr(error, "code", 400), refusals.BAD_FIELD)
