"""Reads requests more strictly than waitress does: whatever two parsers could understand differently is refused.

A proxy in front and this server must agree on where each request ends, or one client's bytes become another's request
(RFC 9112, sections 6 and 11.2). So nothing is repaired, and after a refusal the connection is never read as HTTP again.

The time that reading takes grows with the bytes and no faster. Bytes are looked at by finding, splitting, and
expressions in which each byte can match in one way only. None of waitress' expressions is used: one of them took
seconds for a field of blanks.
"""

from __future__ import annotations

import re
import time
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver

from interfaces.http.percent_encoding import percent_decoded
from interfaces.http.server import refusals
from interfaces.http.server.limits import CHUNK_LINE_BYTES_MAX, CHUNK_OVERHEAD_BYTES_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from interfaces.http.server.limits import Settings
    from interfaces.http.server.refusals import Refusal

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_METHOD_BEGINS = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Z-]")
_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Z-]+) ([!\"$-~]+) HTTP/([0-9]\.[0-9])")
_BARE = re.compile(rb"\r[^\n]|[^\r]\n")
"""A CR or LF that is not part of a line's end. With the byte before, so that an end cut in two is not taken for one."""
_END_OF_HEADER: Final = b"\r\n\r\n"
_HOST_NAME = r"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_HOST = re.compile(_HOST_NAME)
_ABSOLUTE_FORM = re.compile(rf"(?i:https?)://({_HOST_NAME})((?:[/?].*)?)")
_FIELD = re.compile(rb"(" + _TOKEN + rb"+):([\t -~\x80-\xff]*)")
_REQUEST_ID: Final = b"x-request-id:"
_REQUEST_ID_VALUE = re.compile(rb"[!-~]{1,256}")
_TLS: Final = b"\x16"
"""What every handshake begins with, the type of its record (RFC 8446, 5.1); it may come as one byte."""
_CONTENT_LENGTH = re.compile(r"[0-9]{1,100}")
"""Nobody has that many bytes, and int() takes time that grows faster than the digits."""
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t -~\x80-\xff]*)?")


