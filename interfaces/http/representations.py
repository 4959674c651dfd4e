"""Which form an answer goes out in: compressed where that is asked for, and not at all where the client has it already.

What holds a secret is never compressed. Somebody who sees how long answers are, and can have a browser ask with words
of theirs in the address, could guess a secret that stands beside these words in one compressed answer, letter by letter
(BREACH). So an answer that a resource says it of (`holds_secret`), or that sets a cookie, goes out as it is; and the
tokens in pages are masked, other in each answer (masking.py). What else stands in a page beside a search is for no
stranger to read either: the length of a page is blurred, which takes more questions for each letter, and another site
can ask one with a session's cookie only by leading the whole browser here.

The ETag of a compressed answer is another than that of the same bytes as they are: it names bytes, not a meaning.
"""

from __future__ import annotations

import hashlib
import secrets
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from interfaces.http.base_path import put_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

COMPRESSED_BYTES_MIN: Final = 1024
"""Least size at which an answer is compressed: a smaller one fits one packet either way."""
LEVEL: Final = 5
"""Compression, 1 to 9: a list of 27 kB takes 0.25 ms and becomes a fifth. At 9 it takes twice as long for nothing."""
LEVEL_OF_KEPT: Final = 9
BLUR_BYTES_MAX: Final = 100
ALWAYS: Final = "public, max-age=31536000, immutable"
"""Caching of what another address would be given when it changes."""
ASK_AGAIN: Final = "no-cache"
"""For what may be kept and is asked for again each time: a question, and no answer while nothing has changed."""

_TEXT: Final = frozenset(
    {
        "application/json",
        "application/jsonl",
        "application/problem+json",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/plain",
    }
)
_DIGEST_CHARS: Final = 32
_ASKED_CHARS_MAX: Final = 1000
"""Longest Accept-Encoding: no browser sends a tenth of it, and to read a longer one takes more than it would save."""
_QUALITY_CHARS_MAX: Final = 5
_GZIP_WBITS: Final = 31
_RAW_WBITS: Final = -15
_HAS_NAME: Final = 8


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that are sent again and again, as they are and compressed. gzipped: None where that gains nothing."""

    data: bytes
    gzipped: bytes | None
    tag: str

    @classmethod
    def of(cls, data: bytes) -> Kept:
        """Return what is to be sent of these bytes."""
        compressor = zlib.compressobj(LEVEL_OF_KEPT, zlib.DEFLATED, _GZIP_WBITS)
        gzipped = compressor.compress(data) + compressor.flush()
        is_worth_it = len(data) >= COMPRESSED_BYTES_MIN and len(gzipped) < len(data)
        return cls(data, gzipped if is_worth_it else None, _tag_of(data))


def send_kept(resp: falcon.Response, kept: Kept, media_type: str, cache_control: str) -> None:
    """Answer with bytes that were prepared."""
    resp.data, resp.content_type = kept.data, media_type
    resp.context.kept, resp.context.may_be_kept = kept, True
    resp.set_header("Cache-Control", cache_control)


def may_be_kept(resp: falcon.Response, cache_control: str) -> None:
    """Let clients keep an answer, which has an ETag then. cache_control: for how long, and who."""
    resp.context.may_be_kept = True
    resp.set_header("Cache-Control", cache_control)


def holds_secret(resp: falcon.Response) -> None:
    """Say of an answer that a secret stands in it."""
    resp.context.holds_secret = True


class Representations:
    """The Falcon middleware. It has to be the last one, so that it sees the answer first.

    base: the path that all addresses begin with, "" for none.
    """

    def __init__(self, base: str = "") -> None:
        self._base = base

    def process_response(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: object,
        req_succeeded: bool,  # noqa: FBT001 - Falcon's signature
    ) -> None:
        """Choose the form of the answer."""
        del resource
        if self._base:
            put_on(resp, self._base)
        if resp.data is not None and len(resp.data) < COMPRESSED_BYTES_MIN and not _is_kept(resp):
            return  # as every answer to a robot
        kept: Kept | None = getattr(resp.context, "kept", None) if req_succeeded else None
        body = _body_of(resp)
        is_compressed = _may_be_compressed(resp, body, kept)
        if is_compressed:
            resp.set_header("Vary", "Accept-Encoding")
            is_compressed = takes_gzip(req.get_header("Accept-Encoding"))
        if req_succeeded and _is_kept(resp):
            tag = _tag_of(body or b"") if kept is None else kept.tag
            etag = f'"{tag}-gzip"' if is_compressed else f'"{tag}"'
            resp.set_header("ETag", etag)
            if _has_it(req, resp, etag):
                resp.status, resp.text, resp.data = 304, None, None
                resp.delete_header("Content-Type")
                return
        if is_compressed:
            resp.set_header("Content-Encoding", "gzip")
            _compress(resp, body, kept)


def _is_kept(resp: falcon.Response) -> bool:
    return getattr(resp.context, "may_be_kept", False)


def takes_gzip(field: str | None) -> bool:
    """Return whether a client asks for gzip with this Accept-Encoding, and would not rather have bytes as they are."""
    asked = dict[str, float]()
    if field is None or len(field) > _ASKED_CHARS_MAX:
        return False
    for part in field.split(","):
        name, _, parameters = part.partition(";")
        asked[name.strip().lower()] = _quality(parameters)
    gzip = asked.get("gzip", asked.get("x-gzip", asked.get("*", 0.0)))
    return gzip > 0 and gzip >= asked.get("identity", 0.0)


def _quality(parameters: str) -> float:
    """Return the weight; 0 for what is none, so that nobody gets what they can't read."""
    name, _, value = parameters.partition("=")
    if not parameters.strip():
        return 1.0
    digits = value.strip()
    is_weight = name.strip().lower() == "q" and len(digits) <= _QUALITY_CHARS_MAX and digits.isascii()
    whole, _, rest = digits.partition(".")
    is_number = is_weight and whole in {"0", "1"} and (not rest or rest.isdigit())
    return min(float(digits), 1.0) if is_number else 0.0


