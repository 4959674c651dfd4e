"""The form of an API key: `rpakey_`, 32 random base62 characters, 6 characters of base62 CRC32 over what stands before.

The prefix lets secret scanners find a leaked key, and the checksum lets anyone refuse junk without a look-up; both
follow GitHub's token format. 32 base62 characters are some 190 random bits, so a plain SHA-256 at rest is enough:
NIST SP 800-63B allows it from 112 bits on, and a slow hash would only slow down every request.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass, field
from typing import NoReturn, Self

MARK = "rpakey_"
_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM_CHARS = 32
_CHECKSUM_CHARS = 6
_PREFIX_CHARS = 8
_FORM = re.compile(rf"{MARK}[0-9A-Za-z]{{{_RANDOM_CHARS + _CHECKSUM_CHARS}}}")

LOOKS_LIKE_A_KEY = re.compile(rf"{MARK}[0-9A-Za-z]{{{_PREFIX_CHARS + 1},}}")
"""A text with more than the public prefix of a key, which must not stand in a URL or in a log."""


@dataclass(frozen=True, slots=True, eq=False)
class KeySecret:
    """A whole key, in memory only. Its repr shows the public prefix, so that it can't slip into a log.

    Not compared, since that would take a time that tells, and not pickled.
    """

    text: str = field(repr=False)

    @property
    def prefix(self) -> str:
        """The first 8 characters after `rpakey_`, which lists show."""
        return self.text[len(MARK) : len(MARK) + _PREFIX_CHARS]

    @property
    def sha256_hex(self) -> str:
        """What is kept of the key: SHA-256 of the whole string, 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def __copy__(self) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key does not leave memory")

    def __repr__(self) -> str:
        return f"KeySecret({MARK}{self.prefix}…)"


def generate() -> KeySecret:
    """Return a new key from the operating system's random source."""
    body = MARK + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARS))
    return KeySecret(body + _checksum(body))


def parse(text: str | None) -> KeySecret | None:
    """Return the key that `text` spells, or None when its form or its checksum is wrong."""
    if text is None or not _FORM.fullmatch(text):
        return None
    body, checksum = text[:-_CHECKSUM_CHARS], text[-_CHECKSUM_CHARS:]
    # Not a secret: the checksum follows from what stands before it.
    return KeySecret(text) if _checksum(body) == checksum else None


_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
"""Digits are made two at once, as the checksum is made for every request."""


def _checksum(body: str) -> str:
    rest, last = divmod(zlib.crc32(body.encode()), len(_PAIRS))
    first, middle = divmod(rest, len(_PAIRS))
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]