class _RefusedError(Exception):
    """The header can't be taken."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.slug)
        self.refusal = refusal


class RequestParser(HTTPRequestParser):
    """One request as it arrives. `error` is a Refusal or None; `started_monotonic` is the time of its first byte."""

    # For who asks before the request line was read, or when it could not be.
    command: Any = ""
    path: str = "/"
    request_uri: str = "/"
    error: Refusal | None  # type: ignore[assignment]  # waitress' own errors are replaced, and repeat what was sent
    headers: dict[str, str]
    body_rcv: Any
    adj: Settings
    proxy_netloc: str
    received_monotonic: float = 0.0

    def __init__(self, adj: Settings) -> None:
        super().__init__(adj)
        self.started_monotonic = time.monotonic()
        self.proxy_scheme = self.proxy_netloc = ""
        self.query = self.fragment = ""
        self.url_scheme = adj.url_scheme
        self._limits = adj.limits
        self._header = bytearray()
        self._line_was_read = False
        self._half_an_end = b""
        """A CR that may begin an empty line before the request."""

    def received(self, data: bytes) -> int:
        """Take bytes from the connection and return how many were used up. All of them are after an error."""
        used = 0 if self.headers_finished else self._receive_header(data)
        if self.body_rcv is not None and not self.completed:
            used += self._receive_body(data[used:])
        if not self.completed:
            return used
        self.received_monotonic = time.monotonic()
        # No 100 for a body that is refused or empty: waitress would wait for it, and read the next request as it.
        self.expect_continue = False
        return used if self.error is None else len(data)

    def close(self) -> None:
        """Give back what the body is kept in."""
        if self.body_rcv is not None:
            self.body_rcv.getbuf().close()

    def _refuse(self, refusal: Refusal) -> None:
        self.error, self.completed = refusal, True

    # Header

    def _receive_header(self, data: bytes) -> int:
        header, offered = self._header, len(data)
        if not header:
            data = self._without_empty_lines(data)
            if self.completed or not data:
                return offered
            if not _METHOD_BEGINS.match(data):
                # Nor will what follows be HTTP: a client that begins with TLS is told at once.
                self._refuse(refusals.TLS if data.startswith(_TLS) else refusals.BAD_REQUEST_LINE)
                return offered
        before = len(header)
        header += data
        end = header.find(_END_OF_HEADER, max(0, before - len(_END_OF_HEADER) + 1))
        size = end + len(_END_OF_HEADER) if end >= 0 else len(header)
        if bare := _BARE.search(header, max(0, before - 1), end + 1 if end >= 0 else size):
            self._refuse(refusals.BARE_LINE_END)
            self._recover_request_id(bytes(header[: bare.start()]).split(b"\r\n"))
        elif size > self._limits.header_bytes_max:
            self._refuse(refusals.header_too_large(self._limits))
        elif end >= 0:
            self.headers_finished = True
            self._read_header(bytes(header[:end]).split(b"\r\n"))
        elif not self._line_was_read and (line_end := header.find(b"\r\n", max(0, before - 1))) >= 0:
            self._read_line_before_the_rest(bytes(header[:line_end]))
        used = offered if end < 0 else offered - (len(header) - size)
        if end >= 0 or self.completed:
            self._header = bytearray()
        return used

    def _without_empty_lines(self, data: bytes) -> bytes:
        """Return what comes after the empty lines before a request, which are to be ignored (RFC 9112, 2.2).

        They are part of its time: who sends one every few seconds does not stay for ever.
        """
        rest = data.lstrip(b"\r\n")
        left = (self._half_an_end + data[: len(data) - len(rest)]).replace(b"\r\n", b"")
        if left not in {b"", b"\r"} or (left and rest):
            self._refuse(refusals.BARE_LINE_END)
        self._half_an_end = left
        return rest

    def _read_line_before_the_rest(self, line: bytes) -> None:
        """Refuse what is not HTTP, or another version, at once: its client may wait for an answer, and send no more."""
        self._line_was_read = True
        try:
            self._read_request_line(line)
        except _RefusedError as error:
            self._refuse(error.refusal)

    def _read_header(self, lines: list[bytes]) -> None:
        try:
            self._read_request_line(lines[0])
            self._read_fields(lines[1:])
            self._read_host()
            self._read_connection_options()
            self._begin_body()
        except _RefusedError as error:
            self._refuse(error.refusal)
            self._recover_request_id(lines)
        else:
            self.completed = self.body_rcv is None

    def _recover_request_id(self, lines: Sequence[bytes]) -> None:
        """Find the request's id, though its fields are not read: the client looks for its request in the logs."""
        for line in lines[1 : self._limits.header_fields_max + 1]:
            if line[: len(_REQUEST_ID)].lower() == _REQUEST_ID:
                value = line[len(_REQUEST_ID) :].strip(b" \t")
                if _REQUEST_ID_VALUE.fullmatch(value):
                    self.headers["X_REQUEST_ID"] = value.decode()

    def _read_request_line(self, line: bytes) -> None:
        match = _REQUEST_LINE.fullmatch(line)
        if match is None:
            raise _RefusedError(refusals.BAD_REQUEST_LINE)
        self.command, self.request_uri, version = (part.decode() for part in match.groups())
        if version not in {"1.0", "1.1"}:
            # waitress would take any digit and then not look at Transfer-Encoding.
            raise _RefusedError(refusals.BAD_VERSION)
        self.version = version
        if self.command == "CONNECT":
            raise _RefusedError(refusals.NO_TUNNELS)
        origin_form = self.request_uri
        if not origin_form.startswith("/"):
            if origin_form == "*" and self.command == "OPTIONS":
                raise _RefusedError(refusals.NO_SERVER_OPTIONS)
            absolute = _ABSOLUTE_FORM.fullmatch(origin_form)
            if absolute is None or not _is_host(absolute[1]):
                raise _RefusedError(refusals.BAD_TARGET)
            self.proxy_netloc = absolute[1]
            origin_form = absolute[2]
        path, _, self.query = origin_form.partition("?")
        # As WSGI has it: bytes that are written as Latin-1.
        self.path = percent_decoded((path or "/").encode()).decode("latin-1")

    def _read_fields(self, lines: list[bytes]) -> None:
        if len(lines) > self._limits.header_fields_max:
            raise _RefusedError(refusals.header_too_large(self._limits))
        codings = 0
        for line in lines:
            if line[:1] in {b" ", b"\t"}:
                raise _RefusedError(refusals.FOLDED_FIELD)
            match = _FIELD.fullmatch(line)
            if match is None:
                raise _RefusedError(refusals.BAD_FIELD)
            name = match[1].decode().upper()
            if "_" in name:
                # The application would take it for the field with a hyphen.
                continue
            name = name.replace("-", "_")
            codings += name == "TRANSFER_ENCODING"
            value = match[2].strip(b" \t").decode("latin-1")
            self.headers[name] = f"{self.headers[name]}, {value}" if name in self.headers else value
        if codings > 1 or (codings and self.version == "1.0"):
            raise _RefusedError(refusals.BAD_FRAMING)

    def _read_host(self) -> None:
        host = self.headers.get("HOST")
        # Repeated fields are joined with ", ", and no host name has a space.
        if (host is None and self.version == "1.1") or (host is not None and not _is_host(host)):
            raise _RefusedError(refusals.BAD_HOST)
        if self.proxy_netloc:
            # The host of an absolute target counts, not the field (RFC 9112, 3.2.2).
            self.headers["HOST"] = self.proxy_netloc

    def _read_connection_options(self) -> None:
        options = {option.strip(" \t") for option in self.headers.get("CONNECTION", "").lower().split(",")}
        self.connection_close = "close" in options or (self.version == "1.0" and "keep-alive" not in options)
        if "close" in options:
            # waitress compares the whole field, and would miss "TE, close".
            self.headers["CONNECTION"] = "close"
        self.expect_continue = self.version == "1.1" and self.headers.get("EXPECT", "").lower() == "100-continue"

    # Body

    def _begin_body(self) -> None:
        bytes_max = self.adj.body_bytes_max_at(self.path)
        coding = self.headers.pop("TRANSFER_ENCODING", None)
        length = self.headers.get("CONTENT_LENGTH")
        if coding is not None:
            if coding.lower() != "chunked":
                raise _RefusedError(refusals.NO_SUCH_CODING)
            if length is not None:
                raise _RefusedError(refusals.BAD_FRAMING)
            self.chunked = True
            self.body_rcv = ChunkedBody(OverflowableBuffer(self.adj.inbuf_overflow), bytes_max)
        elif length is not None:
            if not _CONTENT_LENGTH.fullmatch(length):
                raise _RefusedError(refusals.BAD_LENGTH)
            self.content_length = int(length)
            if self.content_length > bytes_max:
                raise _RefusedError(refusals.too_large(bytes_max))
            if self.content_length:
                self.body_rcv = FixedStreamReceiver(self.content_length, OverflowableBuffer(self.adj.inbuf_overflow))

    def _receive_body(self, data: bytes) -> int:
        used: int = self.body_rcv.received(data)
        if self.body_rcv.error is not None:
            self._refuse(self.body_rcv.error)
        elif self.body_rcv.completed:
            self.completed = True
            if self.chunked:
                # The application sees a body of known size.
                self.headers["CONTENT_LENGTH"] = str(len(self.body_rcv))
        return used


