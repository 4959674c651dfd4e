"""A report: decided with the use of the key, and appended with it or not at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from application.accounts import ChangeAccountSettings
from application.ingest import ReadOwnKey
from application.store.staging import StagedStates
from domain.api_key import ApiKey
from domain.errors import (
    IdempotencyKeyReuseError,
    InvalidApiKeyError,
    KeyScopeError,
    ProcessNotFoundError,
    ProcessRetiredError,
    RateLimitedError,
)
from domain.ids import job_id
from domain.job import Job
from domain.limits import CLOCKS_APART_MAX, RATE_WINDOW
from domain.rate_limit import Quota
from tests.support.clock import NOON
from tests.support.examples import SECOND

if TYPE_CHECKING:
    from uuid import UUID

    from tests.support.cast import Bot, Cast
    from tests.support.clock import FakeClock
    from tests.support.running import Application


def the_use(application: Application, key: UUID) -> ApiKey.Used:
    """Return the one use of a key."""
    (used,) = [event for event in application.events(key) if isinstance(event, ApiKey.Used)]
    return used


def test_an_accepted_report_is_a_use_and_a_job_appended_together(
    application: Application, cast: Cast, database_url: str
) -> None:
    bot, before = cast.bot(), application.position()
    done = application.command_queue.execute(bot.report_command())
    job = done.result.job
    assert isinstance(job, Job)
    assert (done.result.replayed, done.result.quota, done.result.error) == (False, Quota(60, 59, 60), None)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT topic, originator_id, originator_version, notification_id, xmin::text FROM rpawatch.events"
            " WHERE notification_id > %s ORDER BY notification_id",
            (before,),
        ).fetchall()
    assert {(row[0], row[1], row[2]) for row in rows} == {
        ("api_key.used", bot.key_id, 2),
        ("job.reported", job.id, 1),
    }
    assert rows[1][3] - rows[0][3] == 1
    assert rows[0][4] == rows[1][4], "one transaction"
    assert done.position == rows[1][3]


def test_a_use_says_what_came_of_it_and_when_and_from_where(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    bot = cast.bot()
    clock.advance(SECOND)
    command = bot.report_command(address="2001:db8::7")
    job = application.execute(command).job
    used = the_use(application, bot.key_id)
    assert (used.outcome, used.problem, used.job_id, used.address) == ("accepted", None, job.id, "2001:db8::7")
    assert (used.actor, used.command_id, used.timestamp) == (str(bot.key_id), command.command_id, NOON + SECOND)
    assert job.received_at == used.timestamp


def test_the_job_is_what_was_reported(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    answer = bot.report(details=[{"sequence_no": 1, "status": "failed"}], data={"a": None}, external_id="INV-1")
    assert answer.job is not None
    (reported,) = application.events(answer.job.id)
    assert isinstance(reported, Job.Reported)
    assert (reported.account_id, reported.flow_id) == (cast.account_a, cast.flow_a)
    assert (reported.status, reported.data, reported.external_id) == ("failed", '{"a":null}', "INV-1")
    assert reported.request_digest is None


def test_an_account_that_keeps_no_addresses_gets_none(application: Application, cast: Cast) -> None:
    bot = cast.bot(limit=1)
    application.execute(ChangeAccountSettings(by=cast.caller(cast.account_a, by=cast.tess), keep_addresses=False))
    bot.report(address="192.0.2.7")
    bot.report(address="192.0.2.7")
    _, used, throttled = application.events(bot.key_id)
    assert isinstance(used, ApiKey.Used)
    assert isinstance(throttled, ApiKey.Throttled)
    assert used.address is throttled.address is None


@pytest.mark.parametrize("kind", ["unknown", "deactivated", "expired"])
def test_a_key_that_is_not_valid_is_refused_and_nothing_is_appended(
    application: Application, cast: Cast, clock: FakeClock, kind: str
) -> None:
    bot = cast.bot(expires_at=NOON + SECOND)
    commands = [bot.report_command(), bot.use_command(), bot.report_command(refused=("malformed-json", ValueError()))]
    if kind == "unknown":
        stranger = type(bot)(application, uuid4(), bot.account_id, bot.flow_id)
        commands = [stranger.report_command(), stranger.use_command()]
    elif kind == "deactivated":
        application.execute(cast.deactivate_key_command(bot.key_id))
    else:
        clock.advance(SECOND)
    before = application.position()
    for command in commands:
        with pytest.raises(InvalidApiKeyError):
            application.execute(command)
    assert application.position() == before


def test_a_key_lets_in_until_the_microsecond_before_it_expires(cast: Cast, clock: FakeClock) -> None:
    bot = cast.bot(expires_at=NOON + SECOND)
    clock.advance(SECOND - timedelta(microseconds=1))
    assert bot.report().job is not None


def test_a_stream_of_another_kind_is_no_key(application: Application, cast: Cast) -> None:
    for stream in (cast.account_a, cast.tenant_id):
        with pytest.raises(InvalidApiKeyError):
            application.execute(ReadOwnKey(key_id=stream))


@pytest.mark.parametrize(
    ("slug", "error"),
    [
        ("key-scope", KeyScopeError),
        ("process-not-found", ProcessNotFoundError),
        ("process-retired", ProcessRetiredError),
        ("idempotency-key-reuse", IdempotencyKeyReuseError),
        ("malformed-json", ValueError),
    ],
)
def test_a_rejected_report_is_a_use_that_names_the_problem_and_makes_no_job(
    application: Application, cast: Cast, slug: str, error: type[Exception]
) -> None:
    bot = cast.bot(flow_id=cast.flow_a)
    command = bot.report_command()
    if slug == "key-scope":
        command = bot.report_command(flow_id=cast.other_flow_a)
    elif slug == "process-not-found":
        command = bot.report_command(flow_id=uuid4())
    elif slug == "process-retired":
        application.execute(cast.retire_command())
    elif slug == "idempotency-key-reuse":
        cast.bot().report(idempotency_key="order-1", body="one")
        command = bot.report_command(idempotency_key="order-1", body="other")
    else:
        command = bot.report_command(refused=(slug, ValueError("not JSON")))
    before = application.position()
    answer = application.execute(command)
    assert (type(answer.error), answer.job, answer.quota.left) == (error, None, 59)
    (row,) = application.log_after(before)
    assert row.topic == "api_key.used"
    used = the_use(application, bot.key_id)
    assert (used.outcome, used.problem, used.job_id) == ("rejected", slug, None)


def test_a_process_of_another_account_and_one_that_is_nowhere_look_the_same(
    application: Application, cast: Cast
) -> None:
    bots = [cast.bot(), cast.bot()]
    answers = [bot.report(flow_id=flow) for bot, flow in zip(bots, (cast.flow_b, uuid4()), strict=True)]
    uses = [the_use(application, bot.key_id) for bot in bots]
    assert [repr(answer.error) for answer in answers] == ["ProcessNotFoundError()"] * 2
    assert answers[0].quota == answers[1].quota
    assert len({(used.outcome, used.problem, used.job_id) for used in uses}) == 1


def test_a_scoped_key_gets_at_nothing_but_its_process(cast: Cast) -> None:
    bot = cast.bot(flow_id=cast.flow_a)
    assert bot.report().job is not None
    assert isinstance(bot.report(flow_id=cast.other_flow_a).error, KeyScopeError)
    assert isinstance(bot.report(flow_id=cast.flow_b).error, ProcessNotFoundError)


def test_a_restored_process_takes_jobs_again(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    application.execute(cast.retire_command())
    assert isinstance(bot.report().error, ProcessRetiredError)
    application.execute(cast.retire_command(retired=False))
    assert bot.report().job is not None


def test_the_same_report_again_is_answered_with_the_same_job_and_is_a_use(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    bot = cast.bot()
    first = bot.report(idempotency_key="order-1")
    clock.advance(SECOND)
    before = application.position()
    again = bot.report(idempotency_key="order-1")
    assert first.job is not None
    assert again.job is not None
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.job.id, again.job.received_at) == (first.job.id, NOON)
    assert first.job.id == job_id(cast.account_a, "order-1")
    assert [row.topic for row in application.log_after(before)] == ["api_key.used"]
    used = application.events(bot.key_id)[-1]
    assert isinstance(used, ApiKey.Used)
    assert (used.outcome, used.job_id) == ("replayed", first.job.id)


def test_a_report_is_replayed_also_with_another_key_of_the_account_and_after_its_process_was_retired(
    application: Application, cast: Cast
) -> None:
    first = cast.bot().report(idempotency_key="order-1")
    application.execute(cast.retire_command())
    again = cast.bot(account_id=cast.account_a).report(idempotency_key="order-1")
    assert first.job is not None
    assert again.job is not None
    assert (again.replayed, again.job.id) == (True, first.job.id)


def test_the_same_idempotency_key_with_another_body_is_refused_and_the_first_job_stays(
    application: Application, cast: Cast
) -> None:
    bot = cast.bot()
    first = bot.report(idempotency_key="order-1", body="one")
    other = bot.report(idempotency_key="order-1", body="other")
    assert isinstance(other.error, IdempotencyKeyReuseError)
    assert first.job is not None
    assert application.kinds(first.job.id) == ["Reported"]
    assert bot.report(idempotency_key="order-1", body="one").replayed


def test_accounts_do_not_share_idempotency_keys(cast: Cast) -> None:
    ours, theirs = cast.bot(), cast.bot(cast.account_b)
    answers = [bot.report(idempotency_key="order-1") for bot in (ours, theirs)]
    assert [answer.replayed for answer in answers] == [False, False]
    assert len({answer.job.id for answer in answers if answer.job}) == 2


def test_an_idempotency_key_that_is_a_flow_id_is_just_a_key(cast: Cast) -> None:
    answer = cast.bot().report(idempotency_key=str(cast.flow_a))
    assert answer.job is not None
    assert not answer.replayed


def test_a_rejected_report_may_be_sent_again_with_its_idempotency_key(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    application.execute(cast.retire_command())
    assert isinstance(bot.report(idempotency_key="order-1").error, ProcessRetiredError)
    application.execute(cast.retire_command(retired=False))
    answer = bot.report(idempotency_key="order-1")
    assert answer.job is not None
    assert not answer.replayed


def exhaust(bot: Bot, limit: int) -> None:
    for left in reversed(range(limit)):
        assert bot.report().quota.left == left


def test_over_the_limit_one_refusal_is_recorded_and_then_none(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    bot = cast.bot(limit=3)
    exhaust(bot, 3)
    clock.advance(SECOND)
    for _ in range(5):
        answer = bot.report()
        assert isinstance(answer.error, RateLimitedError)
        assert (answer.quota, answer.job) == (Quota(3, 0, 59), None)
    before = application.position()
    assert isinstance(bot.use().error, RateLimitedError)
    assert application.position() == before
    assert application.kinds(bot.key_id) == ["Created", "Used", "Used", "Used", "Throttled"]


def test_a_throttled_request_learns_nothing_but_its_limit(application: Application, cast: Cast) -> None:
    bot = cast.bot(limit=1)
    exhaust(bot, 1)
    application.execute(cast.retire_command())
    commands = [
        bot.report_command(),
        bot.report_command(flow_id=cast.flow_b),
        bot.report_command(refused=("malformed-json", ValueError())),
    ]
    assert {type(application.execute(command).error) for command in commands} == {RateLimitedError}


def test_whoever_waits_as_long_as_told_gets_through(cast: Cast, clock: FakeClock) -> None:
    bot = cast.bot(limit=2)
    exhaust(bot, 2)
    clock.advance(timedelta(seconds=7, microseconds=1))
    wait = bot.report().quota.reset_seconds
    assert wait == 53
    clock.advance((wait - 1) * SECOND)
    assert isinstance(bot.report().error, RateLimitedError)
    clock.advance(SECOND)
    assert bot.report().job is not None


def test_refusals_go_on_to_be_recorded_once_a_minute_at_most(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    bot = cast.bot(limit=1)
    for _ in range(12):
        bot.report()
        clock.advance(RATE_WINDOW / 4)
    kinds = application.kinds(bot.key_id)
    assert (kinds.count("Used"), kinds.count("Throttled")) == (3, 3)


def test_a_replay_counts_against_the_limit(cast: Cast) -> None:
    bot = cast.bot(limit=2)
    bot.report(idempotency_key="order-1")
    assert bot.report(idempotency_key="order-1").quota.left == 0
    assert isinstance(bot.report(idempotency_key="order-1").error, RateLimitedError)


def test_a_bot_reads_its_own_key_which_is_a_use(application: Application, cast: Cast) -> None:
    bot = cast.bot(flow_id=cast.flow_a)
    answer = bot.use()
    assert answer.key is not None
    assert (answer.key.key.id, answer.key.account_name) == (bot.key_id, "Account A")
    assert (answer.key.key.flow_id, answer.quota.left) == (cast.flow_a, 59)
    assert the_use(application, bot.key_id).outcome == "accepted"


@pytest.mark.parametrize("ahead", [CLOCKS_APART_MAX, timedelta(days=1)])
def test_a_clock_that_was_set_back_changes_no_order_and_gives_no_further_uses(
    application: Application, cast: Cast, clock: FakeClock, ahead: timedelta
) -> None:
    bot = cast.bot(limit=2)
    clock.advance(ahead)
    bot.report()
    clock.advance(-ahead)
    answer = bot.report()
    assert answer.job is not None
    assert answer.job.received_at == (NOON + ahead if ahead <= CLOCKS_APART_MAX else NOON)
    assert answer.job.duration_seconds >= 0
    assert isinstance(bot.report().error, RateLimitedError)
    uses = [event for event in application.events(bot.key_id) if isinstance(event, ApiKey.Used)]
    assert [event.job_id for event in uses][-1] == answer.job.id
    clock.advance(RATE_WINDOW if ahead > CLOCKS_APART_MAX else RATE_WINDOW + ahead)
    assert bot.report().error is None


def test_a_large_report_becomes_the_job_that_was_staged_in_the_account_of_its_key_and_in_no_other(
    application: Application, cast: Cast
) -> None:
    bot = cast.bot()
    command = bot.report_command(details=[{"sequence_no": 1, "status": "success"}])
    assert command.report is not None
    (event,) = Job.report(
        command.cause(NOON), job_id=command.new_job_id, account_id=bot.account_id, report=command.report
    ).pending_events
    assert isinstance(event, Job.Reported)
    state = application.event_sourcing.mapper.to_stored_event(event).state
    staged_id = StagedStates(application.database).put(len(state), [state]).id
    staged = event.model_copy(update={"staged": staged_id, "details": None})
    elsewhere = staged.model_copy(update={"account_id": cast.account_b})
    with pytest.raises(ValueError, match="another account"):
        application.execute(replace(command, report=None, staged=elsewhere))
    assert application.kinds(bot.key_id) == ["Created"]
    answer = application.execute(replace(command, report=None, staged=staged))
    assert answer.job is not None
    assert application.events(answer.job.id) == [event]
    assert the_use(application, bot.key_id).job_id == command.new_job_id
