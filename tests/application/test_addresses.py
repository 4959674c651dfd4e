"""An address is one person, in whatever form it is typed."""

from __future__ import annotations

import unicodedata

import pytest

from application.identity.users import normalised_email
from domain.errors import InvalidInputError
from domain.limits import EMAIL_CHARS_MAX

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "jörg@müller.example") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(
    "typed",
    [
        COMPOSED,
        DECOMPOSED,
        " Jo\u0308RG@MÜLLER.example\u3000",
        "jörg@müller.example\u200b",
        "\ufeffJÖRG@müller.example",
    ],
)
def test_an_address_is_the_same_in_every_case_and_normal_form(typed: str) -> None:
    assert normalised_email(typed) == COMPOSED
    assert normalised_email(normalised_email(typed)) == COMPOSED


def test_a_capital_whose_small_letter_has_marks_is_the_same_too() -> None:
    assert normalised_email("İ@b.example") == normalised_email(normalised_email("İ@b.example"))


@pytest.mark.parametrize("text", ["", "\u200b@b.example", "a@\u2060", "a" * EMAIL_CHARS_MAX + "@b.example"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError):
        normalised_email(text)
