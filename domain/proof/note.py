"""Signed notes with Ed25519, as in c2sp.org/signed-note: a text, an empty line, and a line for each signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from domain.proof.errors import MalformedError, ProofError, UnknownKeyError

if TYPE_CHECKING:
    from collections.abc import Sequence

_ED25519: Final = b"\x01"
_KEY_BYTES: Final = 32
_KEY_ID_BYTES: Final = 4
NOTE_BYTES_MAX: Final = 64 * 1024
SIGNATURES_MAX: Final = 100
"""Most signatures of a note: more than the 16 that a verifier must accept, as witnesses may add theirs."""
_LINE: Final = re.compile(r"\u2014 ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME: Final = re.compile(r"[^\s+\x00-\x1f]+")


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and the name that it signs under. public_key: 32 bytes, as in RFC 8032."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which signatures name the key."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public_key).digest()[:_KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """The key as text: name, id and key, with a plus sign between."""
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Return whether this key signed the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """A private key and the name that it signs under. private_key: 32 bytes, the seed of RFC 8032."""

    name: str
    private_key: bytes

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.name, self._key().public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        return self._key().sign(text)

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.private_key)


def parse_vkey(text: str) -> Verifier:
    """Return the key that a text stands for. Raises MalformedError."""
    parts = text.strip().split("+", 2)
    if len(parts) != 3 or not _NAME.fullmatch(parts[0]):  # noqa: PLR2004 - name, id, key
        raise MalformedError("This is no public key: it should read name+id+key, on one line.")
    name, key_id, encoded = parts
    key = _decoded(encoded)
    if key is None or len(key) != 1 + _KEY_BYTES or key[:1] != _ED25519:
        raise MalformedError("The public key is none of Ed25519.")
    verifier = Verifier(name, key[1:])
    if verifier.key_id.hex() != key_id:
        raise MalformedError("The public key and its id do not belong together: a part of it is wrong or missing.")
    return verifier


def parse_vkeys(text: str) -> list[Verifier]:
    """Return the keys of a file with one on each line; empty lines and those that begin with # are left out.

    Raises MalformedError, also for a file without any.
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise MalformedError("There is no public key in it.")
    return [parse_vkey(line) for line in lines]


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """Return the note with a signature of each. text: ends with a line feed."""
    body = text.encode()
    lines = []
    for signer in signers:
        verifier = signer.verifier
        signature = base64.b64encode(verifier.key_id + signer.sign(body)).decode()
        lines.append(f"\u2014 {verifier.name} {signature}\n")
    return f"{text}\n{''.join(lines)}"


def open_note(note: str, verifiers: Sequence[Verifier]) -> tuple[str, list[Verifier]]:
    """Return the text of a note and whose signatures hold, which is at least one of `verifiers`.

    Signatures of others are left out. Raises MalformedError; UnknownKeyError when none of them signed it;
    ProofError when a signature of one of them is wrong.
    """
    text, signatures = _parts(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    found: list[Verifier] = []
    for name, signature in signatures:
        verifier = known.get((name, signature[:_KEY_ID_BYTES]))
        if verifier is None:
            continue
        if not verifier.verify(text.encode(), signature[_KEY_ID_BYTES:]):
            raise ProofError(f"The signature of {name} is wrong: the text was changed, or another key signed it.")
        found.append(verifier)
    if not found:
        raise UnknownKeyError("None of the given public keys signed it.")
    return text, found


def text_of(note: str) -> str:
    """Return the text of a note without a look at who signed it. Raises MalformedError."""
    return _parts(note)[0]


def _parts(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    if len(note) > NOTE_BYTES_MAX:
        raise MalformedError("This is too long for a signed note.")
    body, separator, lines = note.rpartition("\n\n")
    if not separator or not lines.endswith("\n") or _CONTROL.search(note):
        raise MalformedError("This is no signed note: it needs a text, an empty line, and lines with signatures.")
    found = []
    for line in lines.removesuffix("\n").split("\n"):
        match = _LINE.fullmatch(line)
        signature = _decoded(match[2]) if match else None
        if match is None or signature is None or len(signature) <= _KEY_ID_BYTES:
            raise MalformedError("A line of signatures can't be read.")
        found.append((match[1], signature))
    if len(found) > SIGNATURES_MAX:
        raise MalformedError("There are too many signatures.")
    return body + "\n", found


def _decoded(text: str) -> bytes | None:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # One text for the same bytes: the last digit of base64 may hold bits that mean nothing.
    return decoded if base64.b64encode(decoded).decode() == text else None
