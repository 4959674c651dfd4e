"""Passwords: the rules of NIST SP 800-63B-4 for a password that is used alone, hashed with Argon2id (RFC 9106)."""

from __future__ import annotations

import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from application.identity.guessing import is_guessed_first
from application.identity.hashing import HASHING
from domain.errors import FieldError, InvalidInputError
from domain.limits import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN

_hasher = PasswordHasher()  # RFC 9106's low-memory profile: 64 MiB, 3 passes, 4 lanes
_WORDS = "abcdefghijkmnpqrstuvwxyz23456789"


def normalised(password: str) -> str:
    """Return the password as it is hashed: NFKC, so that two keyboards that spell it differently agree."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, email: str = "", name: str = "", pointer: str = "/password") -> None:
    """Check a new password of somebody. Raises InvalidInputError, pointing at `pointer`, with what to do."""
    text = normalised(password)
    if not PASSWORD_CHARS_MIN <= len(text) <= PASSWORD_CHARS_MAX:
        message = f"must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
    elif is_guessed_first(text, email=email, name=name):
        message = "is among those that are guessed first; use several unrelated words"
    else:
        return
    raise InvalidInputError([FieldError(pointer, message)])


def generate_password() -> str:
    """Return a password to be shown once: five groups of five, some 124 random bits, easy to type."""
    return "-".join("".join(secrets.choice(_WORDS) for _ in range(5)) for _ in range(5))


def hash_password(password: str) -> str:
    """Return the Argon2id hash in PHC format. Raises HashingBusyError when too many are being made."""
    with HASHING.turn():
        return _hasher.hash(normalised(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Return whether the password is right; for an unknown user (None) the same work is done and the answer is no.

    Raises HashingBusyError.
    """
    with HASHING.turn():
        try:
            _hasher.verify(password_hash or _hash_of_nobody(), normalised(password))
        except (VerificationError, InvalidHashError):
            return False
    return password_hash is not None


_nobody: list[str] = []


def _hash_of_nobody() -> str:
    if not _nobody:
        _nobody.append(_hasher.hash(secrets.token_hex(16)))
    return _nobody[0]
