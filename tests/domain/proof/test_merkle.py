"""The tree: known roots, proofs that equal their definition in RFC 6962, and every wrong proof refused."""

from __future__ import annotations

import hashlib
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.proof import merkle
from domain.proof.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The leaves by which implementations of Certificate Transparency are compared."""
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""And their roots, of none of them to all eight."""
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]
SIZES = st.integers(1, 70)


def mth(hashes: Sequence[bytes]) -> bytes:
    """The definition in RFC 6962 section 2.1."""
    if not hashes:
        return hashlib.sha256().digest()
    if len(hashes) == 1:
        return hashes[0]
    split = largest_power_below(len(hashes))
    return hashlib.sha256(b"\x01" + mth(hashes[:split]) + mth(hashes[split:])).digest()


def path(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """The definition in RFC 6962 section 2.1.1."""
    if len(hashes) == 1:
        return []
    split = largest_power_below(len(hashes))
    if index < split:
        return [*path(index, hashes[:split]), mth(hashes[split:])]
    return [*path(index - split, hashes[split:]), mth(hashes[:split])]


def subproof(old: int, hashes: Sequence[bytes], *, is_whole: bool = True) -> list[bytes]:
    """The definition in RFC 6962 section 2.1.2."""
    if old == len(hashes):
        return [] if is_whole else [mth(hashes)]
    split = largest_power_below(len(hashes))
    if old <= split:
        return [*subproof(old, hashes[:split], is_whole=is_whole), mth(hashes[split:])]
    return [*subproof(old - split, hashes[split:], is_whole=False), mth(hashes[:split])]


def largest_power_below(count: int) -> int:
    return max(1 << bit for bit in range(count.bit_length()) if 1 << bit < count)


def leaves(count: int) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % number) for number in range(count)]


def subtrees_of(hashes: Sequence[bytes]) -> Callable[[int, int], bytes]:
    """What a store of the tree can give: full subtrees, and no others."""

    def subtree(begin: int, end: int) -> bytes:
        count = end - begin
        assert count & (count - 1) == 0
        assert begin % count == 0
        assert end <= len(hashes)
        return mth(hashes[begin:end])

    return subtree


@pytest.mark.parametrize("size", range(9))
def test_the_root_of_the_first_leaves_is_the_known_one(size: int) -> None:
    assert merkle.root_of(HASHES[:size]).hex() == ROOTS[size]
    assert merkle.root_at(size, subtrees_of(HASHES)).hex() == ROOTS[size]


def test_the_example_of_seven_leaves_in_the_rfcs_has_the_proofs_that_they_give() -> None:
    hashes = leaves(7)
    a, b, c, d, e, f, j = hashes
    g, h, i = (merkle.node_hash(*two) for two in ((a, b), (c, d), (e, f)))
    k, m = merkle.node_hash(g, h), merkle.node_hash(i, j)
    subtree = subtrees_of(hashes)
    assert merkle.inclusion_proof(0, 7, subtree) == [b, h, m]
    assert merkle.inclusion_proof(3, 7, subtree) == [c, g, m]
    assert merkle.inclusion_proof(4, 7, subtree) == [f, j, k]
    assert merkle.inclusion_proof(6, 7, subtree) == [i, k]
    assert merkle.consistency_proof(3, 7, subtree) == [c, d, g, m]
    assert merkle.consistency_proof(4, 7, subtree) == [m]
    assert merkle.consistency_proof(6, 7, subtree) == [i, j, k]


