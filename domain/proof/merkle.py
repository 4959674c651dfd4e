"""The hashes of a Merkle tree, and the two proofs about it: RFC 6962 section 2.1, checked as RFC 9162 section 2.1 says.

A proof is a list of hashes of 32 bytes. Positions in the tree are indexes from 0.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from domain.proof.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    Subtree: TypeAlias = Callable[[int, int], bytes]
    """Returns the root of the leaves from one index up to, and without, another: a full subtree of the tree."""

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256().digest()
"""The root of a tree without leaves."""
PROOF_HASHES_MAX: Final = 64
"""Most hashes in a proof: that of a tree with 2^63 leaves; more than any log has."""
_TOO_MANY: Final = "The proof has too many hashes."
_TOO_FEW: Final = "The proof has too few hashes."


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over these hashes, of leaves or of subtrees of one size, in order."""
    if not hashes:
        return EMPTY_ROOT
    level = list(hashes)
    while len(level) > 1:
        level = pairs(level) + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def pairs(level: Sequence[bytes]) -> list[bytes]:
    """Return the nodes over each two neighbours; one that is left over has none."""
    sha256 = hashlib.sha256
    return [sha256(b"\x01" + left + right).digest() for left, right in zip(level[::2], level[1::2], strict=False)]


def full_subtrees(size: int) -> list[tuple[int, int]]:
    """Return the full subtrees that a tree of `size` leaves is made of, from the left, as (begin, end)."""
    found, begin = [], 0
    for bit in reversed(range(size.bit_length())):
        if size >> bit & 1:
            found.append((begin, begin + (1 << bit)))
            begin += 1 << bit
    return found


def root_at(size: int, subtree: Subtree) -> bytes:
    """Return the root of the first `size` leaves of a tree."""
    if size == 0:
        return EMPTY_ROOT
    return _fold(size, 0, subtree)


def _fold(end: int, begin: int, subtree: Subtree) -> bytes:
    """Return the root of the leaves from `begin`, where a full subtree as large as any in here may begin, to `end`."""
    parts = [subtree(begin + first, begin + last) for first, last in full_subtrees(end - begin)]
    root = parts.pop()
    while parts:
        root = node_hash(parts.pop(), root)
    return root


@dataclass(slots=True)
class CompactRange:
    """The root of a tree whose leaves come one tile after another, in memory that does not grow with it.

    It has the largest full subtrees over the tiles so far, from the left. A tile spans a power of two of leaves.
    """

    _parts: list[tuple[int, bytes]] = field(default_factory=list)
    """The parts of the tree, each with its height in tiles."""

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


def inclusion_proof(index: int, size: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the leaf at `index` is in the tree of the first `size` leaves, from the leaf upwards.

    Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError("there is no such leaf in a tree of this size")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            path.append(_fold(end, middle, subtree))
            end = middle
        else:
            path.append(_fold(middle, begin, subtree))
            begin = middle
    return path[::-1]


def consistency_proof(old: int, new: int, subtree: Subtree) -> list[bytes]:
    """Return the proof that the first `old` leaves of the tree of `new` leaves are those of the tree of `old` leaves.

    Empty for two trees of one size. Raises ValueError unless 0 < old <= new.
    """
    if not 0 < old <= new:
        raise ValueError("the older tree must not be empty, nor larger than the newer one")
    path: list[bytes] = []
    begin, end, is_whole = 0, new, True
    while end != old:
        middle = begin + _split(end - begin)
        if old <= middle:
            path.append(_fold(end, middle, subtree))
            end = middle
        else:
            path.append(_fold(middle, begin, subtree))
            begin, is_whole = middle, False
    if not is_whole:
        path.append(_fold(end, begin, subtree))
    return path[::-1]


def _split(count: int) -> int:
    """Return the largest power of two below `count`, which is at least 2."""
    return 1 << (count - 1).bit_length() - 1


def check_inclusion(*, leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that a leaf with this hash stands at `index` in the tree of `size` leaves with this root.

    As in RFC 9162 section 2.1.3.2. Raises ProofError.
    """
    _check_hashes([leaf, *proof])
    if not 0 <= index < size:
        raise ProofError(f"A tree of {size} leaves has none at {index}.")
    result = leaf
    for sibling, is_left in _climb(index, size - 1, proof):
        result = node_hash(sibling, result) if is_left else node_hash(result, sibling)
    if not hmac.compare_digest(result, root):
        raise ProofError("The proof leads to another root: the leaf is not there, or the proof is wrong.")


def check_consistency(*, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree of `new` leaves begins with the tree of `old` leaves.

    As in RFC 9162 section 2.1.4.2. Raises ProofError, also for an older tree without leaves, which every tree begins
    with, so that nothing would be proven.
    """
    _check_hashes(proof)
    if not 0 < old <= new:
        raise ProofError("The older tree is larger than the newer one." if old else "The older tree has no leaves.")
    if not old_root or not new_root:
        raise ProofError("A root is missing.")
    if old == new:
        _check_equal(old_root, new_root, proof)
        return
    # An older tree that is full is a node of the newer one, and the proof leaves it out.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        raise ProofError(_TOO_FEW)
    node, last = old - 1, new - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = path[0]
    for sibling, is_left in _climb(node, last, path[1:]):
        if is_left:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
        else:
            second = node_hash(second, sibling)
    if not hmac.compare_digest(first, old_root):
        raise ProofError("The proof leads to another root of the older tree.")
    if not hmac.compare_digest(second, new_root):
        raise ProofError("The proof leads to another root of the newer tree.")


def _check_equal(old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise ProofError(_TOO_MANY)
    if not hmac.compare_digest(old_root, new_root):
        raise ProofError("Two trees of one size have different roots.")


def _climb(node: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Yield each hash of a proof, and whether it stands to the left of the node that is climbed from.

    node, last: the index of that node on its level, and of the last one there. Raises ProofError.
    """
    for sibling in proof:
        if last == 0:
            raise ProofError(_TOO_MANY)
        is_left = bool(node & 1) or node == last
        yield sibling, is_left
        while is_left and node and not node & 1:
            node, last = node >> 1, last >> 1  # the last node of a level, without a sibling, is its own parent
        node, last = node >> 1, last >> 1
    if last != 0:
        raise ProofError(_TOO_FEW)


def _check_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(one) != HASH_BYTES for one in hashes):
        raise ProofError("A hash does not have 32 bytes.")
    if len(hashes) > PROOF_HASHES_MAX + 1:
        raise ProofError(_TOO_MANY)