def _tag_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_DIGEST_CHARS]


def _body_of(resp: falcon.Response) -> bytes | None:
    """Return the body as it is so far; None for one that is made piece by piece, and for none."""
    if resp.data is not None:
        return bytes(resp.data)
    return None if resp.text is None else resp.text.encode()


def _may_be_compressed(resp: falcon.Response, body: bytes | None, kept: Kept | None) -> bool:
    if getattr(resp.context, "holds_secret", False):
        return False
    if (resp.content_type or "").partition(";")[0] not in _TEXT:
        return False
    if kept is not None:
        return kept.gzipped is not None
    return resp.stream is not None if body is None else len(body) >= COMPRESSED_BYTES_MIN


def _compress(resp: falcon.Response, body: bytes | None, kept: Kept | None) -> None:
    if kept is not None:
        resp.data = kept.gzipped
    elif body is None:
        resp.stream = _Compressed(iter(resp.stream))  # type: ignore[arg-type] # pieces, in all that is sent here
    else:
        resp.text = None
        is_page = (resp.content_type or "").startswith("text/html")
        resp.data = _blurred(body) if is_page else zlib.compress(body, LEVEL, _GZIP_WBITS)


def _blurred(body: bytes) -> bytes:
    """Return gzip of a body with a name in its head that says nothing and has some length (RFC 1952, 2.3)."""
    name = b"a" * secrets.randbelow(BLUR_BYTES_MAX)
    head = struct.pack("<BBBBIBB", 0x1F, 0x8B, zlib.DEFLATED, _HAS_NAME, 0, 0, 255) + name + b"\0"
    return head + zlib.compress(body, LEVEL, _RAW_WBITS) + struct.pack("<II", zlib.crc32(body), len(body) & 0xFFFF_FFFF)


class _Compressed:
    """An answer that is made piece by piece, of which each piece goes out when it is there."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._compressor: zlib._Compress | None = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WBITS)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._compressor is None:
            raise StopIteration
        piece = next(self._pieces, None)
        if piece is None:
            end, self._compressor = self._compressor.flush(), None
            return end
        return self._compressor.compress(piece) + self._compressor.flush(zlib.Z_SYNC_FLUSH)

    def close(self) -> None:
        """End what makes the pieces."""
        if hasattr(self._pieces, "close"):
            self._pieces.close()


def _has_it(req: falcon.Request, resp: falcon.Response, etag: str) -> bool:
    """Return whether the client has this form of the answer (RFC 9110, 13.1.2 and 13.1.3)."""
    field = req.get_header("If-None-Match")
    if field is not None:
        # No tag has a quote inside, so a part that is equal to ours is ours, wherever else commas stand.
        return field.strip() == "*" or etag in {part.strip().removeprefix("W/") for part in field.split(",")}
    since = req.get_header("If-Modified-Since")
    return since is not None and since == resp.get_header("Last-Modified")
