"""An Idempotency-Key of the admin API is honoured for ever."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from application.accounts import RemoveMember
from application.admin import IdempotentRequest, Outcome
from domain.errors import IdempotencyKeyReuseError, InvalidInputError, NotFoundError
from domain.ids import receipt_id
from domain.permissions import Role
from tests.support.faults import FaultyRecorder, check_log
from tests.support.running import another_process

if TYPE_CHECKING:
    from tests.support.cast import Cast
    from tests.support.clock import FakeClock
    from tests.support.running import Application

ONE = IdempotentRequest("request-1", "a" * 64)
OTHER = IdempotentRequest("request-1", "b" * 64)


def test_the_same_request_again_is_answered_with_what_the_first_one_made(application: Application, cast: Cast) -> None:
    first = application.execute(cast.create_key_command(idempotency=ONE))
    before = application.position()
    again = application.execute(cast.create_key_command(idempotency=ONE))
    assert (first.replayed, again) == (False, Outcome(first.resource_id, replayed=True))
    assert application.position() == before


def test_the_receipt_is_appended_with_what_it_is_for(application: Application, cast: Cast) -> None:
    before = application.position()
    application.execute(cast.create_key_command(idempotency=ONE))
    assert [row.topic for row in application.log_after(before)] == ["api_key.created", "receipt.issued"]


def test_the_same_key_with_another_request_is_refused(application: Application, cast: Cast) -> None:
    application.execute(cast.create_key_command(idempotency=ONE))
    before = application.position()
    with pytest.raises(IdempotencyKeyReuseError):
        application.execute(cast.create_key_command(idempotency=OTHER))
    assert application.position() == before


def test_a_request_is_known_also_after_a_restart_and_by_another_process(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    first = application.execute(cast.create_key_command(idempotency=ONE))
    with another_process(database_url, clock) as other:
        assert other.execute(cast.create_key_command(idempotency=ONE)) == Outcome(first.resource_id, replayed=True)
        with pytest.raises(IdempotencyKeyReuseError):
            other.execute(cast.create_key_command(idempotency=OTHER))


def test_users_and_accounts_do_not_share_keys(application: Application, cast: Cast) -> None:
    commands = [
        cast.create_key_command(by=cast.alice, idempotency=ONE),
        cast.create_key_command(by=cast.tess, idempotency=OTHER),
        cast.create_key_command(cast.account_b, by=cast.tess, idempotency=OTHER),
    ]
    outcomes = [application.execute(command) for command in commands]
    assert [outcome.replayed for outcome in outcomes] == [False] * 3
    assert len({outcome.resource_id for outcome in outcomes}) == 3


def test_a_refused_request_leaves_no_receipt_and_may_be_sent_again(application: Application, cast: Cast) -> None:
    with pytest.raises(InvalidInputError):
        application.execute(cast.create_key_command(limit=0, idempotency=ONE))
    assert application.kinds(receipt_id(cast.account_a, cast.alice, ONE.key)) == []
    assert not application.execute(cast.create_key_command(idempotency=OTHER)).replayed


def test_a_request_that_changed_nothing_is_remembered_too(application: Application, cast: Cast) -> None:
    bot = cast.bot()
    application.execute(cast.deactivate_key_command(bot.key_id))
    command = replace(cast.deactivate_key_command(bot.key_id), idempotency=ONE)
    assert application.execute(command) == Outcome(bot.key_id)
    assert application.execute(command) == Outcome(bot.key_id, replayed=True)
    assert application.kinds(bot.key_id) == ["Created", "Deactivated"]


def test_who_has_lost_the_right_is_not_told_what_they_once_made(application: Application, cast: Cast) -> None:
    application.execute(cast.create_key_command(idempotency=ONE))
    application.execute(RemoveMember(by=cast.caller(cast.account_a), user_id=UUID(cast.alice)))
    with pytest.raises(NotFoundError):
        application.execute(cast.create_key_command(idempotency=ONE))
    cast.add_member(cast.alice, Role.ACCOUNT_ADMIN, cast.account_a)
    assert application.execute(cast.create_key_command(idempotency=ONE)).replayed


def test_of_two_requests_at_the_same_instant_in_two_processes_one_wins_and_the_other_is_a_repeat(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    with another_process(database_url, clock) as other:
        meanwhile: list[Outcome] = []
        recorder = FaultyRecorder.under(application)
        recorder.before_append = lambda: meanwhile.append(other.execute(cast.create_key_command(idempotency=ONE)))
        outcome = application.execute(cast.create_key_command(idempotency=ONE))
    assert [outcome] == [Outcome(meanwhile[0].resource_id, replayed=True)]


def test_many_threads_of_two_processes_with_one_key_make_one_thing(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    before, start = application.position(), threading.Barrier(16)
    with another_process(database_url, clock) as other, ThreadPoolExecutor(16) as threads:

        def create(process: Application) -> Outcome:
            start.wait(10)
            outcome: Outcome = process.execute(cast.create_key_command(idempotency=ONE))
            return outcome

        outcomes = list(threads.map(create, [application, other] * 8))
    assert len({outcome.resource_id for outcome in outcomes}) == 1
    assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * 15
    rows = application.log_after(before)
    assert sorted(row.topic for row in rows) == ["api_key.created", "receipt.issued"]
    check_log(rows)
