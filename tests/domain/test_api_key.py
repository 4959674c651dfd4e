"""What lets a key in, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.api_key import ApiKey, KeyStatus
from domain.errors import DomainError, InvalidApiKeyError, InvalidInputError, RateLimitedError
from domain.limits import (
    CLOCKS_APART_MAX,
    KEY_EXPIRY_NOTICE,
    RATE_LIMIT_DEFAULT,
    RATE_LIMIT_MAX,
    RATE_LIMIT_MIN,
    RATE_WINDOW,
)
from tests.support.clock import NOON
from tests.support.examples import ACCOUNT, FLOW, JOB, KEY, MICROSECOND, OLD_KEY, SECOND, USER, a_key, cause

if TYPE_CHECKING:
    from datetime import datetime

EXPIRY = NOON + timedelta(days=30)


def kinds(key: ApiKey) -> list[str]:
    return [type(event).__name__ for event in key.pending_events]


def outcome_of(action: Any, *arguments: Any) -> str:
    try:
        action(*arguments)
    except DomainError as error:
        return type(error).__name__
    return "ok"


def test_a_new_key_is_made_of_what_was_asked_for() -> None:
    key = ApiKey.create(
        cause(),
        key_id=KEY,
        account_id=ACCOUNT,
        flow_id=FLOW,
        name="Nightly run",
        prefix="AbCdEfGh",
        limit=RATE_LIMIT_DEFAULT,
        expires_at=EXPIRY,
        rotated_from=OLD_KEY,
    )
    (created,) = key.pending_events
    assert isinstance(created, ApiKey.Created)
    assert (created.originator_id, created.originator_version, created.timestamp) == (KEY, 1, NOON)
    assert (created.actor, created.request_id, created.command_id) == (
        str(USER),
        "request-1",
        cause().command_id,
    )
    assert (key.account_id, key.flow_id, key.name, key.prefix) == (ACCOUNT, FLOW, "Nightly run", "AbCdEfGh")
    assert (key.limit, key.expires_at, key.created_at, key.created_by) == (60, EXPIRY, NOON, str(USER))
    assert key.rotated_from == OLD_KEY
    assert (key.uses, key.last_used_at, key.deactivated_at) == (0, None, None)


@pytest.mark.parametrize("limit", [RATE_LIMIT_MIN, RATE_LIMIT_DEFAULT, RATE_LIMIT_MAX])
def test_a_limit_within_the_bounds_is_taken(limit: int) -> None:
    assert a_key(limit=limit).limit == limit


@pytest.mark.parametrize("limit", [RATE_LIMIT_MIN - 1, RATE_LIMIT_MAX + 1, -1])
def test_a_limit_out_of_bounds_is_refused_by_name(limit: int) -> None:
    with pytest.raises(InvalidInputError) as refused:
        a_key(limit=limit)
    assert [error.field for error in refused.value.errors] == ["limit"]
    assert "from 1 to 10000" in refused.value.errors[0].message


@pytest.mark.parametrize("expires_at", [NOON, NOON - MICROSECOND])
def test_an_expiry_that_is_not_in_the_future_is_refused_by_name(expires_at: datetime) -> None:
    with pytest.raises(InvalidInputError) as refused:
        a_key(expires_at=expires_at)
    assert [error.field for error in refused.value.errors] == ["expires_at"]


def test_every_broken_rule_of_a_new_key_is_told_at_once() -> None:
    with pytest.raises(InvalidInputError) as refused:
        a_key(limit=0, expires_at=NOON)
    assert [error.field for error in refused.value.errors] == ["limit", "expires_at"]


def test_a_key_may_expire_a_microsecond_from_now() -> None:
    key = a_key(expires_at=NOON + MICROSECOND)
    key.admit(NOON)
    with pytest.raises(InvalidApiKeyError):
        key.admit(NOON + MICROSECOND)


@pytest.mark.parametrize(
    ("at", "status"),
    [
        (NOON, KeyStatus.ACTIVE),
        (EXPIRY - KEY_EXPIRY_NOTICE - MICROSECOND, KeyStatus.ACTIVE),
        (EXPIRY - KEY_EXPIRY_NOTICE, KeyStatus.EXPIRING),
        (EXPIRY - MICROSECOND, KeyStatus.EXPIRING),
        (EXPIRY, KeyStatus.EXPIRED),
        (EXPIRY + MICROSECOND, KeyStatus.EXPIRED),
    ],
)
def test_the_status_changes_at_the_exact_instant_and_is_what_lets_in(at: datetime, status: KeyStatus) -> None:
    key = a_key(expires_at=EXPIRY)
    assert key.status(at) == status
    lets_in = status in {KeyStatus.ACTIVE, KeyStatus.EXPIRING}
    assert key.is_active(at) is lets_in
    assert outcome_of(key.admit, at) == ("ok" if lets_in else "InvalidApiKeyError")


def test_a_key_without_expiry_stays_active() -> None:
    assert a_key().status(NOON + timedelta(days=50_000)) == KeyStatus.ACTIVE


def test_a_deactivated_key_is_deactivated_also_after_it_would_have_expired() -> None:
    key = a_key(expires_at=EXPIRY)
    key.deactivate(cause())
    assert {key.status(NOON), key.status(EXPIRY)} == {KeyStatus.DEACTIVATED}


def test_expiry_holds_by_the_latest_time_that_the_key_has_seen() -> None:
    key = a_key(expires_at=EXPIRY)
    key.use(cause(EXPIRY - MICROSECOND), "accepted")
    key.admit(NOON)
    with pytest.raises(InvalidApiKeyError):
        key.admit(EXPIRY)


def test_every_outcome_is_a_use() -> None:
    key = a_key(limit=3)
    key.use(cause(), "accepted", job_id=JOB)
    key.use(cause(), "replayed", job_id=JOB)
    key.use(cause(), "rejected", problem="key-scope")
    used = [event for event in key.pending_events if isinstance(event, ApiKey.Used)]
    assert [(event.outcome, event.job_id, event.problem) for event in used] == [
        ("accepted", JOB, None),
        ("replayed", JOB, None),
        ("rejected", None, "key-scope"),
    ]
    assert (key.uses, key.quota(NOON).left) == (3, 0)


def test_a_refused_use_leaves_no_trace() -> None:
    key = a_key(limit=1)
    key.use(cause(), "accepted")
    with pytest.raises(RateLimitedError):
        key.use(cause(), "accepted")
    assert (kinds(key), key.uses, key.version) == (["Created", "Used"], 1, 2)


def test_a_use_is_stamped_with_the_later_of_the_clock_and_the_use_before_it() -> None:
    key = a_key()
    key.use(cause(NOON + CLOCKS_APART_MAX), "accepted")
    key.use(cause(NOON), "accepted")
    key.use(cause(NOON + 2 * CLOCKS_APART_MAX), "accepted")
    stamps = [event.timestamp for event in key.pending_events[1:]]
    assert stamps == [NOON + CLOCKS_APART_MAX, NOON + CLOCKS_APART_MAX, NOON + 2 * CLOCKS_APART_MAX]


def test_a_clock_that_was_ahead_is_not_waited_for() -> None:
    key = a_key()
    key.use(cause(NOON + CLOCKS_APART_MAX + MICROSECOND), "accepted")
    key.use(cause(NOON), "accepted")
    assert [event.timestamp for event in key.pending_events[2:]] == [NOON]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["use", "throttle", "deactivate"]),
            st.timedeltas(timedelta(minutes=-3), timedelta(minutes=3)),
        ),
        max_size=12,
    )
)
def test_time_runs_backwards_in_the_stream_of_a_key_only_where_a_clock_was_wrong(
    steps: list[tuple[str, timedelta]],
) -> None:
    key, clock = a_key(limit=2), NOON
    for what, jump in steps:
        clock += jump
        if what == "use":
            outcome_of(key.use, cause(clock), "accepted")
        else:
            getattr(key, what)(cause(clock))
    times = [event.timestamp for event in key.pending_events]
    assert all(after >= before or before - after > CLOCKS_APART_MAX for before, after in pairwise(times))


def test_a_deactivated_key_lets_nothing_in_ever_again() -> None:
    key = a_key()
    key.deactivate(cause(NOON + SECOND), "left the company")
    for at in (NOON, NOON + SECOND, NOON + timedelta(days=10_000)):
        assert outcome_of(key.admit, at) == "InvalidApiKeyError"
        assert outcome_of(key.use, cause(at), "accepted") == "InvalidApiKeyError"
    assert kinds(key) == ["Created", "Deactivated"]


def test_deactivating_again_changes_nothing_and_keeps_the_first_reason() -> None:
    key = a_key()
    key.deactivate(cause(NOON + SECOND, "first"), "left the company")
    key.deactivate(cause(NOON + 2 * SECOND, "second"), "another reason")
    assert kinds(key) == ["Created", "Deactivated"]
    assert (key.deactivated_at, key.deactivated_by) == (NOON + SECOND, "first")
    assert key.deactivation_reason == "left the company"


def test_no_event_undoes_a_deactivation() -> None:
    key = a_key(limit=2)
    key.deactivate(cause())
    # As a faulty writer could.
    key._trigger(key.Used(**key._next(cause(NOON + SECOND)), outcome="accepted"))  # noqa: SLF001
    assert key.status(NOON + timedelta(days=1)) == KeyStatus.DEACTIVATED
    key._trigger(key.Throttled(**key._next(cause(NOON + SECOND))))  # noqa: SLF001
    assert key.status(NOON + timedelta(days=1)) == KeyStatus.DEACTIVATED


def test_throttling_is_recorded_at_the_first_refusal_and_not_again_within_sixty_seconds() -> None:
    key = a_key(limit=1)
    for after in (timedelta(0), timedelta(0), SECOND, RATE_WINDOW - MICROSECOND):
        key.throttle(cause(NOON + after), "192.0.2.7")
    assert kinds(key) == ["Created", "Throttled"]
    key.throttle(cause(NOON + RATE_WINDOW))
    assert kinds(key) == ["Created", "Throttled", "Throttled"]


@given(st.lists(st.timedeltas(timedelta(seconds=-90), timedelta(seconds=90)), max_size=30))
def test_throttling_is_recorded_at_most_once_in_any_sixty_seconds_unless_the_clock_is_set_back(
    jumps: list[timedelta],
) -> None:
    key, clock = a_key(limit=1), NOON
    for jump in jumps:
        clock += jump
        key.throttle(cause(clock))
    times = [event.timestamp for event in key.pending_events[1:]]
    assert all(
        later - earlier >= RATE_WINDOW or earlier - later > CLOCKS_APART_MAX for earlier, later in pairwise(times)
    )


def test_being_throttled_is_no_use() -> None:
    key = a_key(limit=1)
    key.throttle(cause())
    assert (key.uses, key.quota(NOON).left) == (0, 1)


@pytest.mark.parametrize("name", ["Created", "Used", "Throttled", "Deactivated"])
def test_no_event_has_a_place_for_a_secret(name: str) -> None:
    assert not {"secret", "key", "text", "sha256"} & set(getattr(ApiKey, name).model_fields)
