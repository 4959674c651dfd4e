"""A receipt: the same request again is known, another one with its Idempotency-Key is refused."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.errors import IdempotencyKeyReuseError
from domain.receipt import Receipt
from tests.support.examples import DIGEST, KEY, cause


def a_receipt() -> Receipt:
    return Receipt.issue(cause(), receipt_id=uuid4(), request_digest=DIGEST, resource_id=KEY)


def test_a_receipt_names_what_was_made() -> None:
    assert a_receipt().resource_id == KEY


def test_the_same_request_is_known() -> None:
    a_receipt().check_same_request(DIGEST)


@pytest.mark.parametrize("digest", ["", DIGEST[:-1], DIGEST.upper()])
def test_another_request_is_refused(digest: str) -> None:
    with pytest.raises(IdempotencyKeyReuseError):
        a_receipt().check_same_request(digest)
