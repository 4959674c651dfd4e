"""Every address has one spelling, so that a rule of a proxy on the address can't be got around by another one."""

from __future__ import annotations

import re
from typing import Final

_NAMES = re.compile(r"/(?:[A-Za-z0-9._~-]+(?:/[A-Za-z0-9._~-]+)*)?")
"""Single slashes, and between them what needs no percent-encoding: no route takes anything else."""
_TILE = re.compile("(/api/v1/audit/tile/[a-z0-9]+/)(.+)")
_ENCODED_SLASH = re.compile("%2[Ff]")
_DOTS: Final = frozenset({".", ".."})
_SLASH_AT_ITS_END: Final = "No address has a slash at its end. Send the request without the slash."
_OTHER_SPELLING: Final = (
    "No address is spelt like this. Send the path as it is documented: with single slashes, without . and .. between"
    " them, and with nothing percent-encoded or after a semicolon."
)


def what_is_odd(path: str) -> str | None:
    """Return what is wrong with how a path is spelt, and what to do; None when it may be an address.

    path: as it was sent, not decoded, without the query.
    """
    if _is_plain(path) or _is_tile(path):
        return None
    without = path.removesuffix("/")
    return _SLASH_AT_ITS_END if without not in {path, "/"} and _is_plain(without) else _OTHER_SPELLING


def _is_tile(path: str) -> bool:
    # The number of a tile is one parameter with slashes in it, which every generated client encodes. What stands before
    # it, and what a rule can be about, has one spelling all the same.
    tile = _TILE.fullmatch(path)
    return tile is not None and _is_plain(tile[1] + _ENCODED_SLASH.sub("/", tile[2]))


def _is_plain(path: str) -> bool:
    return bool(_NAMES.fullmatch(path)) and _DOTS.isdisjoint(path.split("/"))
