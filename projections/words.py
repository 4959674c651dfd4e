"""What a search takes for a word: the same of what is stored and of what is looked for."""

from __future__ import annotations

import re
import unicodedata

from domain.limits import LABEL_CHARS_MAX
from domain.names import without_invisible

WORD_CHARS_MAX = LABEL_CHARS_MAX
"""Longer words are cut, here and in what is looked for; so the longest id is still one word."""

_ASCII_SEPARATORS = re.compile(r"[^0-9A-Za-z]+")
_ASCII_PUNCTUATION = "".join(char for char in map(chr, range(128)) if not char.isalnum())


def plain(text: str) -> str:
    """Return a text without case and accents, the same on every server whatever its locale and its normal form.

    Accents and the points of Arabic and Hebrew go: the same word is written with and without them. Marks that make
    another word stay: the vowels of Devanagari or Thai, and what tells か from が. What nobody sees goes: a soft
    hyphen, a joiner, the mark of a direction.
    """
    if text.isascii():
        return text.lower()
    # Decomposed first: what case folding makes of a letter depends on whether its marks stand in it or behind it.
    letters = _decomposed(_decomposed(text).casefold())
    return "".join(letter for letter in without_invisible(letters) if not _is_accent(letter))


def _is_accent(char: str) -> bool:
    """Return whether a mark is one that a search passes over, by its class (UAX 44, Canonical_Combining_Class).

    10 to 36 are the points of Hebrew, Arabic and Syriac, 200 and more what stands above, below or through a letter of
    any script. What lies between belongs to a script of India or South-East Asia, and what lies below is a virama, a
    nukta or the voicing of kana.
    """
    combining = unicodedata.combining(char)
    return combining >= 200 or 10 <= combining <= 36  # noqa: PLR2004 - told above


def is_in_word(char: str) -> bool:
    """Return whether a word goes on with a character: a letter, a digit, or a mark of one."""
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def pieces_of(text: str) -> list[str]:
    """Return the runs of letters, digits and their marks in a text that is plain and has no blanks.

    The text itself when it has none of these and can be shown, such as an emoji.
    """
    if text.isascii():
        pieces = [piece for piece in _ASCII_SEPARATORS.split(text) if piece]
    else:
        pieces = "".join(char if is_in_word(char) else " " for char in text).split()
    return pieces or ([text] if text.isprintable() else [])


def words_of(text: str) -> list[str]:
    """Return the words of a text, without case and accents, in order: at least one unless it is blank.

    What stands between blanks is one, without the punctuation around it, so that INV-2024/0042 is one word; where it is
    nothing else, with it.
    """
    if text.isascii():
        pieces = text.lower().split()
    else:
        # Each by itself: one that is nothing but accents is a word too, whatever others there are.
        pieces = [part for piece in _decomposed(text).split() for part in plain(piece).split() or [piece]]
    return [
        piece[:WORD_CHARS_MAX] if piece[0].isalnum() and piece[-1].isalnum() else _word(piece)[:WORD_CHARS_MAX]
        for piece in pieces
    ]


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFKD", text)


def _word(piece: str) -> str:
    """Return a piece without the punctuation around it; as it is when it is nothing else."""
    word = piece.strip(_ASCII_PUNCTUATION)
    first, last = 0, len(word)
    while first < last and not word[first].isalnum():
        first += 1
    while first < last and not is_in_word(word[last - 1]):
        last -= 1
    return word[first:last] or piece
