"""The proof of one event, as a file: the event's stored bytes, its place, the hashes up to a signed root.

It is JSON, and has all that a check needs but the public key, which whoever checks must have from elsewhere.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from domain.proof.checkpoint import open_checkpoint, parse_checkpoint
from domain.proof.errors import MalformedError, ProofError
from domain.proof.leaf import Leaf
from domain.proof.merkle import HASH_BYTES, PROOF_HASHES_MAX, check_inclusion, leaf_hash
from domain.proof.note import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.proof.checkpoint import Checkpoint
    from domain.proof.note import Verifier

FORMAT: Final = "rpawatch proof v1"
DOCUMENT_BYTES_MAX: Final = 100 * 1024 * 1024
"""A job of 50,000 details with long texts has some tens of megabytes."""


@dataclass(frozen=True, slots=True)
class EventProof:
    """An event, and the proof that it is in the log of which the checkpoint, a signed note, is the head.

    state: its stored bytes.
    index: in the tree, from 0.
    hashes: from the leaf upwards.
    """

    position: int
    stream: UUID
    version: int
    topic: str
    state: bytes
    index: int
    hashes: Sequence[bytes]
    checkpoint: str

    @property
    def leaf(self) -> Leaf:
        return Leaf.of(self.position, self.stream, self.version, self.topic, self.state)

    def as_json(self) -> dict[str, Any]:
        """Return the document. state is base64; `event` is what it says, for whoever reads it, and not checked."""
        return {
            "format": FORMAT,
            "position": self.position,
            "stream": str(self.stream),
            "version": self.version,
            "topic": self.topic,
            "state": base64.b64encode(self.state).decode(),
            "leaf_index": self.index,
            "tree_size": parse_checkpoint(text_of(self.checkpoint)).size,
            "hashes": [base64.b64encode(one).decode() for one in self.hashes],
            "checkpoint": self.checkpoint,
        }

    def check(self, verifiers: Sequence[Verifier], kept: str | None = None) -> Checkpoint:
        """Check the proof, and return the checkpoint that it holds against.

        kept: the note that whoever checks has from elsewhere, in place of the one that came with the proof; it must be
        of the same size. Raises ProofError, MalformedError.
        """
        checkpoint = open_checkpoint(self.checkpoint, verifiers)
        if kept is not None:
            known = open_checkpoint(kept, verifiers)
            if (known.origin, known.size) != (checkpoint.origin, checkpoint.size):
                raise MalformedError(
                    f"The proof is for the first {checkpoint.size} events of {checkpoint.origin}, and the checkpoint is"
                    f" of {known.size} of {known.origin}. Have a proof made for this checkpoint: `rpawatch audit prove`"
                    " with --checkpoint."
                )
            if known.root != checkpoint.root:
                raise ProofError("The proof's checkpoint has another root than yours, of the same size.")
        check_inclusion(
            leaf=leaf_hash(self.leaf.data),
            index=self.index,
            size=checkpoint.size,
            root=checkpoint.root,
            proof=self.hashes,
        )
        return checkpoint


def read_document(text: bytes) -> EventProof:
    """Return the proof in a file. Raises MalformedError."""
    try:
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise MalformedError("This is no proof of an event as this release reads them.")
        proof = EventProof(
            position=_whole(found["position"]),
            stream=UUID(found["stream"]),
            version=_whole(found["version"]),
            topic=_text(found["topic"]),
            state=_bytes(found["state"]),
            index=_whole(found["leaf_index"]),
            hashes=[_bytes(one) for one in found["hashes"]],
            checkpoint=_text(found["checkpoint"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, binascii.Error):
        raise MalformedError("This is no proof of an event: a part is missing or can't be read.") from None
    if str(proof.stream) != found["stream"] or len(proof.hashes) > PROOF_HASHES_MAX:
        raise MalformedError("This is no proof of an event: a part of it is not as it should be.")
    if any(len(one) != HASH_BYTES for one in proof.hashes):
        raise MalformedError("A hash of the proof does not have 32 bytes.")
    return proof


def _whole(value: object) -> int:
    if type(value) is not int or value < 0:
        raise ValueError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _bytes(value: object) -> bytes:
    return base64.b64decode(_text(value), validate=True)
