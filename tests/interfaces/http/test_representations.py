"""What is made piece by piece is compressed piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import falcon
import pytest
from falcon.testing import create_req

from interfaces.http.representations import Kept, Representations

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECES = [b"one" * 1000, b"", b"two", b"three" * 1000]


class Pieces:
    """An iterator that knows how many were taken, and whether it was closed."""

    def __init__(self, *, fails: bool = False) -> None:
        self.taken, self.is_closed, self._fails = 0, False, fails

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self.taken == len(PIECES):
            if self._fails:
                raise RuntimeError("in the middle")
            raise StopIteration
        self.taken += 1
        return PIECES[self.taken - 1]

    def close(self) -> None:
        self.is_closed = True


def compressed(pieces: Pieces) -> falcon.Response:
    resp = falcon.Response()
    resp.content_type, resp.stream = "text/csv; charset=utf-8", pieces
    Representations().process_response(
        create_req(headers={"Accept-Encoding": "gzip"}), resp, object(), req_succeeded=True
    )
    assert resp.get_header("Content-Encoding") == "gzip"
    return resp


def begun(pieces: Pieces) -> Iterator[bytes]:
    stream = compressed(pieces).stream
    assert isinstance(stream, Iterable)
    return iter(stream)


def test_each_piece_can_be_read_before_the_next_is_made() -> None:
    pieces = Pieces()
    stream, reader = begun(pieces), zlib.decompressobj(31)
    for number, piece in enumerate(PIECES, start=1):
        assert reader.decompress(next(stream)) == piece
        assert pieces.taken == number
    assert not reader.eof
    assert reader.decompress(next(stream)) == b""
    assert reader.eof, "the end is told"
    with pytest.raises(StopIteration):
        next(stream)


def test_what_fails_in_the_middle_has_no_end() -> None:
    stream, reader = begun(Pieces(fails=True)), zlib.decompressobj(31)
    for _ in PIECES:
        reader.decompress(next(stream))
    with pytest.raises(RuntimeError):
        next(stream)
    assert not reader.eof


def test_what_makes_the_pieces_is_closed_with_it() -> None:
    pieces = Pieces()
    compressed(pieces).stream.close()  # type: ignore[union-attr]
    assert pieces.is_closed


def test_what_does_not_get_smaller_is_kept_as_it_is() -> None:
    assert Kept.of(b"a" * 1023).gzipped is None
    assert Kept.of(b"a" * 1024).gzipped is not None
