"""A token in a page is spelled otherwise in each answer, and is the same token."""

from __future__ import annotations

import secrets

import pytest

from interfaces.http.masking import is_token, mask

TOKEN = secrets.token_urlsafe(32)


def test_a_masked_token_is_the_token_and_looks_like_no_other_one() -> None:
    masked = {mask(TOKEN) for _ in range(100)}
    assert len(masked) == 100
    assert len({len(one) for one in masked}) == 1
    for one in masked:
        assert is_token(one, TOKEN)
        assert not any(TOKEN[start : start + 5] in one for start in range(len(TOKEN) - 5))
    assert is_token(TOKEN, TOKEN), "as the API gives it"


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "=",
        "é",
        "\0",
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN.swapcase(),
        mask(TOKEN.swapcase()),
        mask(TOKEN[:-1]),
        mask(TOKEN + "A"),
        mask(TOKEN)[:-2],
        mask(TOKEN) + "AA",
        mask(mask(TOKEN)),
        "A" * len(mask(TOKEN)),
        "A" * 60_000,
    ],
)
def test_what_is_not_the_token_is_not_taken_for_it(wrong: str) -> None:
    assert not is_token(wrong, TOKEN)
