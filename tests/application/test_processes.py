"""Several processes of the service on one database: what one has done holds in the others on their next request.

Each has its own connections and a warm cache, and nothing tells it that something has changed.
"""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from application.accounts import ChangeAccountSettings, RemoveMember
from domain.api_key import ApiKey
from domain.errors import (
    ForbiddenError,
    InvalidApiKeyError,
    NotFoundError,
    ProcessRetiredError,
    RateLimitedError,
)
from domain.ids import key_id
from domain.limits import CLOCKS_APART_MAX, RATE_WINDOW
from domain.permissions import Role
from tests.support.cast import Bot
from tests.support.effort import effort, seeded_random
from tests.support.examples import SECOND
from tests.support.faults import FaultyRecorder, check_log, check_window
from tests.support.running import another_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.cast import Cast
    from tests.support.clock import FakeClock
    from tests.support.running import Application

THREADS = 16


@pytest.fixture
def other(database_url: str, clock: FakeClock) -> Iterator[Application]:
    """A second process."""
    with another_process(database_url, clock) as other:
        yield other


def test_a_key_that_one_process_has_made_works_in_the_other_at_once(other: Application, cast: Cast) -> None:
    bot = cast.bot()
    assert bot.through(other).report().job is not None


def test_a_key_that_was_looked_for_before_it_was_made_works_at_once(
    application: Application, other: Application, cast: Cast
) -> None:
    command = cast.create_key_command()
    bot = Bot(other, key_id(command.secret.sha256_hex), cast.account_a, cast.flow_a)
    with pytest.raises(InvalidApiKeyError):
        bot.use()
    application.execute(command)
    assert bot.use().key is not None


def test_a_deactivated_key_is_refused_on_the_next_request_in_every_process(
    application: Application, other: Application, cast: Cast
) -> None:
    bot = cast.bot()
    assert bot.through(other).report().job is not None
    application.execute(cast.deactivate_key_command(bot.key_id))
    before = application.position()
    for process in (other, application):
        for command in (bot.report_command(), bot.use_command()):
            with pytest.raises(InvalidApiKeyError):
                process.execute(command)
    assert application.position() == before


def test_a_key_is_deactivated_in_both_processes_once(application: Application, other: Application, cast: Cast) -> None:
    bot = cast.bot()
    bot.through(other).use()
    for process in (application, other):
        process.execute(cast.deactivate_key_command(bot.key_id))
    assert application.kinds(bot.key_id) == ["Created", "Used", "Deactivated"]


def test_a_process_that_was_retired_takes_no_job_in_any_process(
    application: Application, other: Application, cast: Cast
) -> None:
    bot = cast.bot()
    assert bot.through(other).report().job is not None
    application.execute(cast.retire_command())
    answer = bot.through(other).report()
    assert isinstance(answer.error, ProcessRetiredError)
    assert application.kinds(bot.key_id) == ["Created", "Used", "Used"]


def test_a_process_that_was_restored_takes_jobs_in_every_process(
    application: Application, other: Application, cast: Cast
) -> None:
    bot = cast.bot()
    application.execute(cast.retire_command())
    assert isinstance(bot.through(other).report().error, ProcessRetiredError)
    application.execute(cast.retire_command(retired=False))
    assert bot.through(other).report().job is not None


def test_an_account_that_keeps_no_addresses_any_more_gets_none_from_any_process(
    application: Application, other: Application, cast: Cast
) -> None:
    bot = cast.bot()
    bot.through(other).use(address="192.0.2.7")
    application.execute(ChangeAccountSettings(by=cast.caller(cast.account_a), keep_addresses=False))
    bot.through(other).use(address="192.0.2.7")
    addresses = [event.address for event in application.events(bot.key_id) if isinstance(event, ApiKey.Used)]
    assert addresses == ["192.0.2.7", None]


def test_a_right_that_was_taken_away_is_gone_in_every_process(
    application: Application, other: Application, cast: Cast
) -> None:
    key = other.execute(cast.create_key_command()).resource_id
    application.execute(RemoveMember(by=cast.caller(cast.account_a), user_id=UUID(cast.alice)))
    for command in (cast.create_key_command(), cast.deactivate_key_command(key)):
        with pytest.raises(NotFoundError):
            other.execute(command)


def test_a_right_that_was_given_holds_in_every_process(other: Application, cast: Cast) -> None:
    with pytest.raises(ForbiddenError):
        other.execute(cast.create_key_command(by=cast.bob))
    with pytest.raises(NotFoundError):
        other.execute(cast.create_key_command(by=cast.stranger))
    for user in (cast.bob, cast.stranger):
        cast.add_member(user, Role.ACCOUNT_ADMIN, cast.account_a)
        assert other.execute(cast.create_key_command(by=user)).resource_id


