"""Guarantee 40: the instant of a decision is the database's, whatever the clocks of machines say."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from application.ingest import RequestAdmission
from application.pending_command import MISDATED_MAX
from application.replay.limits import breaches
from application.store.clock import AHEAD_SECONDS_MAX, BEHIND_SECONDS_MAX
from application.store.errors import StoreUnavailableError
from domain.api_key import ApiKey
from domain.errors import InvalidApiKeyError, RateLimitedError
from domain.limits import RATE_WINDOW
from tests.support.cast import Cast
from tests.support.faults import FaultyRecorder, check_log
from tests.support.running import another_process
from tests.support.store_clock import DatabaseClock, machine_on

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cast import Bot
    from tests.support.store_clock import Machine

SECOND = timedelta(seconds=1)
OFF = [65.0, -65.0, 86_400.0, -86_400.0]
"""By how much clocks are wrong here, in seconds."""
SLACK = 2 * SECOND
"""How long a command may take here, on a busy machine."""


@pytest.fixture
def database_clock(database_url: str) -> Iterator[DatabaseClock]:
    clock = DatabaseClock(database_url)
    yield clock
    clock.put_right()


@pytest.fixture
def machine(database_clock: DatabaseClock) -> Iterator[Machine]:
    with machine_on(database_clock.owner_url) as machine:
        yield machine


@pytest.fixture
def other(database_clock: DatabaseClock) -> Iterator[Machine]:
    with machine_on(database_clock.owner_url) as machine:
        yield machine


def bot_of(machine: Machine, *, limit: int = 3, expires_at: datetime | None = None) -> Bot:
    return Cast(machine.application).bot(limit=limit, expires_at=expires_at)


def use(bot: Bot, machine: Machine) -> timedelta | None:
    """Use a key through a machine; return None when it got in, or for how long it is told to wait."""
    answer = bot.through(machine.application).use()
    return None if answer.error is None else answer.quota.reset_seconds * SECOND


def times_of(machine: Machine, bot: Bot, kind: type = ApiKey.Used) -> list[datetime]:
    return [event.timestamp for event in machine.application.events(bot.key_id) if isinstance(event, kind)]


def check_limits(machine: Machine, bot: Bot) -> None:
    """What `rpawatch audit limits` checks, of this key."""
    found = breaches(machine.application.event_sourcing, None, lambda *_: None)
    assert [breach.text for breach in found if breach.key_id == bot.key_id] == []
    assert [breach.text for breach in breaches(machine.application.event_sourcing, bot.key_id, lambda *_: None)] == []


@pytest.mark.parametrize("off", OFF)
def test_the_clock_of_a_machine_decides_nothing(machine: Machine, other: Machine, off: float) -> None:
    bot = bot_of(machine)
    other.wall_off = off
    outcomes = [use(bot, one) for one in (machine, other) * 6]
    assert [wait is None for wait in outcomes] == [True] * 3 + [False] * 9
    assert all(wait is None or RATE_WINDOW - 2 * SLACK <= wait <= RATE_WINDOW for wait in outcomes)
    check_limits(machine, bot)


@pytest.mark.parametrize("off", OFF)
def test_a_process_that_is_wrong_about_the_time_harms_nobody(
    machine: Machine, other: Machine, database_clock: DatabaseClock, off: float
) -> None:
    """It stood still with its counter, or that was set, which nobody can."""
    bot = bot_of(machine)
    assert use(bot, other) is None
    other.counter_off += off
    began = database_clock.now()
    assert use(bot, other) is None
    assert began - SECOND <= times_of(other, bot)[-1] <= database_clock.now()
    assert use(bot, machine) is None
    other.counter_off += off
    wait = use(bot, other)
    assert wait is not None
    assert RATE_WINDOW - 2 * SLACK <= wait <= RATE_WINDOW
    check_limits(machine, bot)
    check_log(machine.application.log_after(0))


@pytest.mark.parametrize("off", OFF)
def test_what_is_refused_without_an_event_is_decided_at_the_database_s_time_too(
    machine: Machine, other: Machine, database_clock: DatabaseClock, off: float
) -> None:
    bot = bot_of(machine, limit=1)
    assert [use(bot, one) is None for one in (other, other)] == [True, False]
    question = RequestAdmission(key_id=bot.key_id)
    for one in (machine, other):
        one.counter_off += off
        before = one.application.position()
        refusal = one.application.execute(question)
        assert isinstance(refusal.error, RateLimitedError)
        assert RATE_WINDOW - 3 * SLACK <= refusal.quota.reset_seconds * SECOND <= RATE_WINDOW
        assert one.application.position() == before
    database_clock.advance(RATE_WINDOW)
    for one in (machine, other):
        assert one.application.execute(question) is None
    assert use(bot, other) is None


@pytest.mark.parametrize("off", OFF)
def test_an_expiry_holds_by_the_database_s_clock(
    machine: Machine, other: Machine, database_clock: DatabaseClock, off: float
) -> None:
    end = database_clock.now() + timedelta(days=3)
    bot = bot_of(machine, limit=60, expires_at=end)
    assert use(bot, other) is None
    other.counter_off, other.wall_off = off, off
    assert use(bot, other) is None
    database_clock.advance(timedelta(days=3) - 30 * SECOND)
    other.counter_off += off
    assert use(bot, other) is None
    database_clock.advance(30 * SECOND)
    for one in (machine, other):
        one.counter_off += off
        for _ in range(2):
            with pytest.raises(InvalidApiKeyError):
                use(bot, one)
    check_limits(machine, bot)


def test_a_process_that_never_learns_the_time_is_refused_soon(machine: Machine) -> None:
    bot = bot_of(machine)
    assert use(bot, machine) is None
    real, decided = machine.clock.__call__, 0

    def wrong(_: object) -> datetime:
        nonlocal decided
        decided += 1
        return real() - (BEHIND_SECONDS_MAX + 1) * SECOND

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(machine.clock), "__call__", wrong)
        with pytest.raises(StoreUnavailableError, match="time"):
            use(bot, machine)
    assert decided <= 2 * (MISDATED_MAX + 1)
    assert len(times_of(machine, bot)) == 1
    assert use(bot, machine) is None


def test_nothing_is_decided_before_the_database_s_clock_was_read(database_url: str) -> None:
    with machine_on(database_url) as machine:
        with pytest.raises(StoreUnavailableError):
            machine.clock()
        assert machine.clock.machine_ahead_seconds is None
        bot_of(machine)  # a command reads it first
        assert abs(machine.clock() - datetime.now(UTC)) < SLACK


@pytest.mark.parametrize("by", [1.5, -1.5, BEHIND_SECONDS_MAX + 0.5, *OFF])
def test_the_append_refuses_what_was_decided_at_another_time_and_then_it_is_decided_again(
    machine: Machine, database_clock: DatabaseClock, by: float
) -> None:
    bot = bot_of(machine, limit=60)
    assert use(bot, machine) is None
    recorder = FaultyRecorder.under(machine.application)
    database_clock.advance(by * SECOND)
    began = database_clock.now()
    assert use(bot, machine) is None
    was_refused = by < -AHEAD_SECONDS_MAX or by > BEHIND_SECONDS_MAX
    assert recorder.appends == 1 + was_refused
    if was_refused:
        # Of the stream, time stands still while it is less behind than right clocks can be.
        assert times_of(machine, bot)[-1] >= began
    assert abs(times_of(machine, bot)[-1] - database_clock.now()) < BEHIND_SECONDS_MAX * SECOND
    assert abs(machine.clock() - database_clock.now()) < SECOND / 2, "and now it knows"
    check_limits(machine, bot)


@pytest.mark.parametrize("by", OFF)
def test_across_a_fail_over_to_a_server_with_another_clock_the_limit_holds_by_that_one(
    machine: Machine, other: Machine, database_clock: DatabaseClock, by: float
) -> None:
    bot = bot_of(machine)
    assert [use(bot, one) is None for one in (machine, other) * 2] == [True, True, True, False]
    database_clock.advance(by * SECOND)
    taken_over = database_clock.now()
    with capture_logs() as logs:
        outcomes = [use(bot, one) for one in (machine, other) * 3]
    assert [wait is None for wait in outcomes] == [by > 0] * 3 + [False] * 3
    assert all(wait is None or RATE_WINDOW - 3 * SLACK <= wait <= RATE_WINDOW for wait in outcomes)
    newest = machine.application.events(bot.key_id)[-1].timestamp
    assert taken_over <= newest <= database_clock.now()
    steps = [line for line in logs if line["event"] == "database_clock_stepped"]
    assert {round(line["by_seconds"] / by, 1) for line in steps} == {1.0}
    assert len(steps) == 2, "once for each machine"
    wait = outcomes[-1]
    assert wait is not None
    database_clock.advance(wait)
    assert [use(bot, one) is None for one in (machine, other)] == [True, True], "Retry-After was true"
    check_limits(machine, bot)
    check_log(machine.application.log_after(0))


def test_a_database_s_clock_that_jumps_for_a_while_gives_no_uses_beyond_the_limit(
    machine: Machine, other: Machine, database_clock: DatabaseClock
) -> None:
    bot = bot_of(machine, limit=5)
    let_in = 0
    for by in (0.3, -0.3, 0.8, -0.8, 2, -2, 4, -4):
        database_clock.advance(by * SECOND)
        let_in += [use(bot, one) is None for one in (machine, other)].count(True)
    assert let_in == 5
    check_limits(machine, bot)


@pytest.mark.parametrize("ahead", [timedelta(seconds=65), timedelta(days=1)])
def test_a_stream_that_holds_a_stamp_in_the_future_heals(
    machine: Machine, other: Machine, database_clock: DatabaseClock, database_url: str, ahead: timedelta
) -> None:
    """Such as a release before this one has left, where a machine's clock was ahead."""
    bot = bot_of(machine, limit=2)
    with another_process(database_url, lambda: datetime.now(UTC) + ahead) as wrong:
        for _ in range(2):
            assert bot.through(wrong).use().error is None
    waits = [use(bot, one) for one in (machine, other) * 2]
    assert all(wait is not None and wait <= RATE_WINDOW for wait in waits)
    assert len(times_of(machine, bot, ApiKey.Throttled)) == 1
    database_clock.advance(RATE_WINDOW - 2 * SLACK)
    assert use(bot, other) is not None
    database_clock.advance(2 * SLACK)
    assert [use(bot, one) is None for one in (machine, other, machine)] == [True, True, False]
    check_limits(machine, bot)
    bot.through(machine.application).use()
    key = machine.application.event_sourcing.find(ApiKey, bot.key_id)
    assert key is not None
    assert key.last_used_at is not None
    assert abs(key.last_used_at - database_clock.now()) < RATE_WINDOW


def test_a_large_decision_that_takes_long_is_not_taken_for_a_wrong_clock(machine: Machine) -> None:
    bot = bot_of(machine)
    recorder = FaultyRecorder.under(machine.application)
    recorder.before_append = lambda: time.sleep(0.5)
    assert use(bot, machine) is None
    assert recorder.appends == 1
