"""A body as it was before its Content-Encoding: bounded, and in a time and a space in proportion to its bytes."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from interfaces.http.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE_BYTES: Final = 64 * 1024
_FIRST_BYTES: Final = 256


def inflate(body: bytes, encoding: str | None, bytes_max: int) -> bytes:
    """Return the body without its Content-Encoding.

    Raises ProblemError for an encoding other than gzip, for what is not gzip, and when more than `bytes_max` comes out.
    """
    if encoding is None or encoding.strip().lower() in {"", "identity"}:
        return body
    if encoding.strip().lower() not in {"gzip", "x-gzip"}:
        raise ProblemError("unsupported-media-type", detail="Send the body plain, or with Content-Encoding: gzip.")
    pieces: list[bytes] = []
    left = bytes_max
    try:
        for piece in _pieces(body):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                raise ProblemError("too-large", detail=f"The body is larger than {bytes_max} bytes when inflated.")
    except zlib.error:
        raise ProblemError(
            "malformed-json",
            detail="The body is not valid gzip, as Content-Encoding says it is. Send it whole, with nothing after it.",
        ) from None
    return b"".join(pieces)


def _pieces(body: bytes) -> Iterator[bytes]:
    """Yield what the members hold, one after the other (RFC 1952, 2.2): there is one, and may be more.

    In pieces, of what goes in and of what comes out: zlib holds what it makes of all of a bomb twice, and copies what
    it has not come to yet. For the same reason the first piece of a member is small: what does not belong to it any
    more is copied, and there may be a member in every twenty bytes.

    Raises zlib.error for what is not gzip, and for a member that does not end.
    """
    view, at = memoryview(body), 0
    while True:
        member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        size = _FIRST_BYTES
        while not member.eof:
            given = view[at : at + size]
            if not given:
                raise zlib.error("it ends too early")
            at += len(given)
            size = min(2 * size, _PIECE_BYTES)
            piece = member.decompress(given, _PIECE_BYTES)
            while piece:
                yield piece
                # When it has ended, its tail is what follows it: given again, that would be counted twice.
                piece = b"" if member.unused_data else member.decompress(member.unconsumed_tail, _PIECE_BYTES)
        at -= len(member.unused_data)
        if at == len(body):
            return
