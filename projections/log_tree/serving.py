"""The tree as c2sp.org/tlog-tiles serves it: tiles of hashes, and bundles of entries, under paths of its form."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Final

from application.store.log.reading import read_leaves
from domain.errors import NotFoundError
from domain.proof.merkle import HASH_BYTES
from projections.log_tree.tiles import LEVEL_MAX, TILE_HASHES, Tiles

if TYPE_CHECKING:
    from application.store.session import Connection

_PATH: Final = re.compile(r"((?:x\d{3}/){0,5})(\d{3})(?:\.p/([1-9]\d{0,2}))?", re.ASCII)


def parse_path(path: str) -> tuple[int, int]:
    """Return the number of a tile and how many hashes of it are asked for. Raises NotFoundError.

    The form is `x001/x234/067` for the full tile 1234067, and `x001/x234/067.p/8` for its first 8 hashes.
    """
    found = _PATH.fullmatch(path)
    width = int(found[3]) if found and found[3] else TILE_HASHES
    if found is None or (found[3] and width >= TILE_HASHES) or (found[1] and found[1].startswith("x000/")):
        raise NotFoundError
    return int(re.sub("[x/]", "", found[1]) + found[2]), width


def tile(connection: Connection, level: int, path: str) -> bytes:
    """Return the hashes of a tile, side by side. Raises NotFoundError, psycopg.Error."""
    number, width = parse_path(path)
    hashes = Tiles(connection).tile(level, number)[: width * HASH_BYTES] if level <= LEVEL_MAX else b""
    if len(hashes) != width * HASH_BYTES:
        raise NotFoundError
    return hashes


def entry_bundle(connection: Connection, path: str) -> bytes:
    """Return the leaves of a tile of level 0, each with its length before it. Raises NotFoundError, psycopg.Error."""
    number, width = parse_path(path)
    after, until = Tiles(connection).positions(number)
    leaves = read_leaves(connection, after=after, until=until, limit=width)
    if len(leaves) != width:
        raise NotFoundError
    return b"".join(struct.pack(">H", len(leaf.data)) + leaf.data for leaf in leaves)
