"""Passwords: the rules of NIST SP 800-63B-4 for a password that is used alone, hashed with Argon2id (RFC 9106)."""

from __future__ import annotations

import secrets
import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from application.store.errors import StoreUnavailableError
from domain.errors import FieldError, InvalidInputError
from domain.limits import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN

_hasher = PasswordHasher()  # RFC 9106's low-memory profile: 64 MiB, 3 passes, 4 lanes
_HASHINGS_AT_ONCE = threading.BoundedSemaphore(2)
"""Each takes 64 MiB and a core for some 50 ms; sign-ins must not starve the bots."""
_HASHING_WAIT_SECONDS_MAX = 3.0
_COMMON = frozenset(
    {
        "1234567890123456",
        "correcthorsebatterystaple",
        "iloveyouiloveyou",
        "letmeinletmeinletmein",
        "passwordpassword",
        "qwertyuiopasdfgh",
        "qwertyuiopasdfghjkl",
        "rpawatchrpawatch",
        "administratoradministrator",
        "changemechangeme",
        "welcomewelcome123",
    }
)
_SEQUENCES = ("01234567890123456789" * 8, "98765432109876543210" * 8, "abcdefghijklmnopqrstuvwxyz" * 6)
_UNIT_CHARS_MAX = 4
_WORDS = "abcdefghijkmnpqrstuvwxyz23456789"


def normalised(password: str) -> str:
    """Return the password as it is hashed: NFKC, so that two keyboards that spell it differently agree."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, *, email: str = "", pointer: str = "/password") -> None:
    """Check a new password. Raises InvalidInputError, pointing at `pointer`, with what to do."""
    text = normalised(password)
    if not PASSWORD_CHARS_MIN <= len(text) <= PASSWORD_CHARS_MAX:
        message = f"must have {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
    elif _is_guessable(text.casefold(), email.casefold().partition("@")[0]):
        message = "is among those that are guessed first; use several unrelated words"
    else:
        return
    raise InvalidInputError([FieldError(pointer, message)])


def _is_guessable(text: str, local_part: str) -> bool:
    repeats = any(text == (text[:unit] * len(text))[: len(text)] for unit in range(1, _UNIT_CHARS_MAX + 1))
    own_name = len(local_part) > _UNIT_CHARS_MAX and text.replace(local_part, "").strip("0123456789!.-_") == ""
    return text in _COMMON or repeats or own_name or any(text in sequence for sequence in _SEQUENCES)


def generate_password() -> str:
    """Return a password to be shown once: five groups of five, some 124 random bits, easy to type."""
    return "-".join("".join(secrets.choice(_WORDS) for _ in range(5)) for _ in range(5))


def hash_password(password: str) -> str:
    """Return the Argon2id hash in PHC format. Raises StoreUnavailableError when too many are being made."""
    with _Turn():
        return _hasher.hash(normalised(password))


def verify_password(password_hash: str | None, password: str) -> bool:
    """Return whether the password is right; for an unknown user (None) the same work is done and the answer is no."""
    with _Turn():
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


class _Turn:
    """One of the few hashings that may run at once."""

    def __enter__(self) -> None:
        if not _HASHINGS_AT_ONCE.acquire(timeout=_HASHING_WAIT_SECONDS_MAX):
            raise StoreUnavailableError("too many sign-ins at once")

    def __exit__(self, *_: object) -> None:
        _HASHINGS_AT_ONCE.release()
