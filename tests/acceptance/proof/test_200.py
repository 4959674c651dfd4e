"""An auditor gets the log's signed head, its tree and proofs, and all of it fits together."""

from __future__ import annotations

import base64
import json
import struct
from typing import TYPE_CHECKING, Any

import pytest

from domain.proof import merkle
from domain.proof.checkpoint import Checkpoint, open_checkpoint
from domain.proof.document import read_document
from domain.proof.leaf import parse_leaf
from domain.proof.note import Verifier, parse_vkey
from tests.acceptance.audit.asking import create_key, listed

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World

AUDIT = "/api/v1/audit"


def asked(world: World, path: str, by: str = "aud") -> Answer:
    answer = world.ask("GET", path, headers=world.signed_in(by))
    assert answer.status == 200, answer.body
    return answer


def public_keys(world: World) -> list[Verifier]:
    return [parse_vkey(item["public_key"]) for item in world.ask("GET", f"{AUDIT}/keys").json["items"]]


def checkpoint(world: World) -> Checkpoint:
    world.wait_for_head()
    answer = asked(world, f"{AUDIT}/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    return open_checkpoint(answer.body.decode(), public_keys(world))


def proof_of(world: World, path: str, by: str = "aud") -> Any:
    return read_document(asked(world, path, by).body)


def test_the_head_is_signed_with_the_published_key_in_the_name_of_the_tenant(world: World) -> None:
    found = checkpoint(world)
    assert found.origin == f"rpawatch/{world.cast.tenant_id}"
    assert found.size > 0
    [item] = world.ask("GET", f"{AUDIT}/keys").json["items"]
    assert item["retired_at"] is None


def test_tiles_and_entries_give_the_root_that_was_signed(world: World) -> None:
    found = checkpoint(world)
    full, rest = divmod(found.size, 256)
    paths = [f"{number:03}" for number in range(full)] + ([f"{full:03}.p/{rest}"] if rest else [])
    hashes = b"".join(asked(world, f"{AUDIT}/tile/0/{path}").body for path in paths)
    assert len(hashes) == found.size * 32
    leaves = [leaf for path in paths for leaf in entries(asked(world, f"{AUDIT}/tile/entries/{path}").body)]
    assert [merkle.leaf_hash(leaf) for leaf in leaves] == [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
    assert merkle.root_of([merkle.leaf_hash(leaf) for leaf in leaves]) == found.root
    assert parse_leaf(leaves[0]).position == 1


def entries(bundle: bytes) -> list[bytes]:
    found = []
    while bundle:
        (length,) = struct.unpack_from(">H", bundle)
        found.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return found


def test_a_log_that_grew_begins_with_the_log_that_was_signed_before(world: World) -> None:
    before = checkpoint(world)
    create_key(world)
    after = checkpoint(world)
    assert after.size > before.size
    proof = asked(world, f"{AUDIT}/proof/consistency?from={before.size}&to={after.size}").json
    assert (proof["from"], proof["to"]) == (before.size, after.size)
    merkle.check_consistency(
        old=before.size,
        new=after.size,
        old_root=before.root,
        new_root=after.root,
        proof=[base64.b64decode(one) for one in proof["hashes"]],
    )


def test_an_event_is_proven_against_the_latest_head_or_an_older_one(world: World) -> None:
    key = create_key(world)
    old = checkpoint(world)
    position = listed(world, resource=key["id"])[0]["position"]
    create_key(world)
    new = checkpoint(world)
    for query, size in (("", new.size), (f"&size={old.size}", old.size)):
        proof = proof_of(world, f"{AUDIT}/proof/inclusion?position={position}{query}")
        assert proof.check(public_keys(world)).size == size
        assert (str(proof.stream), proof.version, proof.topic) == (key["id"], 1, "api_key.created")
        assert json.loads(proof.state)["name"] == "Nightly run"


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_whoever_reads_the_audit_log_of_an_account_gets_the_proof_of_its_events_as_a_file(
    world: World, name: str
) -> None:
    key = create_key(world)
    position = listed(world, resource=key["id"])[0]["position"]
    world.wait_for_head()
    path = world.account(f"/audit/{position}/proof")
    answer = asked(world, path, name)
    assert answer.headers["content-disposition"] == f'attachment; filename="proof-{position}.json"'
    proof = proof_of(world, path, name)
    assert proof.position == position
    proof.check(public_keys(world))


def test_what_a_proof_holds_of_an_event_is_no_secret_and_no_person(world: World) -> None:
    key = create_key(world)
    world.wait_for_head()
    position = listed(world, resource=key["id"])[0]["position"]
    body = asked(world, world.account(f"/audit/{position}/proof"), "alice").body
    state = json.loads(body)["state"]
    for secret in (key["key"], "Alice", "alice@example.com"):
        assert secret.encode() not in body
        assert secret.encode() not in base64.b64decode(state)
