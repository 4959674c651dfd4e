"""Signing the heads of the log, with a private key that is a file of the operator's, made at the first start.

The key is never in the database: whoever owns that could otherwise sign a log of their own making. docs/auditing.md
says how it is kept, exchanged, and what follows when it is lost or stolen.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.proof.checkpoint import Checkpoint, parse_checkpoint
from domain.proof.errors import MalformedError
from domain.proof.note import Signer, text_of
from projections.log_tree.heads import add_head, latest_head, log_keys, origin, publish_first_key, publish_key
from projections.log_tree.tiles import TileMissingError, Tiles

if TYPE_CHECKING:
    from pathlib import Path

    from application.store.session import Connection
    from domain.proof.note import Verifier

_OWNER_ONLY: Final = 0o600
_OTHERS: Final = 0o077
_BYTES_MAX: Final = 10_000
_ASK_VERIFY: Final = "`rpawatch audit verify` says what was changed."


class SigningKeyError(Exception):
    """The private key of the log can't be used. The message says why and what to do, and can be shown."""


class TreeSpoiltError(Exception):
    """The tree is not the one whose head was signed before, so its head must not be signed."""


def load_signer(path: Path, name: str) -> Signer:
    """Return what signs for the log of this name with the key in a file. Raises SigningKeyError."""
    try:
        if path.stat().st_mode & _OTHERS:
            raise SigningKeyError(f"Others may read the signing key {path}. Give it to its owner alone: chmod 600.")
        with path.open("rb") as file:
            key = serialization.load_pem_private_key(file.read(_BYTES_MAX), password=None)
    except OSError as error:
        raise SigningKeyError(f"The signing key {path} can't be read ({error.strerror or error}).") from None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise SigningKeyError(f"{path} holds no private key of Ed25519 in PEM, without a password.")
    return Signer(name, key.private_bytes_raw())


def new_signer(name: str) -> Signer:
    """Return a new key for the log of this name."""
    return Signer(name, secrets.token_bytes(32))


def write_key(path: Path, signer: Signer) -> None:
    """Write a key to a file that is not there yet, readable by its owner alone. Raises SigningKeyError."""
    pem = Ed25519PrivateKey.from_private_bytes(signer.private_key).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SigningKeyError(f"The signing key {path} can't be written ({error.strerror or error}).") from None


def exchange_key(path: Path, connection: Connection, *, is_lost: bool) -> Verifier:
    """Make another key the one in use, and return its public part; the old one stays published as retired.

    is_lost: the old key's file is not there. Otherwise the head of the log is signed by both, which is how whoever
    trusts the old one comes to trust the new one. Raises SigningKeyError, TreeSpoiltError.
    """
    name = origin(connection)
    if name is None:
        raise SigningKeyError("The installation is not set up yet. Start the service once: `rpawatch serve`.")
    coming = path.with_name(f"{path.name}.next")
    if coming.exists() and load_signer(coming, name).verifier.vkey in _in_use(connection):
        # Cut short the last time, when all was done but this.
        coming.replace(path)
        return load_signer(path, name).verifier
    coming.unlink(missing_ok=True)
    signers = [new_signer(name)]
    if not is_lost:
        signers.append(load_signer(path, name))
        check_in_use(connection, signers[-1])
    write_key(coming, signers[0])
    with connection.transaction():
        publish_key(connection, signers[0].verifier)
        size, _ = Tiles(connection).end()
        if size:
            add_head(connection, next_checkpoint(connection, name, size), signers)
    coming.replace(path)
    return signers[0].verifier


def _in_use(connection: Connection) -> list[str]:
    return [key.vkey for key in log_keys(connection) if key.retired_at is None]


def ensure_signing_key(path: Path, connection: Connection) -> None:
    """Make the key and publish it at the first start; see to it later that it is the published one.

    Raises SigningKeyError, which keeps heads from being signed and nothing else from going on.
    """
    name = origin(connection)
    if name is None:
        raise SigningKeyError("The installation is not set up yet.")
    in_use = _in_use(connection)
    if path.exists():
        signer = load_signer(path, name)
        if not in_use:
            in_use = [publish_first_key(connection, signer.verifier)]
        if in_use != [signer.verifier.vkey]:
            raise SigningKeyError(
                f"{path} holds another signing key than the one that is published ({in_use[0]}). Put that one there, or"
                " publish another: `rpawatch audit rotate-key`."
            )
        return
    if in_use:
        raise SigningKeyError(
            f"The signing key {path} is not there, and was made before ({in_use[0]}). Copy it from where it is, or make"
            " another: `rpawatch audit rotate-key --lost`."
        )
    signer = new_signer(name)
    write_key(path, signer)
    if publish_first_key(connection, signer.verifier) != signer.verifier.vkey:
        with suppress(OSError):
            path.unlink()
        raise SigningKeyError("Another machine has made the signing key just now. Copy its file to this one.")


def check_in_use(connection: Connection, signer: Signer) -> None:
    """Raise SigningKeyError unless this is the key that is published as the one in use."""
    in_use = _in_use(connection)
    if in_use != [signer.verifier.vkey]:
        raise SigningKeyError(
            "The signing key is not the one that is published as in use"
            f" ({in_use[0] if in_use else 'none is'}). Put that one in its place, or exchange it:"
            " `rpawatch audit rotate-key`."
        )


def next_checkpoint(connection: Connection, name: str, size: int) -> Checkpoint:
    """Return the head of the first `size` events, to be signed. Raises TreeSpoiltError.

    A log must not sign two heads that do not belong together: who did that would be the forger.
    """
    tiles = Tiles(connection)
    head = latest_head(connection)
    try:
        signed = None if head is None else parse_checkpoint(text_of(head.note))
        if signed is None or (signed.size <= size and tiles.root(signed.size) == signed.root):
            return Checkpoint(name, size, tiles.root(size))
    except (MalformedError, TileMissingError) as error:
        raise TreeSpoiltError(f"{error} {_ASK_VERIFY}") from None
    raise TreeSpoiltError(f"The tree is not the one whose head of {signed.size} events was signed last. {_ASK_VERIFY}")
