"""Checkpoints: the signed head of the tree, as in c2sp.org/tlog-checkpoint."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from domain.proof.errors import MalformedError, ProofError
from domain.proof.merkle import EMPTY_ROOT, HASH_BYTES
from domain.proof.note import open_note, sign_note, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from domain.proof.note import Signer, Verifier

_LINES_MIN: Final = 3
SIZE_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What was signed: that the log `origin` had `size` events, and that their tree had this root of 32 bytes."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, signers: Sequence[Signer]) -> str:
        return sign_note(self.text, signers)


def origin_of(tenant_id: object) -> str:
    """Return the origin of an installation's log, which is also the name that it signs under."""
    return f"rpawatch/{tenant_id}"


def open_checkpoint(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Return the checkpoint in a note that one of `verifiers` signed under the log's own name.

    Raises MalformedError; ProofError when none of them signed it, or a signature is wrong.
    """
    checkpoint = parse_checkpoint(text_of(note))
    signed_by = open_note(note, verifiers)[1]
    if checkpoint.origin not in {verifier.name for verifier in signed_by}:
        raise ProofError(f"It is of the log {checkpoint.origin}, and the public key is of another.")
    return checkpoint


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint that the text of a note stands for; further lines are left out. Raises MalformedError."""
    lines = text.split("\n")
    if len(lines) <= _LINES_MIN or lines.pop() or not all(lines):
        raise MalformedError("This is no checkpoint: it needs the log's name, a size and a root, on a line each.")
    origin, size_text, root_text = lines[:_LINES_MIN]
    if not (size_text.isascii() and size_text.isdigit() and str(int(size_text[:20])) == size_text):
        raise MalformedError("The size in the checkpoint is no number.")
    size = int(size_text)
    try:
        root = base64.b64decode(root_text, validate=True)
    except ValueError:  # not ASCII, or no base64
        root = b""
    if size > SIZE_MAX or len(root) != HASH_BYTES or base64.b64encode(root).decode() != root_text:
        raise MalformedError("The size or the root in the checkpoint can't be one.")
    if size == 0 and root != EMPTY_ROOT:
        raise MalformedError("The checkpoint is of no event, and has the root of some.")
    return Checkpoint(origin, size, root)
