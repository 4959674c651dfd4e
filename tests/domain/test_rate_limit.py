"""The sliding window: whatever the clock does, no 60 seconds hold more uses than the limit.

Where the clock was set back, a use was before all that came after it, whatever it says of itself.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.api_key import ApiKey
from domain.errors import InvalidApiKeyError, RateLimitedError
from domain.key_snapshot import ApiKeySnapshot
from domain.limits import CLOCKS_APART_MAX, RATE_WINDOW
from domain.model import Cause
from domain.rate_limit import Quota, Window
from tests.support.clock import NOON
from tests.support.examples import KEY, MICROSECOND, SECOND, a_key, cause

JUMPS = st.one_of(
    st.just(timedelta(0)),
    st.timedeltas(timedelta(seconds=0), timedelta(seconds=5)),
    st.timedeltas(timedelta(seconds=-90), timedelta(seconds=90)),
    st.sampled_from([RATE_WINDOW, RATE_WINDOW - MICROSECOND, RATE_WINDOW + MICROSECOND, -RATE_WINDOW]),
    st.sampled_from([timedelta(days=1), timedelta(days=-1)]),
)
"""By how much the clock moves before an attempt; machines disagree, and clocks are set."""


def attempts(key: ApiKey, jumps: list[timedelta], clock: datetime = NOON) -> list[tuple[datetime, bool]]:
    """Try to use the key after each jump of the clock; return what the clock said and whether it was let in."""
    tried = []
    for jump in jumps:
        clock += jump
        try:
            key.use(cause(clock), "accepted")
        except RateLimitedError:
            key.throttle(cause(clock))
            tried.append((clock, False))
        else:
            tried.append((clock, True))
    return tried


def in_window(key: ApiKey, end: datetime, until: int | None = None) -> int:
    """How many uses are in the minute before `end`, of the events up to one of them; a small model of the window."""
    times: list[datetime] = []
    for event in key.pending_events[:until]:
        if isinstance(event, ApiKey.Used | ApiKey.Throttled):
            times = [min(time, event.timestamp) for time in times]
        if isinstance(event, ApiKey.Used):
            times = [*(time for time in times if time > event.timestamp - RATE_WINDOW), event.timestamp]
    return sum(min(time, end) > end - RATE_WINDOW for time in times)


def a_copy_of(key: ApiKey) -> ApiKey:
    aggregate = None
    for event in key.pending_events:
        aggregate = event.mutate(aggregate)
    assert isinstance(aggregate, ApiKey)
    return aggregate


@given(limit=st.integers(1, 6), jumps=st.lists(JUMPS, max_size=40))
def test_no_half_open_minute_holds_more_uses_than_the_limit_whatever_the_clock_does(
    limit: int, jumps: list[timedelta]
) -> None:
    key = a_key(limit=limit)
    attempts(key, jumps)
    for number, event in enumerate(key.pending_events, 1):
        if isinstance(event, ApiKey.Used):
            assert in_window(key, event.timestamp, number) <= limit


@given(limit=st.integers(1, 6), jumps=st.lists(JUMPS, max_size=40))
def test_the_times_of_events_run_backwards_only_where_a_clock_was_wrong(limit: int, jumps: list[timedelta]) -> None:
    key = a_key(limit=limit)
    attempts(key, jumps)
    # Of all events: a refusal between two uses may be where the clock was found to be wrong.
    times = [event.timestamp for event in key.pending_events]
    assert all(after >= before or before - after > CLOCKS_APART_MAX for before, after in pairwise(times))


@given(limit=st.integers(1, 6), jumps=st.lists(JUMPS, max_size=40))
def test_whatever_a_clock_said_nobody_has_to_wait_for_longer_than_a_minute(limit: int, jumps: list[timedelta]) -> None:
    key = a_key(limit=limit)
    clock = [(NOON, True), *attempts(key, jumps)][-1][0]
    told = key.quota(clock).reset_seconds * SECOND
    assert told <= RATE_WINDOW + CLOCKS_APART_MAX
    attempts(key, [timedelta(0)], clock)
    key.admit(clock + RATE_WINDOW + CLOCKS_APART_MAX)


@given(limit=st.integers(1, 6), jumps=st.lists(JUMPS, max_size=40), then=JUMPS)
def test_a_key_is_the_same_when_it_is_made_of_its_events_or_of_a_snapshot(
    limit: int, jumps: list[timedelta], then: timedelta
) -> None:
    key = a_key(limit=limit)
    clock = [(NOON, True), *attempts(key, jumps)][-1][0] + then
    stored = json.loads(ApiKeySnapshot.of(key).model_dump_json())
    snapshot = ApiKeySnapshot.model_validate({**stored, "originator_id": KEY, "originator_version": key.version})
    for again in (a_copy_of(key), snapshot.mutate(None)):
        assert isinstance(again, ApiKey)
        assert again.window == key.window
        assert again.quota(clock) == key.quota(clock)
        assert again.throttled_at == key.throttled_at


@pytest.mark.parametrize("ahead", [timedelta(days=1), CLOCKS_APART_MAX + MICROSECOND])
def test_a_minute_after_the_first_refusal_a_key_that_was_used_up_in_the_future_works(ahead: timedelta) -> None:
    key = a_key(limit=2)
    assert [let_in for _, let_in in attempts(key, [ahead, timedelta(0)])] == [True, True]
    with pytest.raises(RateLimitedError) as refused:
        key.use(cause(NOON), "accepted")
    assert refused.value.quota == Quota(2, 0, 60)
    assert attempts(key, [timedelta(0), SECOND]) == [(NOON, False), (NOON + SECOND, False)]
    assert [event.timestamp for event in key.pending_events if isinstance(event, ApiKey.Throttled)] == [NOON]
    assert attempts(a_copy_of(key), [RATE_WINDOW - MICROSECOND, MICROSECOND]) == [
        (NOON + RATE_WINDOW - MICROSECOND, False),
        (NOON + RATE_WINDOW, True),
    ]


def test_a_refusal_that_was_recorded_in_the_future_keeps_none_from_being_recorded_now() -> None:
    key = a_key(limit=1)
    day = timedelta(days=1)
    assert [let_in for _, let_in in attempts(key, [day, timedelta(0)])] == [True, False]
    key.change(cause(NOON), name="back in the present")
    attempts(key, [timedelta(0)], NOON)
    throttled = [event.timestamp for event in key.pending_events if isinstance(event, ApiKey.Throttled)]
    assert throttled == [NOON + day, NOON]
    assert attempts(key, [RATE_WINDOW])[0][1]


def test_nor_does_it_where_the_uses_are_of_the_present_again() -> None:
    key = a_key(limit=1)
    hour = timedelta(hours=1)
    assert [let_in for _, let_in in attempts(key, [hour, timedelta(0)])] == [True, False]
    key.change(cause(NOON), limit=2)
    assert [let_in for _, let_in in attempts(key, [timedelta(0), timedelta(0)])] == [True, False]
    throttled = [event.timestamp for event in key.pending_events if isinstance(event, ApiKey.Throttled)]
    assert throttled == [NOON + hour, NOON]


def test_uses_that_come_from_the_future_just_after_a_refusal_was_recorded_do_not_lock_a_key() -> None:
    key = a_key(limit=1)
    day = timedelta(days=1)
    assert attempts(key, [timedelta(0), SECOND])[1] == (NOON + SECOND, False)
    assert attempts(key, [day])[0][1]
    assert not attempts(key, [2 * SECOND])[0][1]
    assert attempts(key, [2 * SECOND + RATE_WINDOW])[0][1]


def test_an_expiry_is_decided_by_the_clock_where_the_last_event_is_from_the_future() -> None:
    key = a_key(expires_at=NOON + timedelta(hours=1))
    key.count_refusals(cause(NOON + timedelta(days=1)), attempts=1, last_attempt_at=NOON + timedelta(days=1))
    assert key.refused_at == NOON + timedelta(days=1)
    key.use(cause(NOON), "accepted")
    with pytest.raises(InvalidApiKeyError):
        key.use(cause(NOON + timedelta(hours=1)), "accepted")
    key.count_refusals(cause(NOON + timedelta(hours=2)), attempts=2, last_attempt_at=NOON + timedelta(hours=1))
    assert (key.refusals, key.refused_at) == (3, NOON + timedelta(hours=1))


@given(limit=st.integers(1, 6), jumps=st.lists(JUMPS, max_size=40))
def test_a_use_is_refused_only_when_the_minute_before_holds_the_whole_limit(limit: int, jumps: list[timedelta]) -> None:
    key, clock = a_key(limit=limit), NOON
    for jump in jumps:
        clock += jump
        free = in_window(key, key.stamp(clock)) < limit
        assert attempts(key, [timedelta(0)], clock) == [(clock, free)]


@given(limit=st.integers(1, 6), jumps=st.lists(JUMPS, max_size=40))
def test_as_many_more_uses_are_let_in_at_once_as_the_quota_says(limit: int, jumps: list[timedelta]) -> None:
    key = a_key(limit=limit)
    clock = [(NOON, True), *attempts(key, jumps)][-1][0]
    told = key.quota(clock)
    assert told.limit == limit
    outcomes = [let_in for _, let_in in attempts(key, [timedelta(0)] * (limit + 1), clock)]
    assert outcomes == [True] * told.left + [False] * (limit + 1 - told.left)


@given(limit=st.integers(1, 6), jumps=st.lists(JUMPS, max_size=40))
@example(limit=1, jumps=[timedelta(days=1), timedelta(days=-1)])  # a use, and the clock is set back
def test_whoever_waits_reset_seconds_on_the_clock_gets_through(limit: int, jumps: list[timedelta]) -> None:
    key = a_key(limit=limit)
    clock = [(NOON, True), *attempts(key, jumps)][-1][0]
    told = key.quota(clock)
    after = a_copy_of(key).quota(clock + told.reset_seconds * SECOND)
    assert after.left >= min(limit, told.left + 1)
    if told.left == 0:
        a_copy_of(key).admit(clock + told.reset_seconds * SECOND)


@given(limit=st.integers(1, 6), jumps=st.lists(JUMPS.filter(lambda jump: jump >= timedelta(0)), max_size=40))
def test_reset_seconds_are_the_fewest_whole_seconds_after_which_one_more_is_free(
    limit: int, jumps: list[timedelta]
) -> None:
    key = a_key(limit=limit)
    clock = [(NOON, True), *attempts(key, jumps)][-1][0]
    told = key.quota(clock)
    if told.left == limit:
        assert told.reset_seconds == 0
    else:
        assert 1 <= told.reset_seconds <= RATE_WINDOW.total_seconds()
        assert key.quota(clock + (told.reset_seconds - 1) * SECOND).left == told.left


def test_by_a_clock_that_is_a_little_behind_one_waits_longer() -> None:
    key = a_key(limit=1)
    key.use(cause(NOON + 3 * SECOND), "accepted")
    assert key.quota(NOON) == Quota(1, 0, 63)


@pytest.mark.parametrize("limit", [1, 2, 60])
def test_the_limit_is_let_in_and_one_more_is_not(limit: int) -> None:
    key = a_key(limit=limit)
    assert [let_in for _, let_in in attempts(key, [timedelta(0)] * (limit + 1))] == [True] * limit + [False]


@pytest.mark.parametrize(
    ("after", "let_in"),
    [
        (RATE_WINDOW - MICROSECOND, False),
        (RATE_WINDOW, True),
        (RATE_WINDOW + MICROSECOND, True),
    ],
)
def test_a_use_exactly_sixty_seconds_after_another_is_not_in_one_minute_with_it(
    after: timedelta, *, let_in: bool
) -> None:
    assert attempts(a_key(limit=1), [timedelta(0), after]) == [(NOON, True), (NOON + after, let_in)]


@pytest.mark.parametrize(
    ("passed", "reset_seconds"),
    [
        (timedelta(0), 60),
        (MICROSECOND, 60),
        (SECOND - MICROSECOND, 60),
        (SECOND, 59),
        (SECOND + MICROSECOND, 59),
        (59 * SECOND, 1),
        (RATE_WINDOW - MICROSECOND, 1),
        (RATE_WINDOW, 0),
    ],
)
def test_reset_seconds_are_rounded_up_and_exact_at_whole_seconds(passed: timedelta, reset_seconds: int) -> None:
    assert Window.of([NOON]).quota(1, NOON + passed).reset_seconds == reset_seconds


def test_nothing_used_leaves_the_whole_limit_and_nothing_to_wait_for() -> None:
    assert Window().quota(60, NOON) == Quota(60, 60, 0)


def test_with_more_uses_than_a_lowered_limit_as_many_have_to_pass_as_are_too_many() -> None:
    window = Window.of(NOON + n * SECOND for n in range(5))
    assert window.quota(2, NOON + 4 * SECOND) == Quota(2, 0, 59)
    assert window.quota(2, NOON + 63 * SECOND) == Quota(2, 1, 1)


def test_uses_that_are_gone_do_not_count_among_those_that_have_to_pass() -> None:
    uses = [NOON - RATE_WINDOW, NOON - 50 * SECOND, NOON - 40 * SECOND, NOON - 30 * SECOND]
    assert Window.of(uses).quota(2, NOON) == Quota(2, 0, 20)


def test_all_uses_that_are_later_count_as_at_the_instant_and_the_others_as_they_were() -> None:
    before, after = [NOON - 2 * SECOND, NOON - SECOND], [NOON + SECOND] * 3
    window = Window.of([*before, *after])
    window.set_back(NOON)
    assert list(window) == [*before, NOON, NOON, NOON]


def test_windows_of_other_times_are_not_equal_in_either_order() -> None:
    sooner, later = Window.of([NOON]), Window.of([NOON + SECOND])
    assert sooner != later
    assert later != sooner


@given(
    times=st.lists(st.timedeltas(timedelta(0), timedelta(seconds=200)), max_size=30).map(sorted),
    later=st.timedeltas(timedelta(0), timedelta(seconds=100)),
)
def test_what_is_forgotten_would_not_have_counted(times: list[timedelta], later: timedelta) -> None:
    used = [NOON + time for time in times]
    at = (used[-1] if used else NOON) + later
    window = Window()
    for time in [*used, at]:
        window.add(time)
    everything = Window.of([*used, at])
    assert window.quota(10, at) == everything.quota(10, at)
    assert list(window) == [time for time in [*used, at] if time > at - RATE_WINDOW]


@given(
    times=st.lists(st.timedeltas(timedelta(0), timedelta(seconds=200)), max_size=30).map(sorted),
    later=st.timedeltas(timedelta(0), timedelta(seconds=100)),
    limit=st.integers(1, 10),
)
def test_there_is_room_while_something_of_the_limit_is_left(
    times: list[timedelta], later: timedelta, limit: int
) -> None:
    used = [NOON + time for time in times]
    at = (used[-1] if used else NOON) + later
    window = Window.of(used)
    assert window.has_room(limit, at) == (window.quota(limit, at).left > 0)


@given(times=st.lists(st.timedeltas(timedelta(0), timedelta(days=9)), max_size=9).map(sorted))
def test_a_window_can_be_made_again_from_its_times_and_from_numbers(times: list[timedelta]) -> None:
    window = Window.of(NOON + time for time in times)
    assert list(window) == [NOON + time for time in times]
    assert Window.of(window) == Window(window.microseconds) == window


def test_a_copy_changes_by_itself() -> None:
    window = Window.of([NOON])
    copy = window.copy()
    assert copy == window
    copy.add(NOON + SECOND)
    assert (len(window), len(copy)) == (1, 2)
    assert copy != window


def test_a_window_never_remembers_more_than_the_limit() -> None:
    key = a_key(limit=3)
    attempts(key, [SECOND] * 1_000)
    assert len(key.window) <= 3


def test_a_refusal_tells_the_quota() -> None:
    key = a_key(limit=1)
    key.use(cause(NOON), "accepted")
    with pytest.raises(RateLimitedError) as refused:
        key.use(Cause(NOON + SECOND, "x", "-", cause().command_id), "accepted")
    assert refused.value.quota == Quota(1, 0, 59)
