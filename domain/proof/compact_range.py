"""The root of a tree whose leaves come one tile after another, in memory that does not grow with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from domain.proof.merkle import node_hash, root_of

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class CompactRange:
    """The largest full subtrees over the tiles so far, from the left. A tile spans a power of two of leaves."""

    _parts: list[tuple[int, bytes]] = field(default_factory=list)
    """Each with its height in tiles."""

    def push(self, root: bytes) -> None:
        """Add the root of the next tile."""
        height = 0
        while self._parts and self._parts[-1][0] == height:
            root = node_hash(self._parts.pop()[1], root)
            height += 1
        self._parts.append((height, root))

    def root(self, hashes: Sequence[bytes] = ()) -> bytes:
        """Return the root over the tiles and the hashes of the leaves after them, fewer than a tile has, or as many."""
        roots = [root for _, root in self._parts]
        if hashes or not roots:
            roots.append(root_of(hashes))
        root = roots.pop()
        while roots:
            root = node_hash(roots.pop(), root)
        return root
