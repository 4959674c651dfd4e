"""Tokens in pages: another spelling in each answer, so that the length of a compressed one tells nothing of them."""

from __future__ import annotations

import base64
import hmac
import secrets


def mask(token: str) -> str:
    """Return a token as a page shows it: random bytes, and what they make of it."""
    pad = secrets.token_bytes(len(token))
    return base64.urlsafe_b64encode(pad + _mixed(pad, token.encode())).rstrip(b"=").decode()


def is_token(sent: str, token: str) -> bool:
    """Return whether this is the token, masked or as it is."""
    found = sent.encode()
    try:
        raw = base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4))
    except ValueError:
        raw = b""
    if len(raw) == 2 * len(token):
        found = _mixed(raw[: len(token)], raw[len(token) :])
    return hmac.compare_digest(found, token.encode())


def _mixed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
