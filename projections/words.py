"""What a search takes for a word: the same of what is stored and of what is looked for."""

from __future__ import annotations

import re
import unicodedata

from domain.limits import LABEL_CHARS_MAX

WORD_CHARS_MAX = LABEL_CHARS_MAX
"""Longer words are cut, here and in what is looked for; so the longest id is still one word."""

# From the first letter or digit to the last one: what is around a word is cut off, what is within stays, so that
# INV-2024/0042 is one word.
_WORD = re.compile(r"[^\W_](?:.*[^\W_])?")


def plain(text: str) -> str:
    """Return a text without case and accents, the same on every server whatever its locale."""
    if text.isascii():
        return text.lower()
    letters = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def words_of(text: str) -> list[str]:
    """Return the words of a text, without case and accents, in order: at least one unless it is blank.

    What stands between blanks is one, without the punctuation around it; where it is nothing else, with it.
    """
    pieces = plain(text).split() or text.split()
    return [
        piece[:WORD_CHARS_MAX] if piece[0].isalnum() and piece[-1].isalnum() else _word(piece)[:WORD_CHARS_MAX]
        for piece in pieces
    ]


def _word(piece: str) -> str:
    found = _WORD.search(piece)
    return piece if found is None else found[0]
