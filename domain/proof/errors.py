"""The errors of a check of a proof."""

from __future__ import annotations


class ProofError(Exception):
    """The proof does not hold. The message says why, and can be shown."""


class UnknownKeyError(ProofError):
    """Nobody whose key is known signed it."""


class MalformedError(Exception):
    """The input is malformed, so nothing could be checked. The message says what is wrong, and can be shown."""
