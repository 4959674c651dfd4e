"""What is stored and what is looked for are taken apart in the same way."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.words import WORD_CHARS_MAX, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" \n\u3000", []),
        ("1 of 3 invoices", ["1", "of", "3", "invoices"]),
        ("(INV-2024/0042), done.", ["inv-2024/0042", "done"]),
        ("»Köln«\u00a0Größe STRASSE Straße", ["koln", "grosse", "strasse", "strasse"]),
        ("_under_score_", ["under_score"]),
        ("a - b", ["a", "-", "b"]),
        ("... 🤖", ["...", "🤖"]),
        ("\u0301", ["\u0301"]),
        ("x \u0301\u0301 \u200b y", ["x", "\u0301\u0301", "\u200b", "y"]),
        ("¨ INV-1", ["\u0308", "inv-1"]),
        ("ﬁne ①", ["fine", "1"]),
        ("請求 #7", ["請求", "7"]),
        ("x" * (WORD_CHARS_MAX + 1), ["x" * WORD_CHARS_MAX]),
        ("(हिन्दी) ใบแจ้งหนี้!", ["हिन्दी", "ใบแจ้งหนี้"]),
        ("فَاتُورَة", ["فاتورة"]),
        ("バグ ハク", [unicodedata.normalize("NFKD", "バグ"), "ハク"]),
        ("Mu\u0308l\u200bler", ["muller"]),
    ],
)
def test_words_are_what_stands_between_blanks_without_punctuation_around(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@given(st.text(max_size=50))
def test_every_text_that_is_not_blank_has_words_and_upper_case_has_the_same(text: str) -> None:
    assert bool(words_of(text)) == bool(text.strip())
    assert all(0 < len(word) <= WORD_CHARS_MAX for word in words_of(text))


@given(st.lists(st.text(max_size=20), max_size=4))
def test_a_text_has_the_same_words_whatever_stands_beside_it(texts: list[str]) -> None:
    assert words_of("\n".join(texts)) == [word for text in texts for word in words_of(text)]


@given(st.text(max_size=50))
def test_the_normal_form_of_a_text_changes_no_word(text: str) -> None:
    seen = {tuple(words_of(unicodedata.normalize(form, text))) for form in ("NFC", "NFD", "NFKC", "NFKD")}
    assert len(seen) == 1