@given(SIZES, st.data())
def test_proofs_are_those_of_the_definition_and_hold(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    subtree = subtrees_of(hashes)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    inclusion = merkle.inclusion_proof(index, size, subtree)
    assert inclusion == path(index, hashes)
    merkle.check_inclusion(leaf=hashes[index], index=index, size=size, root=mth(hashes), proof=inclusion)
    consistency = merkle.consistency_proof(old, size, subtree)
    assert consistency == subproof(old, hashes)
    merkle.check_consistency(old=old, new=size, old_root=mth(hashes[:old]), new_root=mth(hashes), proof=consistency)


@given(SIZES, st.data())
def test_a_proof_with_anything_wrong_is_refused(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    right: dict[str, Any] = {
        "leaf": hashes[index],
        "index": index,
        "size": size,
        "root": mth(hashes),
        "proof": merkle.inclusion_proof(index, size, subtrees_of(hashes)),
    }
    wrong: list[dict[str, Any]] = [{"proof": proof} for proof in wrong_proofs(right["proof"])]
    wrong += [
        {"leaf": other} for other in (b"", hashes[index][:31], merkle.leaf_hash(b"another"), right["root"] + b"\0")
    ]
    wrong += [{"root": other} for other in (b"", merkle.EMPTY_ROOT, mth([*hashes, merkle.EMPTY_ROOT]))]
    wrong += [{"index": other} for other in (-1, size, index + size, index ^ 1 if (index ^ 1) < size else -1)]
    wrong += [{"size": other} for other in (0, index, 4 * size + 1)]
    for change in wrong:
        with pytest.raises(ProofError):
            merkle.check_inclusion(**{**right, **change})


@given(st.integers(2, 70), st.data())
def test_a_proof_of_a_prefix_with_anything_wrong_is_refused(size: int, data: st.DataObject) -> None:
    hashes = leaves(size)
    old = data.draw(st.integers(1, size - 1))
    right: dict[str, Any] = {
        "old": old,
        "new": size,
        "old_root": mth(hashes[:old]),
        "new_root": mth(hashes),
        "proof": merkle.consistency_proof(old, size, subtrees_of(hashes)),
    }
    merkle.check_consistency(**right)
    wrong: list[dict[str, Any]] = [{"proof": proof} for proof in wrong_proofs(right["proof"])]
    wrong += [{"old_root": right["new_root"], "new_root": right["old_root"]}]
    for name in ("old_root", "new_root"):
        wrong += [{name: other} for other in (b"", merkle.EMPTY_ROOT, merkle.leaf_hash(b"another"))]
    wrong += [{"old": other} for other in (-1, 0, size, size + 1)]
    wrong += [{"new": other} for other in (0, old, old - 1, 4 * size + 1)]
    for change in wrong:
        with pytest.raises(ProofError):
            merkle.check_consistency(**{**right, **change})


def wrong_proofs(proof: list[bytes]) -> list[list[bytes]]:
    """Longer, shorter, in another order, with a bit changed, with a hash that is none."""
    other = merkle.leaf_hash(b"another")
    found = [[*proof, other], [other, *proof], [*proof, b""], [*proof, *proof, other] * 40]
    if proof:
        found += [[], proof[:-1], proof[1:], [b"", *proof[1:]], [proof[0][:31], *proof[1:]]]
        found += [
            [*proof[:at], bytes([proof[at][0] ^ 16]) + proof[at][1:], *proof[at + 1 :]] for at in range(len(proof))
        ]
    found += [
        [*proof[:at], second, first, *proof[at + 2 :]]
        for at, (first, second) in enumerate(pairwise(proof))
        if first != second
    ]
    return found


def test_trees_of_one_size_need_no_proof_and_the_same_root() -> None:
    root = mth(HASHES)
    merkle.check_consistency(old=8, new=8, old_root=root, new_root=root, proof=[])
    for proof, one, other in (([], root, mth(HASHES[:7])), ([root], root, root), ([], b"", b"")):
        with pytest.raises(ProofError):
            merkle.check_consistency(old=8, new=8, old_root=one, new_root=other, proof=proof)


def test_a_tree_without_leaves_proves_nothing() -> None:
    for size in (0, 1):
        with pytest.raises(ProofError, match="no leaves"):
            merkle.check_consistency(old=0, new=size, old_root=merkle.EMPTY_ROOT, new_root=HASHES[0], proof=[])
    for index, size in ((0, 0), (-1, 2), (2, 2)):
        with pytest.raises(ValueError, match="no such leaf"):
            merkle.inclusion_proof(index, size, subtrees_of(HASHES[:size]))
    with pytest.raises(ValueError, match="must not be empty"):
        merkle.consistency_proof(0, 1, subtrees_of(HASHES))


def test_bytes_that_moved_from_one_hash_to_its_neighbour_are_refused() -> None:
    """The node over both has the same bytes, so only their lengths tell."""
    one, other = HASHES[:2]
    longer, proof, root = one + other[:1], [other[1:]], mth(HASHES[:2])
    with pytest.raises(ProofError, match="32 bytes"):
        merkle.check_inclusion(leaf=longer, index=0, size=2, root=root, proof=proof)
    with pytest.raises(ProofError, match="32 bytes"):
        merkle.check_consistency(old=1, new=2, old_root=longer, new_root=root, proof=proof)


@pytest.mark.parametrize("size", range(34))
def test_leaves_that_come_tile_after_tile_have_the_root_of_the_tree(size: int) -> None:
    hashes, tile = leaves(size), 4
    full = size - size % tile
    tiles = merkle.CompactRange()
    for begin in range(0, full, tile):
        tiles.push(merkle.root_of(hashes[begin : begin + tile]))
        assert tiles.root() == mth(hashes[: begin + tile])
    assert tiles.root(hashes[full:]) == mth(hashes)
