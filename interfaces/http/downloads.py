"""Answers of unknown length: sent piece by piece while they are made, so many at once and for so long."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

import structlog

from application.store.database import deadline
from interfaces.http.problems import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import falcon

AT_ONCE_MAX: Final = 2
"""In one process, of its 16 threads: a download keeps one busy for as long as it takes, and bots need the others."""
SECONDS_MAX: Final = 600.0
"""From the request to the last byte, however slowly it is read: nobody keeps others from downloading for longer."""
PIECE_SECONDS_MAX: Final = 4.2
"""All waits for the store in making one piece end after this."""
RETRY_SECONDS: Final = 10
_NEEDS_CHUNKS: Final = (
    "A download needs HTTP/1.1: in HTTP/1.0 nobody could tell that its end is missing. A proxy in front may have to be"
    " told so (nginx: proxy_http_version 1.1)."
)

_log = structlog.get_logger("rpawatch.http")


class DownloadTooLongError(Exception):
    """A download that takes longer than any may."""


class Downloads:
    """The downloads of this process.

    A download is sent chunked, since its length is not known before. When something goes wrong in the middle, what is
    raised cuts the connection before the last chunk, which tells the client that it does not have all.
    """

    def __init__(self, at_once_max: int = AT_ONCE_MAX, seconds_max: float = SECONDS_MAX) -> None:
        self._at_once_max = at_once_max
        self._seconds_max = seconds_max
        self._free = threading.BoundedSemaphore(at_once_max)

    def send(self, req: falcon.Request, resp: falcon.Response, pieces: Iterator[bytes], name: str) -> None:
        """Answer with a file of this name. `resp` has its content type.

        The first piece is made here, so that what goes wrong with it is answered as ever. Raises ProblemError when too
        many are on their way, and what `pieces` raise.
        """
        if req.env.get("SERVER_PROTOCOL") == "HTTP/1.0":
            raise ProblemError("not-implemented", detail=_NEEDS_CHUNKS)
        if not self._free.acquire(blocking=False):
            raise ProblemError(
                "unavailable",
                detail=f"Only {self._at_once_max} downloads are made at the same time. Wait until another has ended.",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        resp.stream = _Begun(self._guarded(pieces, req.context.request_id))
        resp.set_header("Content-Disposition", f'attachment; filename="{name}"')

    def _guarded(self, pieces: Iterator[bytes], request_id: str) -> Iterator[bytes]:
        began = time.monotonic()
        size, is_complete = 0, False
        try:
            while True:
                with deadline(PIECE_SECONDS_MAX):
                    piece = next(pieces, None)
                if piece is None:
                    is_complete = True
                    return
                size += len(piece)
                yield piece
                if time.monotonic() - began > self._seconds_max:
                    raise DownloadTooLongError(f"cut off after {self._seconds_max:g} seconds")
        finally:
            self._free.release()
            _log.info(
                "download_ended",
                is_complete=is_complete,
                bytes=size,
                seconds=round(time.monotonic() - began, 3),
                request_id=request_id,
            )


class _Begun:
    """An iterator of which the first piece was made. Closing it ends what makes the others."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._first: bytes | None = next(pieces, None)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece, self._first = self._first, None
        return next(self._pieces) if piece is None else piece

    def close(self) -> None:
        self._pieces.close()  # type: ignore[attr-defined] # of a generator
