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
"""Most downloads in one process, of 16 threads: each keeps one busy for as long as it takes, and bots need the
others."""
SECONDS_MAX: Final = 600.0
"""Longest download, from the request to the last byte: nobody keeps a place for longer, however slowly they read."""
PIECE_SECONDS_MAX: Final = 4.2
"""Time after which all waits for the store end while one piece is made."""
RETRY_SECONDS: Final = 10
KEPT_SECONDS: Final = 25.0
"""Time for which a place is kept for who was refused: they have been told to come back sooner."""
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

    Nobody takes all places, where there are two, nor takes one again before those who were refused: who keeps asking
    would keep all others out.
    """

    def __init__(self, at_once_max: int = AT_ONCE_MAX, seconds_max: float = SECONDS_MAX) -> None:
        self._at_once_max = at_once_max
        self._seconds_max = seconds_max
        self._lock = threading.Lock()
        self._taken: list[str] = []
        self._waiting: dict[str, float] = {}
        """Who was refused, the first one first, and until when a place is kept for them."""

    def send(
        self, req: falcon.Request, resp: falcon.Response, pieces: Iterator[bytes], name: str, *, turn: str
    ) -> None:
        """Answer with a file of this name. `resp` has its content type.

        turn: whose turn it uses up, who may be many people. The first piece is made here, so that what goes wrong with
        it is answered as ever; for HEAD it is the only one. Raises ProblemError when too many are on their way, and
        what `pieces` raise.
        """
        if req.env.get("SERVER_PROTOCOL") == "HTTP/1.0":
            raise ProblemError("not-implemented", detail=_NEEDS_CHUNKS)
        if not self._take_place(turn):
            raise ProblemError(
                "unavailable",
                detail=f"Only {self._at_once_max} downloads are made at the same time, and one of an account or"
                " person. Wait until another has ended.",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        begun = _Begun(self._guarded(pieces, turn, req.context.request_id))
        if req.method == "HEAD":
            # Nobody will ask for the other pieces, nor close what makes them.
            begun.close()
        resp.stream = begun
        resp.set_header("Content-Disposition", f'attachment; filename="{name}"')

    def places_taken(self) -> int:
        """Return how many downloads are on their way."""
        return len(self._taken)

    def _take_place(self, turn: str) -> bool:
        now = time.monotonic()
        with self._lock:
            self._waiting = {other: until for other, until in self._waiting.items() if until > now}
            order = [*self._waiting, turn]
            free = self._at_once_max - len(self._taken)
            most = max(1, self._at_once_max - 1)
            if order.index(turn) < free and self._taken.count(turn) < most:
                self._waiting.pop(turn, None)
                self._taken.append(turn)
                return True
            if turn not in self._taken:
                self._waiting[turn] = now + KEPT_SECONDS
            return False

    def _give_place_back(self, turn: str) -> None:
        with self._lock:
            self._taken.remove(turn)

    def _guarded(self, pieces: Iterator[bytes], turn: str, request_id: str) -> Iterator[bytes]:
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
            self._give_place_back(turn)
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