def test_the_limit_counts_what_all_processes_let_in(other: Application, cast: Cast, clock: FakeClock) -> None:
    bot = cast.bot(limit=3)
    far = bot.through(other)
    assert [process.use().quota.left for process in (far, bot, far)] == [2, 1, 0]
    for process in (bot, far):
        assert isinstance(process.use().error, RateLimitedError)
    clock.advance(RATE_WINDOW)
    assert far.use().quota.left == 2
    assert bot.use().quota.left == 1


def test_the_last_free_use_goes_to_one_of_two_who_ask_at_the_same_instant(
    application: Application, other: Application, cast: Cast
) -> None:
    bot = cast.bot(limit=1)
    meanwhile = []
    FaultyRecorder.under(application).before_append = lambda: meanwhile.append(bot.through(other).use())
    answer = bot.use()
    assert isinstance(answer.error, RateLimitedError)
    assert meanwhile[0].error is None
    assert application.kinds(bot.key_id) == ["Created", "Used", "Throttled"]


def fire(bots: list[Bot], each: int, before_each: threading.Barrier | None = None) -> Counter[str]:
    """Let every bot report `each` times from a thread of its own; return how often what came of it."""

    def run(bot: Bot) -> list[str]:
        if before_each:
            before_each.wait(10)
        answers = []
        for _ in range(each):
            try:
                answer = bot.report()
            except InvalidApiKeyError:
                answers.append("invalid")
            else:
                answers.append("accepted" if answer.job else type(answer.error).__name__)
        return answers

    with ThreadPoolExecutor(len(bots)) as threads:
        return Counter(outcome for outcomes in threads.map(run, bots) for outcome in outcomes)


def test_two_processes_with_sixteen_threads_each_let_in_exactly_the_limit(
    application: Application, other: Application, cast: Cast
) -> None:
    bot = cast.bot(limit=60)
    outcomes = fire([bot, bot.through(other)] * THREADS, 4, threading.Barrier(2 * THREADS))
    assert outcomes == {"accepted": 60, "RateLimitedError": 2 * THREADS * 4 - 60}
    kinds = application.kinds(bot.key_id)
    assert Counter(kinds) == {"Created": 1, "Used": 60, "Throttled": 1}
    check_log(application.log_after(0))
    check_window(application.events(bot.key_id), 60)


def test_no_minute_holds_more_than_the_limit_while_the_clock_runs_and_machines_disagree_as_they_may(
    application: Application, database_url: str, cast: Cast, clock: FakeClock
) -> None:
    chance, lock, limit = seeded_random(), threading.Lock(), 5

    def clock_of_another_machine() -> object:
        with lock:
            clock.advance(timedelta(seconds=chance.uniform(0, 4)))
            return clock.now + chance.uniform(-0.5, 0.5) * CLOCKS_APART_MAX

    bot = cast.bot(limit=limit)
    with another_process(database_url, clock_of_another_machine) as other:  # type: ignore[arg-type] # tells the time
        outcomes = fire([bot, bot.through(other)] * 4, effort(15, 500))
    assert outcomes["accepted"] > limit
    assert set(outcomes) <= {"accepted", "RateLimitedError"}
    events = application.events(bot.key_id)
    assert sum(isinstance(event, ApiKey.Used) for event in events) == outcomes["accepted"]
    check_window(events, limit)
    check_log(application.log_after(0))


def use_until_it_is_refused(bot: Bot, acknowledged: threading.Event, stop: threading.Event) -> tuple[int, int]:
    """Return how many uses were accepted, and how many of them were asked for after the acknowledgement."""
    accepted = too_late = 0
    while not stop.is_set():
        was_acknowledged = acknowledged.is_set()
        try:
            answer = bot.use()
        except InvalidApiKeyError:
            break
        accepted += answer.error is None
        too_late += was_acknowledged
    return accepted, too_late


def test_no_use_is_accepted_anywhere_after_the_deactivation_was_acknowledged(
    application: Application, other: Application, cast: Cast, clock: FakeClock
) -> None:
    for _ in range(effort(5, 200)):
        bot, acknowledged, stop = cast.bot(limit=10_000), threading.Event(), threading.Event()
        with ThreadPoolExecutor(6) as threads:
            try:
                uses = [
                    threads.submit(use_until_it_is_refused, bot.through(process), acknowledged, stop)
                    for process in [application, other] * 3
                ]
                clock.advance(SECOND)
                other.execute(cast.deactivate_key_command(bot.key_id))
                acknowledged.set()
                counts = [use.result(20) for use in uses]
            finally:
                stop.set()
        kinds = application.kinds(bot.key_id)
        assert sum(too_late for _, too_late in counts) == 0
        assert kinds == ["Created"] + ["Used"] * sum(accepted for accepted, _ in counts) + ["Deactivated"]
