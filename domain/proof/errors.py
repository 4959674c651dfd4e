"""What a check can end with but "it holds"."""

from __future__ import annotations


class ProofError(Exception):
    """It does not hold. The message says what, and can be shown."""


class UnknownKeyError(ProofError):
    """Nobody whose key is known signed it."""


class MalformedError(Exception):
    """It could not be checked: this is not what it should be. The message says what is wrong, and can be shown."""
