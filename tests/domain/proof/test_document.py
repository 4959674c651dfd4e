"""The file that proves one event: what it says holds or does not, and what is none can not be checked."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from domain.proof import merkle
from domain.proof.checkpoint import Checkpoint
from domain.proof.document import EventProof, read_document
from domain.proof.errors import MalformedError, ProofError
from domain.proof.leaf import Leaf, parse_leaf
from domain.proof.note import Signer

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
STREAM = UUID("6c84fb90-12c4-11e1-840d-7b25c5ee775a")
LOG = Signer("rpawatch/log", bytes(range(32)))
OTHER = Signer("rpawatch/other", bytes(range(1, 33)))
A_HASH = base64.b64encode(bytes(32)).decode()
EVENTS = [
    Leaf.of(3 * number + 1, STREAM, number + 1, "api_key.used", b'{"v":1,"n":%d}' % number) for number in range(11)
]
HASHES = [merkle.leaf_hash(leaf.data) for leaf in EVENTS]


def subtree(begin: int, end: int) -> bytes:
    return merkle.root_of(HASHES[begin:end])


def checkpoint_at(size: int, signer: Signer = LOG) -> str:
    return Checkpoint(LOG.name, size, subtree(0, size)).signed([signer])


def a_proof(index: int = 4, size: int = 11) -> EventProof:
    leaf = EVENTS[index]
    return EventProof(
        position=leaf.position,
        stream=leaf.stream,
        version=leaf.version,
        topic=leaf.topic,
        state=b'{"v":1,"n":%d}' % index,
        index=index,
        hashes=merkle.inclusion_proof(index, size, subtree),
        checkpoint=checkpoint_at(size),
    )


def changed(**fields: Any) -> EventProof:
    document = a_proof().as_json() | fields
    return read_document(json.dumps(document).encode())


def test_a_leaf_is_text_that_anyone_can_make() -> None:
    leaf = Leaf.of(7, STREAM, 2, "api_key.used", b"{}")
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert leaf.data.decode() == f"rpawatch event v1\n7\n{STREAM}\n2\napi_key.used\n{digest}\n"
    assert parse_leaf(leaf.data) == leaf


@pytest.mark.parametrize("topic", ["a\nb", "", "api_key.used\n" + "0" * 64, "\n\n"])
def test_a_topic_that_somebody_forged_gives_a_leaf_of_its_own(topic: str) -> None:
    leaf = Leaf.of(7, STREAM, 2, topic, b"{}")
    assert parse_leaf(leaf.data) == leaf


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"rpawatch event v1\n1\n",
        EVENTS[0].data + b"\n",
        EVENTS[0].data.removesuffix(b"\n"),
        EVENTS[0].data.replace(b"v1\n1\n", b"v1\n01\n"),
        EVENTS[0].data.replace(str(STREAM).encode(), str(STREAM).upper().encode()),
        EVENTS[0].data.upper(),
    ],
)
def test_what_is_no_leaf_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_leaf(data)


@pytest.mark.parametrize("index", range(11))
def test_the_proof_of_every_event_holds_as_a_file_too(index: int) -> None:
    proof = read_document(json.dumps(a_proof(index).as_json()).encode())
    assert proof.check([LOG.verifier]).size == 11
    assert proof.check([LOG.verifier], kept=checkpoint_at(11)).root == subtree(0, 11)


@pytest.mark.parametrize(
    "change",
    [
        {"position": 12},
        {"stream": str(UUID(int=7))},
        {"version": 6},
        {"topic": "api_key.deactivated"},
        {"state": base64.b64encode(b'{"v":1,"n":5}').decode()},
        {"leaf_index": 5},
        {"leaf_index": 11},
        {"hashes": []},
        {"hashes": [A_HASH] * merkle.PROOF_HASHES_MAX},
        {"checkpoint": checkpoint_at(10)},
        {"checkpoint": checkpoint_at(11, Signer(LOG.name, bytes(32)))},
        {"checkpoint": checkpoint_at(11).replace("\n11\n", "\n12\n")},
    ],
)
def test_a_proof_of_which_anything_was_changed_does_not_hold(change: dict[str, Any]) -> None:
    with pytest.raises(ProofError):
        changed(**change).check([LOG.verifier])


def test_a_checkpoint_that_the_auditor_kept_must_be_the_one_of_the_proof() -> None:
    with pytest.raises(MalformedError, match="of 9 of"):
        a_proof().check([LOG.verifier], kept=checkpoint_at(9))
    of_another = Checkpoint(OTHER.name, 11, subtree(0, 11)).signed([OTHER])
    with pytest.raises(MalformedError, match="of rpawatch/other"):
        a_proof().check([LOG.verifier, OTHER.verifier], kept=of_another)
    forged = Checkpoint(LOG.name, 11, bytes(32)).signed([LOG])
    with pytest.raises(ProofError, match="another root"):
        a_proof().check([LOG.verifier], kept=forged)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda document: document | {"format": "rpawatch proof v2"},
        lambda document: {name: value for name, value in document.items() if name != "state"},
        lambda document: document | {"hashes": "none"},
        lambda document: document | {"hashes": [base64.b64encode(b"short").decode()]},
        lambda document: document | {"hashes": [A_HASH] * (merkle.PROOF_HASHES_MAX + 1)},
        lambda document: document | {"position": True},
        lambda document: document | {"position": -1},
        lambda document: document | {"version": "2"},
        lambda document: document | {"stream": str(STREAM).upper()},
        lambda document: document | {"stream": "no id"},
        lambda document: document | {"state": "*"},
        lambda document: document | {"topic": None},
        lambda document: document | {"checkpoint": None},
        lambda _: [],
        lambda _: None,
    ],
)
def test_a_file_that_is_no_proof_can_not_be_checked(spoil: Callable[[dict[str, Any]], Any]) -> None:
    with pytest.raises(MalformedError):
        read_document(json.dumps(spoil(a_proof().as_json())).encode())


@pytest.mark.parametrize("text", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_a_file_that_is_no_json_can_not_be_checked(text: bytes) -> None:
    with pytest.raises(MalformedError):
        read_document(text)


def test_a_check_needs_nothing_but_hashing_and_ed25519() -> None:
    """The packages that a check imports are of the standard library, cryptography, and the proof's own."""
    program = (
        "import sys; before = set(sys.modules); import domain.proof.document;"
        "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    ours = {name for name in result.stdout.split() if name not in sys.stdlib_module_names}
    assert ours - {"_cffi_backend", "_openssl"} == {"cryptography", "domain"}
