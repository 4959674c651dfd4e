"""What stands for the percent signs of an address (RFC 3986, 2.1).

A stranger may send 32 KiB of them, so nothing here calls Python for each, or raises for each that is none, as
`urllib.parse.unquote_to_bytes` does: that kept everybody waiting for 25 ms.
"""

from __future__ import annotations

import re
from typing import Final

from falcon.uri import decode

from domain.key_secret import LOOKS_LIKE_A_KEY

_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
_DIGITS: Final = "0123456789ABCDEFabcdef"
_BYTES: Final = {f"{a}{b}".encode(): bytes.fromhex(a + b) for a in _DIGITS for b in _DIGITS}
_NO_LETTER: Final = "\ufffd"
"""What falcon puts where bytes are not UTF-8."""


def percent_decoded(text: bytes) -> bytes:
    """Return what a text stands for; a percent sign without two digits stands for itself."""
    parts = _ESCAPE.split(text)
    parts[1::2] = map(_BYTES.__getitem__, parts[1::2])
    return b"".join(parts)


def is_utf8(text: str) -> bool:
    """Return whether what a text of ASCII stands for is UTF-8."""
    if "%" not in text or _NO_LETTER not in decode(text, unquote_plus=False):
        return True
    try:
        percent_decoded(text.encode()).decode()
    except UnicodeDecodeError:
        return False
    return True


def looks_like_a_key_in(target: str) -> bool:
    """Return whether something in a URL looks like a key, also when it is percent-encoded, even twice."""
    for _ in range(2):
        if LOOKS_LIKE_A_KEY.search(target):
            return True
        if "%" not in target:
            return False
        target = decode(target, unquote_plus=False)
    return LOOKS_LIKE_A_KEY.search(target) is not None
