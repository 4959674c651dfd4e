"""Keys as admins change and rotate them, one process or two, and what an account's suspension does to them."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.accounts import ChangeAccountSettings, RenameAccount, ResumeAccount, SuspendAccount
from application.admin import IdempotentRequest
from application.keys import CountRefusals
from domain.account import Account
from domain.api_key import ApiKey, KeyStatus
from domain.errors import (
    AccountSuspendedError,
    AlreadyRotatedError,
    ForbiddenError,
    InvalidApiKeyError,
    InvalidInputError,
    KeyEndedError,
    NotFoundError,
    ProcessRetiredError,
    RateLimitedError,
)
from domain.ids import key_id
from domain.key_secret import generate
from domain.limits import CLOCKS_APART_MAX, RATE_WINDOW
from tests.support.cast import Bot
from tests.support.effort import effort
from tests.support.examples import MICROSECOND, SECOND
from tests.support.faults import check_log, check_window
from tests.support.running import another_process
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tests.support.cast import Cast
    from tests.support.clock import FakeClock
    from tests.support.running import Application

DAY = timedelta(days=1)


@pytest.fixture
def other(database_url: str, clock: FakeClock) -> Iterator[Application]:
    """A second process."""
    with another_process(database_url, clock) as other:
        yield other


def the_key(application: Application, key: UUID) -> ApiKey:
    found = application.event_sourcing.find(ApiKey, key)
    assert found is not None
    return found


# Changing


def test_a_change_holds_on_the_next_request_in_every_process(
    application: Application, other: Application, cast: Cast, clock: FakeClock
) -> None:
    bot = cast.bot(limit=60)
    for process in (application, other) * 15:
        assert bot.through(process).use().error is None
    application.execute(cast.change_key_command(bot.key_id, limit=10))
    for process in (application, other):
        assert isinstance(bot.through(process).use().error, RateLimitedError)
    other.execute(cast.change_key_command(bot.key_id, limit=32))
    assert [bot.through(process).use().quota.left for process in (application, other)] == [1, 0]
    clock.advance(RATE_WINDOW)
    assert bot.use().quota.left == 31


def test_a_lowered_limit_lets_nobody_in_until_enough_uses_have_passed_and_a_raised_one_at_once_under_fire(
    application: Application, other: Application, cast: Cast, clock: FakeClock
) -> None:
    bot = cast.bot(limit=60)
    for _ in range(30):
        bot.use()
        clock.advance(SECOND)
    application.execute(cast.change_key_command(bot.key_id, limit=10))
    assert fire(bot, application, other) == {"RateLimitedError": 64}
    # The last ten of the thirty were used in the seconds 20 to 29, and this is second 30.
    clock.advance(timedelta(seconds=50) - MICROSECOND)
    assert fire(bot, application, other) == {"RateLimitedError": 64}
    clock.advance(MICROSECOND)
    assert fire(bot, application, other) == {"RateLimitedError": 63, "ok": 1}
    application.execute(cast.change_key_command(bot.key_id, limit=25))
    assert fire(bot, application, other) == {"RateLimitedError": 49, "ok": 15}
    check_log(application.log_after(0))


def fire(bot: Bot, *processes: Application) -> Counter[str]:
    """Use a key 64 times, from 16 threads at once."""
    start = threading.Barrier(16)

    def run(number: int) -> list[str]:
        start.wait(10)
        answers = [bot.through(processes[number % len(processes)]).use() for _ in range(4)]
        return [type(answer.error).__name__ if answer.error else "ok" for answer in answers]

    with ThreadPoolExecutor(16) as threads:
        return Counter(outcome for outcomes in threads.map(run, range(16)) for outcome in outcomes)


def test_all_that_is_changed_at_once_is_changed_or_nothing(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    before = application.position()
    with pytest.raises(InvalidInputError):
        application.execute(cast.change_key_command(bot.key_id, name="x", limit=10**9))
    assert application.position() == before


# Rotating


def rotated(application: Application, cast: Cast, bot: Bot, overlap: timedelta = DAY, **more: Any) -> Bot:
    secret = generate()
    outcome = application.execute(cast.rotate_key_command(bot.key_id, secret=secret, overlap=overlap, **more))
    assert outcome.resource_id == key_id(secret.sha256_hex)
    return Bot(application, outcome.resource_id, bot.account_id, bot.flow_id)


def test_the_new_key_is_like_the_old_one_and_both_know_each_other(application: Application, cast: Cast) -> None:
    old = cast.bot(flow_id=cast.flow_a, limit=7)
    new = rotated(application, cast, old)
    before, after = the_key(application, old.key_id), the_key(application, new.key_id)
    assert (after.name, after.flow_id, after.limit, after.account_id) == (
        before.name,
        before.flow_id,
        before.limit,
        before.account_id,
    )
    assert (before.rotated_to, after.rotated_from) == (new.key_id, old.key_id)
    assert (before.rotated_from, after.rotated_to) == (None, None)
    assert after.created_by == cast.alice


def test_both_work_until_the_instant_and_the_old_one_no_longer_in_any_process(
    application: Application, other: Application, cast: Cast, clock: FakeClock
) -> None:
    old = cast.bot()
    new = rotated(application, cast, old, timedelta(hours=1))
    clock.advance(timedelta(hours=1) - MICROSECOND)
    for process in (application, other):
        assert old.through(process).report().job is not None
        assert new.through(process).report().job is not None
    clock.advance(MICROSECOND)
    for process in (application, other):
        with pytest.raises(InvalidApiKeyError):
            old.through(process).report()
        assert new.through(process).report().job is not None
    assert the_key(application, old.key_id).status(clock.now) == KeyStatus.EXPIRED


def test_without_overlap_the_old_one_ends_in_the_transaction_that_makes_the_new_one(
    application: Application, other: Application, cast: Cast
) -> None:
    old = cast.bot()
    old.through(other).use()
    before = application.position()
    new = rotated(application, cast, old, timedelta(0))
    assert [row.topic for row in application.log_after(before)] == [
        "api_key.rotated",
        "api_key.deactivated",
        "api_key.created",
    ]
    for process in (application, other):
        with pytest.raises(InvalidApiKeyError):
            old.through(process).use()
        assert new.through(process).use().error is None


def test_the_new_key_has_a_limit_of_its_own_to_use_up(application: Application, cast: Cast) -> None:
    old = cast.bot(limit=1)
    old.use()
    assert rotated(application, cast, old).use().quota.left == 0
    assert isinstance(old.use().error, RateLimitedError)


def test_the_new_key_lives_as_long_as_the_old_one_was_made_for_unless_it_is_said(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    old = cast.bot(expires_at=clock.now + 30 * DAY)
    clock.advance(20 * DAY)
    new = rotated(application, cast, old)
    assert the_key(application, new.key_id).expires_at == clock.now + 30 * DAY
    newer = rotated(application, cast, new, expires_at=clock.now + DAY)
    assert the_key(application, newer.key_id).expires_at == clock.now + DAY
    assert the_key(application, rotated(application, cast, cast.bot()).key_id).expires_at is None


def test_a_key_of_a_retired_process_is_not_rotated(application: Application, cast: Cast) -> None:
    bot = cast.bot(flow_id=cast.flow_a)
    application.execute(cast.retire_command())
    with pytest.raises(ProcessRetiredError):
        application.execute(cast.rotate_key_command(bot.key_id))
    assert application.kinds(bot.key_id) == ["Created"]


def test_a_key_that_has_ended_is_neither_changed_nor_rotated(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    application.execute(cast.deactivate_key_command(bot.key_id))
    for command in (cast.change_key_command(bot.key_id, name="x"), cast.rotate_key_command(bot.key_id)):
        with pytest.raises(KeyEndedError):
            application.execute(command)


def test_a_repeat_with_the_same_idempotency_key_names_the_one_key(application: Application, cast: Cast) -> None:
    bot, once = cast.bot(), IdempotentRequest("once", "0" * 64)
    first = application.execute(cast.rotate_key_command(bot.key_id, idempotency=once))
    again = application.execute(cast.rotate_key_command(bot.key_id, idempotency=once))
    assert (again.resource_id, again.replayed) == (first.resource_id, True)
    with pytest.raises(AlreadyRotatedError) as refused:
        application.execute(cast.rotate_key_command(bot.key_id))
    assert refused.value.resource_id == first.resource_id


@pytest.mark.parametrize(
    ("who", "refusal"),
    [("bob", ForbiddenError), ("aud", ForbiddenError), ("con", ForbiddenError), ("carol", NotFoundError)],
)
def test_who_may_not_write_keys_may_neither_change_nor_rotate_them(
    application: Application, cast: Cast, who: str, refusal: type[Exception]
) -> None:
    bot = cast.bot()
    by = cast.people[who]
    for command in (
        cast.change_key_command(bot.key_id, by=by, name="x"),
        cast.rotate_key_command(bot.key_id, by=by),
    ):
        with pytest.raises(refusal):
            application.execute(command)


def test_another_accounts_key_is_neither_changed_nor_rotated(application: Application, cast: Cast) -> None:
    bot = cast.bot(cast.account_b)
    for key in (bot.key_id, uuid4()):
        for command in (cast.change_key_command(key, name="x"), cast.rotate_key_command(key)):
            with pytest.raises(NotFoundError):
                application.execute(command)


def test_of_those_who_rotate_and_deactivate_at_once_one_wins_and_never_two_successors_live(
    application: Application, other: Application, cast: Cast
) -> None:
    for _ in range(effort(10, 100)):
        bot = cast.bot()
        commands = [
            (process, command)
            for process in (application, other)
            for command in (
                cast.rotate_key_command(bot.key_id),
                cast.rotate_key_command(bot.key_id, overlap=DAY),
                cast.deactivate_key_command(bot.key_id, reason="leaked"),
            )
        ]
        start = threading.Barrier(len(commands))

        def run(asked: tuple[Application, Any], start: threading.Barrier = start) -> str:
            start.wait(10)
            try:
                asked[0].execute(asked[1])
            except (AlreadyRotatedError, KeyEndedError) as refusal:
                return type(refusal).__name__
            return type(asked[1]).__name__

        with ThreadPoolExecutor(len(commands)) as threads:
            outcomes = Counter(threads.map(run, commands))
        assert outcomes["DeactivateKey"] == 2
        assert outcomes["RotateKey"] <= 1
        key = the_key(application, bot.key_id)
        assert key.deactivated_at is not None
        successors = [
            row.originator_id
            for row in application.log_after(0)
            if row.topic == "api_key.created" and str(bot.key_id).encode() in row.state
        ]
        assert successors == ([key.rotated_to] if key.rotated_to else [])
        assert bool(successors) is bool(outcomes["RotateKey"])
    check_log(application.log_after(0))


def test_a_bot_that_switches_inside_the_overlap_loses_no_report(
    application: Application, other: Application, cast: Cast, clock: FakeClock
) -> None:
    old = cast.bot(limit=10_000)
    before = application.position()
    switched, stop = threading.Event(), threading.Event()
    new: list[Bot] = []
    reported: list[list[UUID]] = [[] for _ in range(6)]

    def report(process: Application, jobs: list[UUID]) -> None:
        while not stop.is_set():
            bot = new[0] if switched.is_set() else old
            answer = bot.through(process).report()
            assert answer.job is not None, answer
            jobs.append(answer.job.id)

    def have_reported(goals: list[int]) -> bool:
        return all(len(jobs) >= goal for jobs, goal in zip(reported, goals, strict=True))

    def let_pass(time: timedelta) -> None:
        """A clock that jumps while a report is decided is two clocks that are apart, so it goes on in small steps."""
        step = CLOCKS_APART_MAX / 2
        while time > timedelta(0):
            clock.advance(min(step, time))
            time -= step
            goals = [len(jobs) + 1 for jobs in reported]
            wait_until(partial(have_reported, goals), "what was under way has been decided")

    with ThreadPoolExecutor(6) as threads:
        try:
            processes = (application, other) * 3
            reporting = [threads.submit(report, *each) for each in zip(processes, reported, strict=True)]
            new.append(rotated(application, cast, old, timedelta(minutes=1)))
            let_pass(timedelta(seconds=30))
            switched.set()
            while the_key(application, new[0].key_id).uses < 20:
                pass
            let_pass(timedelta(seconds=30))
            for process in (application, other):
                with pytest.raises(InvalidApiKeyError):
                    old.through(process).report()
        finally:
            stop.set()
        for done in reporting:
            done.result(20)
    jobs = [job for found in reported for job in found]
    rows = application.log_after(before)
    check_log(rows)
    assert Counter(row.originator_id for row in rows if row.topic == "job.reported") == Counter(jobs)
    uses = [bot.key_id for bot in (old, new[0]) for _ in range(the_key(application, bot.key_id).uses)]
    assert len(uses) == len(jobs)
    check_window(application.events(old.key_id), 10_000)


# After the end


def count(bot: Bot, clock: FakeClock, attempts: int = 1) -> CountRefusals:
    return CountRefusals(key_id=bot.key_id, attempts=attempts, last_attempt_at=clock.now, address="192.0.2.7")


def test_attempts_after_the_end_are_counted_on_the_key(application: Application, cast: Cast, clock: FakeClock) -> None:
    bot = cast.bot()
    application.execute(count(bot, clock))
    application.execute(cast.deactivate_key_command(bot.key_id))
    application.execute(count(bot, clock, 17))
    key = the_key(application, bot.key_id)
    assert (key.refusals, key.refused_at, key.refused_address) == (17, clock.now, "192.0.2.7")


def test_an_address_is_kept_only_where_the_account_keeps_them(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    bot = cast.bot()
    application.execute(cast.deactivate_key_command(bot.key_id))
    application.execute(ChangeAccountSettings(by=cast.caller(cast.account_a), keep_addresses=False))
    application.execute(count(bot, clock))
    assert the_key(application, bot.key_id).refused_address is None


def test_attempts_with_a_key_that_is_not_there_are_counted_nowhere(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    before = application.position()
    application.execute(count(Bot(application, uuid4(), cast.account_a, cast.flow_a), clock))
    assert application.position() == before


# The account


def suspend(cast: Cast, by: str | None = None, reason: str | None = None) -> SuspendAccount:
    return SuspendAccount(by=cast.caller(cast.account_a, by=by or cast.tess), reason=reason)


def resume(cast: Cast) -> ResumeAccount:
    return ResumeAccount(by=cast.caller(cast.account_a, by=cast.tess))


def test_a_suspended_account_takes_nothing_in_any_process_until_it_is_resumed(
    application: Application, other: Application, cast: Cast
) -> None:
    bot = cast.bot()
    reported = bot.through(other).report(idempotency_key="order-1")
    application.execute(suspend(cast, reason="under review"))
    for process in (other, application):
        for answer in (
            bot.through(process).use(),
            bot.through(process).report(),
            bot.through(process).report(idempotency_key="order-1"),
            bot.through(process).report(refused=("invalid-report", ValueError("broken"))),
        ):
            assert isinstance(answer.error, AccountSuspendedError)
            assert (answer.job, answer.key) == (None, None)
    # Each is a use, as every request of a key that was let in.
    assert application.kinds(bot.key_id) == ["Created"] + ["Used"] * 9
    assert cast.bot(cast.account_b).through(other).report().job is not None
    application.execute(resume(cast))
    again = bot.through(other).report(idempotency_key="order-1")
    assert reported.job is not None
    assert again.job is not None
    assert (again.replayed, again.job.id) == (True, reported.job.id)
    assert bot.use().key is not None


def test_what_an_admin_does_in_a_suspended_account_goes_on(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    application.execute(suspend(cast))
    application.execute(cast.deactivate_key_command(bot.key_id))
    with pytest.raises(InvalidApiKeyError):
        bot.use()


@pytest.mark.parametrize("who", ["alice", "bob", "aud", "con"])
def test_only_the_tenants_admin_suspends(application: Application, cast: Cast, who: str) -> None:
    with pytest.raises(ForbiddenError):
        application.execute(suspend(cast, by=cast.people[who]))


@pytest.mark.parametrize(("who", "allowed"), [("alice", True), ("tess", True), ("aud", False), ("bob", False)])
def test_who_administers_an_account_renames_it(
    application: Application, cast: Cast, who: str, *, allowed: bool
) -> None:
    command = RenameAccount(by=cast.caller(cast.account_a, by=cast.people[who]), name="Another name")
    if not allowed:
        with pytest.raises(ForbiddenError):
            application.execute(command)
        return
    application.execute(command)
    account = application.event_sourcing.find(Account, cast.account_a)
    assert account is not None
    assert account.name == "Another name"
