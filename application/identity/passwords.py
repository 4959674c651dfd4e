"""Passwords: the rules of NIST SP 800-63B-4 for a password that is used alone, hashed with Argon2id (RFC 9106)."""

from __future__ import annotations

import hmac
import secrets
import unicodedata
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from argon2 import PasswordHasher
from argon2.low_level import Type, hash_secret

from application.identity.guessing import is_guessed_first
from application.identity.hashing import HASHING
from domain.errors import FieldError, InvalidInputError
from domain.limits import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN

if TYPE_CHECKING:
    from collections.abc import Sequence

_hasher = PasswordHasher()  # RFC 9106's low-memory profile: 64 MiB, 3 passes, 4 lanes
_NORMALISED_CHARS_MAX = 4 * PASSWORD_CHARS_MAX + 1
"""Four characters become one at most, so longer passwords are too long whatever they become. To normalise a text of
marks (U+0300) takes a time that grows with the square of its length."""
_WORDS = "abcdefghijkmnpqrstuvwxyz23456789"


def normalised(password: str) -> str:
    """Return the password as it is hashed: NFKC, so that two keyboards that spell it differently agree."""
    return unicodedata.normalize("NFKC", password[:_NORMALISED_CHARS_MAX])


def check_password(password: str, *, email: str = "", name: str = "", field: str = "password") -> None:
    """Check a new password of somebody. Raises InvalidInputError, about `field`, with what to do."""
    text = normalised(password)
    if not PASSWORD_CHARS_MIN <= len(text) <= PASSWORD_CHARS_MAX:
        message = f"must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
    elif is_guessed_first(text, email=email, name=name):
        message = "is among those that are guessed first; use several unrelated words"
    else:
        return
    raise InvalidInputError([FieldError(field, message)])


def generate_password() -> str:
    """Return a password to be shown once: five groups of five, some 124 random bits, easy to type."""
    return "-".join("".join(secrets.choice(_WORDS) for _ in range(5)) for _ in range(5))


def new_salt() -> str:
    """Return a new salt with today's parameters, as they begin a hash in PHC format."""
    parameters = f"m={_hasher.memory_cost},t={_hasher.time_cost},p={_hasher.parallelism}"
    return f"$argon2id$v=19${parameters}${b64encode(secrets.token_bytes(_hasher.salt_len)).decode().rstrip('=')}"


def hash_password(password: str, salt: str) -> str:
    """Return the Argon2id hash in PHC format; salt: as `new_salt` makes it.

    The same password with the same salt has the same hash. Raises HashingBusyError when too many are being made.
    """
    with HASHING.turn():
        return _hashed(password, salt)


def verify_password(salt: str | None, hashes: Sequence[str | None], password: str) -> list[bool]:
    """Return of each hash whether this is its password; None is the hash of nobody, and never right.

    All were made with this salt, so one computation does for them all; salt: None for an unknown address, for which
    the same work is done. Raises HashingBusyError.
    """
    with HASHING.turn():
        computed = _hashed(password, salt or _salt_of_nobody()).encode()
    return [hmac.compare_digest(computed, (known or "").encode()) for known in hashes]


_nobody: list[str] = []


def _salt_of_nobody() -> str:
    if not _nobody:
        _nobody.append(new_salt())
    return _nobody[0]


def _hashed(password: str, salt: str) -> str:
    _, kind, version, parameters, text = salt.split("$")
    if (kind, version) != ("argon2id", "v=19"):
        raise ValueError("only hashes of Argon2id in version 19 were ever made")
    cost = {name: int(value) for name, _, value in (part.partition("=") for part in parameters.split(","))}
    return hash_secret(
        normalised(password).encode(),
        b64decode(text + "=" * (-len(text) % 4)),
        time_cost=cost["t"],
        memory_cost=cost["m"],
        parallelism=cost["p"],
        hash_len=_hasher.hash_len,
        type=Type.ID,
    ).decode()
