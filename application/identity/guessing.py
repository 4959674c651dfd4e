"""Which passwords are guessed first: common ones, walks on the keyboard, one's own name and address, this service's.

What is common, and how many guesses a text takes, is zxcvbn's to say (D. Wheeler, USENIX Security 2016).
"""

from __future__ import annotations

import math
import re
import threading
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_JUDGED_CHARS_MAX: Final = 32
"""The library's time grows with the square of the length and more, and what begins well is long enough."""
_GUESSES_MIN: Final = 10**10
"""The library's highest score. A thousand guesses an hour, which sign-ins are slowed to, take a thousand years."""
_GUESSES_SQUEEZED_MIN: Final = 10**8
"""Least guesses for the letters and digits alone: what stands between words adds little."""
_OWN_WORDS: Final = ("rpawatch", "rpa", "watch", "robotic process automation", "admin", "administrator")
_PHRASES: Final = (
    "correct horse battery staple",
    "the quick brown fox jumps over the lazy dog",
    "the quick brown fox",
    "to be or not to be that is the question",
    "to be or not to be",
    "may the force be with you",
    "lorem ipsum dolor sit amet",
)
"""Phrases of many words that everybody knows, which a list of words does not have."""
_LOOK_ALIKES: Final = str.maketrans("@$+|!{[<", "45711(((")
"""Signs in the place of letters, as the digits that stand for the same letters: the library tries all combinations of
signs, which takes seconds for 32 of them."""
_UNSHIFTED: Final = str.maketrans('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./")
"""The same keys of a US keyboard without shift: a walk on it is one either way."""
_YEAR: Final = re.compile(r"20[2-4]\d")
_LAST_YEAR: Final = re.compile(r"(.*)20[2-4]\d", re.DOTALL)
_YEAR_KNOWN: Final = "2017"
"""The library takes years for years up to this one."""
_WORD: Final = re.compile(r"[^\W_]+")
_WORD_CHARS_MIN: Final = 3
_ESTIMATING: Final = threading.Lock()
"""The library keeps a user's own words in a variable of the module."""


def is_guessed_first(password: str, *, email: str, name: str) -> bool:
    """Return whether a password (normalised) of a user with this address and name takes too few guesses."""
    text = password.casefold()
    words = [*_words_of(email.casefold(), name.casefold()), *_common_with_signs_in(text)]
    # Also as it is, and with the last year alone: what looks like one may stand in a date (02041973, with 2026 after
    # it), or in digits that are common as a whole.
    readings = (text, _YEAR.sub(_YEAR_KNOWN, text), _LAST_YEAR.sub(rf"\g<1>{_YEAR_KNOWN}", text))
    return any(_takes_few_guesses(one, words) for one in dict.fromkeys(readings))


def _takes_few_guesses(text: str, words: list[str]) -> bool:
    squeezed = _squeezed(text)
    if _is_made_of(squeezed, words):
        return True
    minimum = dict.fromkeys((text.translate(_LOOK_ALIKES), text.translate(_UNSHIFTED)), _GUESSES_MIN)
    if 2 * len(squeezed) >= len(text):
        minimum.setdefault(squeezed, _GUESSES_SQUEEZED_MIN)
    return any(_guesses(reading, words) < least for reading, least in minimum.items())


def _words_of(email: str, name: str) -> list[str]:
    """Return the words that are tried first where this user and this service are known, the most likely first."""
    local, _, domain = email.partition("@")
    texts = [email, local, domain, name, *_OWN_WORDS, *_PHRASES]
    parts = [part for text in (local, domain, name) for part in _WORD.findall(text) if len(part) >= _WORD_CHARS_MIN]
    readings = [form for text in texts for form in _forms(text)]
    return [word for word in dict.fromkeys([*map(_squeezed, texts), *readings, *parts]) if len(word) >= _WORD_CHARS_MIN]


def _common_with_signs_in(text: str) -> list[str]:
    """Return the common passwords in it that the library would not find, since their signs are read as digits."""
    return [form for word in _common_with_signs() if word in text for form in _forms(word)]


@cache
def _common_with_signs() -> list[str]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - see _guesses

    return [word for word in FREQUENCY_LISTS["passwords"] if not word.isalnum()]


def _forms(text: str) -> tuple[str, str, str]:
    return text, text.translate(_LOOK_ALIKES), text.translate(_UNSHIFTED)


def _is_made_of(squeezed: str, words: Iterable[str]) -> bool:
    """Return whether it is one or more of the words, and nothing else but digits, which are no secret beside them."""
    rest = squeezed
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, "")
    return rest != squeezed and (rest == "" or rest.isdecimal())


def _squeezed(text: str) -> str:
    return "".join(filter(str.isalnum, text))


def _guesses(text: str, words: list[str]) -> float:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - 13 MB, which only a process needs in which a password is chosen

    with _ESTIMATING:
        parts = zxcvbn(text[:_JUDGED_CHARS_MAX], user_inputs=words)["sequence"]
    # As the library counts, but that it takes four parts for strong, however common each of them is.
    return math.factorial(len(parts)) * math.prod(float(part["guesses"]) for part in parts)
