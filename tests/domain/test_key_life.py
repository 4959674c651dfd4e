"""How a key is changed and rotated, and what is counted after its end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain.api_key import ROTATED_REASON, KeyStatus
from domain.errors import (
    AlreadyRotatedError,
    InvalidApiKeyError,
    InvalidInputError,
    KeyEndedError,
    RateLimitedError,
)
from domain.limits import RATE_LIMIT_MAX, RATE_LIMIT_MIN, RATE_WINDOW, ROTATION_OVERLAP_MAX
from tests.support.clock import NOON
from tests.support.examples import MICROSECOND, OTHER_KEY, SECOND, a_key, cause

if TYPE_CHECKING:
    from domain.api_key import ApiKey

DAY = timedelta(days=1)
EXPIRY = NOON + 30 * DAY


def kinds(key: ApiKey) -> list[str]:
    return [type(event).__name__ for event in key.pending_events][1:]


def rules_broken_by(key: ApiKey, **changes: Any) -> dict[str, str]:
    before = len(key.pending_events)
    with pytest.raises(InvalidInputError) as refused:
        key.change(cause(NOON + SECOND), **changes)
    assert len(key.pending_events) == before
    return {error.field: error.message for error in refused.value.errors}


def ended_keys() -> dict[str, ApiKey]:
    deactivated, expired = a_key(), a_key(expires_at=NOON + MICROSECOND)
    deactivated.deactivate(cause())
    return {"deactivated": deactivated, "expired": expired}


ENDED = pytest.mark.parametrize("key", ended_keys().values(), ids=ended_keys())


def test_a_key_is_renamed_limited_and_ended_sooner_each_as_an_event_of_its_own() -> None:
    key = a_key(expires_at=EXPIRY)
    key.change(cause(NOON + SECOND), name=" New name ", limit=5, expires_at=EXPIRY - DAY)
    assert kinds(key) == ["Renamed", "RateLimitChanged", "ExpirySet"]
    assert (key.name, key.limit, key.expires_at) == ("New name", 5, EXPIRY - DAY)


def test_what_is_left_out_or_the_same_is_no_change() -> None:
    key = a_key(expires_at=EXPIRY)
    key.change(cause())
    key.change(cause(), name=key.name, limit=key.limit, expires_at=EXPIRY)
    assert kinds(key) == []


def test_a_key_that_never_expires_can_be_given_an_end() -> None:
    key = a_key()
    key.change(cause(), expires_at=NOON + MICROSECOND)
    key.admit(NOON)
    with pytest.raises(InvalidApiKeyError):
        key.admit(NOON + MICROSECOND)


def test_an_end_never_comes_later() -> None:
    broken = rules_broken_by(a_key(expires_at=EXPIRY), expires_at=EXPIRY + MICROSECOND)
    assert broken == {"expires_at": "must not be later than it is: a key can only end sooner"}


def test_an_end_is_in_the_future() -> None:
    assert rules_broken_by(a_key(expires_at=EXPIRY), expires_at=NOON + SECOND) == {
        "expires_at": "must be in the future"
    }


@pytest.mark.parametrize("limit", [RATE_LIMIT_MIN - 1, RATE_LIMIT_MAX + 1, 10**9])
def test_a_limit_out_of_bounds_is_refused_and_so_is_all_that_came_with_it(limit: int) -> None:
    broken = rules_broken_by(a_key(), limit=limit, name="x", expires_at=NOON)
    assert broken == {"limit": "must be from 1 to 10000", "expires_at": "must be in the future"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "must not be blank"),
        (" \t ", "must not be blank"),
        ("x" * 201, "must have at most 200 characters"),
        ("a\x1b[31m", "must not hold control characters"),
    ],
)
def test_a_name_that_will_not_do_is_refused_and_so_is_all_that_came_with_it(name: str, message: str) -> None:
    assert rules_broken_by(a_key(), name=name, limit=5) == {"name": message}


def test_a_lowered_limit_counts_the_uses_before_it_and_a_raised_one_opens_at_once() -> None:
    key = a_key(limit=60)
    for second in range(30):
        key.use(cause(NOON + second * SECOND), "accepted")
    now = NOON + 30 * SECOND
    key.change(cause(now), limit=10)
    with pytest.raises(RateLimitedError) as refused:
        key.admit(now)
    # 21 of the 30 have to pass; the first of the last ten was used at second 20.
    assert (refused.value.quota.left, refused.value.quota.reset_seconds) == (0, 50)
    with pytest.raises(RateLimitedError):
        key.admit(NOON + 20 * SECOND + RATE_WINDOW - MICROSECOND)
    key.admit(NOON + 20 * SECOND + RATE_WINDOW)
    key.change(cause(now), limit=31)
    key.use(cause(now), "accepted")
    with pytest.raises(RateLimitedError):
        key.admit(now)


@ENDED
def test_a_key_that_has_ended_is_not_changed_any_more(key: ApiKey) -> None:
    before = len(key.pending_events)
    for change in ({"name": "x"}, {"limit": 5}, {"expires_at": EXPIRY}, {}):
        with pytest.raises(KeyEndedError):
            key.change(cause(NOON + SECOND), **change)
    with pytest.raises(KeyEndedError):
        key.rotate(cause(NOON + SECOND), OTHER_KEY, DAY)
    assert len(key.pending_events) == before


def test_a_rotated_key_ends_at_the_instant_that_was_chosen() -> None:
    key = a_key()
    key.rotate(cause(NOON + SECOND), OTHER_KEY, DAY)
    ends_at = NOON + SECOND + DAY
    assert (kinds(key), key.rotated_to, key.expires_at) == (["Rotated"], OTHER_KEY, ends_at)
    assert key.rotated_at == NOON + SECOND
    assert key.status(NOON + SECOND) == key.status(ends_at - MICROSECOND) == KeyStatus.EXPIRING
    assert key.status(ends_at) == KeyStatus.EXPIRED
    key.use(cause(ends_at - MICROSECOND), "accepted")
    with pytest.raises(InvalidApiKeyError):
        key.use(cause(ends_at), "accepted")


def test_without_overlap_it_ends_at_once_for_good_and_says_why() -> None:
    key = a_key(expires_at=EXPIRY)
    key.rotate(cause(), OTHER_KEY, timedelta(0))
    assert (kinds(key), key.expires_at) == (["Rotated", "Deactivated"], EXPIRY)
    assert (key.rotated_to, key.status(NOON), key.deactivation_reason) == (
        OTHER_KEY,
        KeyStatus.DEACTIVATED,
        ROTATED_REASON,
    )


@pytest.mark.parametrize("again", [timedelta(0), DAY])
def test_a_key_is_rotated_once(again: timedelta) -> None:
    key = a_key()
    key.rotate(cause(), OTHER_KEY, DAY)
    with pytest.raises(AlreadyRotatedError) as refused:
        key.rotate(cause(), key.id, again)
    assert refused.value.resource_id == OTHER_KEY
    assert kinds(key) == ["Rotated"]


@pytest.mark.parametrize("overlap", [-SECOND, ROTATION_OVERLAP_MAX + SECOND])
def test_an_overlap_out_of_bounds_is_refused(overlap: timedelta) -> None:
    with pytest.raises(InvalidInputError) as refused:
        a_key().rotate(cause(), OTHER_KEY, overlap)
    assert [(error.field, error.message) for error in refused.value.errors] == [
        ("overlap_seconds", "must be from 0 to 604800")
    ]


def test_the_longest_overlap_is_taken() -> None:
    key = a_key()
    key.rotate(cause(), OTHER_KEY, ROTATION_OVERLAP_MAX)
    assert key.expires_at == NOON + ROTATION_OVERLAP_MAX


@pytest.mark.parametrize("more", [timedelta(0), MICROSECOND])
def test_an_overlap_does_not_let_a_key_live_longer_than_it_would(more: timedelta) -> None:
    key = a_key(expires_at=NOON + 90 * SECOND + more)
    with pytest.raises(InvalidInputError) as refused:
        key.rotate(cause(), OTHER_KEY, 91 * SECOND)
    assert [error.message for error in refused.value.errors] == [
        "must be at most 90, since the key expires then by itself"
    ]
    key.rotate(cause(), OTHER_KEY, 90 * SECOND)
    assert key.expires_at == NOON + 90 * SECOND


def test_a_rotated_key_can_still_be_ended_sooner_by_expiry_and_at_once() -> None:
    key = a_key()
    key.rotate(cause(), OTHER_KEY, DAY)
    key.change(cause(), expires_at=NOON + SECOND)
    assert key.expires_at == NOON + SECOND
    key.deactivate(cause(), "leaked")
    assert key.status(NOON) == KeyStatus.DEACTIVATED


@pytest.mark.parametrize(("expires_at", "lifetime"), [(None, None), (EXPIRY, EXPIRY - NOON)])
def test_a_key_knows_for_how_long_it_was_made(expires_at: Any, lifetime: timedelta | None) -> None:
    assert a_key(expires_at=expires_at).lifetime() == lifetime


@ENDED
def test_attempts_after_the_end_are_counted_with_the_last_time_and_address(key: ApiKey) -> None:
    at = NOON + SECOND
    key.count_refusals(cause(at), attempts=3, last_attempt_at=at, address="192.0.2.7")
    # Another machine writes down later what came earlier.
    key.count_refusals(cause(at), attempts=2, last_attempt_at=at - MICROSECOND, address="192.0.2.8")
    assert (key.refusals, key.refused_at, key.refused_address) == (5, at, "192.0.2.7")
    key.count_refusals(cause(at), attempts=1, last_attempt_at=at, address="192.0.2.9")
    assert (key.refusals, key.refused_at, key.refused_address) == (6, at, "192.0.2.9")
    assert (key.uses, key.last_used_at) == (0, None)


def test_a_key_that_lets_in_has_no_refusals_to_count() -> None:
    key = a_key()
    key.count_refusals(cause(), attempts=1, last_attempt_at=NOON)
    assert (kinds(key), key.refusals) == ([], 0)


def test_a_key_that_was_seen_to_have_ended_has_ended_by_a_clock_that_is_a_little_behind_too() -> None:
    key, behind = a_key(expires_at=NOON + SECOND), cause(NOON)
    key.count_refusals(cause(NOON + SECOND), attempts=1, last_attempt_at=NOON + SECOND)
    with pytest.raises(InvalidApiKeyError):
        key.admit(NOON)
    with pytest.raises(KeyEndedError):
        key.change(behind, name="x")
    with pytest.raises(KeyEndedError):
        key.rotate(behind, OTHER_KEY, timedelta(0))
    key.count_refusals(behind, attempts=1, last_attempt_at=NOON)
    assert key.refusals == 2


def test_an_end_is_counted_from_what_the_key_has_seen_also_by_a_clock_that_is_a_little_behind() -> None:
    key, seen = a_key(), NOON + 2 * SECOND
    key.use(cause(seen), "accepted")
    with pytest.raises(InvalidInputError, match="in the future"):
        key.change(cause(NOON), expires_at=seen)
    key.rotate(cause(NOON), OTHER_KEY, DAY)
    assert (key.rotated_at, key.expires_at) == (seen, seen + DAY)