class ChunkedBody:
    """Decodes a chunked body (RFC 9112, 7.1) into one of waitress' buffers; takes the place of its ChunkedReceiver.

    That one skips empty lines between chunks, takes bare line feeds after sizes and in extensions, and has no bounds.
    """

    def __init__(self, buffer: OverflowableBuffer, bytes_max: int) -> None:
        self.completed = False
        self.error: Refusal | None = None
        self._buffer = buffer
        self._bytes_max = bytes_max
        self._left = 0  # of the current chunk
        self._content_bytes = 0
        self._overhead_bytes = 0
        self._rest = b""  # of a line that has not ended yet
        self._in_chunk = False
        self._in_trailer = False

    def __len__(self) -> int:
        return len(self._buffer)

    def getfile(self) -> BinaryIO:
        return self._buffer.getfile()

    def getbuf(self) -> OverflowableBuffer:
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
            if b"\n" in data[at:]:
                # Its sender waits for an answer.
                self.error = refusals.BARE_LINE_END_IN_CHUNKS
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
            self.error = refusals.too_large(self._bytes_max)
        return end + 2

    def _begin_chunk(self, line: bytes) -> None:
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            self.error = refusals.BAD_CHUNK
            return
        self._left = int(match[1], 16)
        self._content_bytes += self._left
        if self._content_bytes > self._bytes_max:
            self.error = refusals.too_large(self._bytes_max)
        self._in_chunk = self._left > 0
        self._in_trailer = self._left == 0

    def _take_trailer(self, line: bytes) -> None:
        """Check a trailer field, and leave it out: it must not be taken for a header field (RFC 9110, 6.5.1)."""
        if not line:
            self.completed = True
        elif not _FIELD.fullmatch(line):
            self.error = refusals.BAD_FIELD


def _is_host(text: str) -> bool:
    """Tell whether this is a host, with or without a port (RFC 9110, 7.2)."""
    if not _HOST.fullmatch(text):
        return False
    if text.startswith("["):
        try:
            IPv6Address(text[1 : text.index("]")])
        except ValueError:
            return False
    return True
