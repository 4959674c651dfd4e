"""The command queue: decides, appends, answers; and what was decided on something stale is decided again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import pytest

from application.command_queue import CommandQueue
from application.commands import HANDLERS
from application.pending_command import Done
from application.store.errors import StoreUnavailableError
from application.unit_of_work import Command, UnitOfWork
from domain.account import Account
from domain.api_key import ApiKey
from domain.errors import NotFoundError
from tests.support.examples import DIGEST
from tests.support.faults import FaultyRecorder, check_log
from tests.support.running import another_process
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tests.support.cast import Cast
    from tests.support.clock import FakeClock
    from tests.support.running import Application


@dataclass(frozen=True, slots=True, kw_only=True)
class Try(Command):
    """A command of these tests, which does what the test says."""

    what: Callable[[UnitOfWork], Any]
    alone: bool = False

    @property
    def goes_alone(self) -> bool:
        return self.alone


def queue_for_tests(application: Application, clock: FakeClock, *, seconds_max: float = 4.0) -> CommandQueue:
    handlers = HANDLERS | {Try: lambda work, command: command.what(work)}
    return CommandQueue(application.event_sourcing, clock, handlers, seconds_max=seconds_max)


class DeliberateError(Exception):
    """Raised by a handler."""


def test_every_command_there_is_has_a_handler() -> None:
    kinds, to_look_at = set(), [Command]
    while to_look_at:
        kind = to_look_at.pop()
        to_look_at += kind.__subclasses__()
        kinds.add(kind)
    concrete = {kind.__name__ for kind in kinds} - {base.__name__ for kind in kinds for base in kind.__bases__}
    assert concrete - {"Try"} == {kind.__name__ for kind in HANDLERS}


def test_only_what_is_there_and_of_the_kind_that_is_looked_for_is_found(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    def look(work: UnitOfWork) -> str:
        assert work.find(ApiKey, cast.account_b) is None
        account = work.get(Account, cast.account_a)
        assert work.find(ApiKey, cast.account_a) is None
        for kind, id_ in ((ApiKey, cast.account_a), (Account, uuid4())):
            with pytest.raises(NotFoundError):
                work.get(kind, id_)
        return account.name

    assert queue_for_tests(application, clock).execute(Try(what=look)).result == "Account A"


def test_the_events_of_one_command_carry_its_id_and_who_asked_for_it(application: Application, cast: Cast) -> None:
    command, before = cast.bot().report_command(), application.position()
    application.execute(command)
    events = [application.event_sourcing.mapper.to_domain_event(row) for row in application.log_after(before)]
    assert [(event.command_id, event.actor) for event in events] == [(command.command_id, command.actor)] * 2


def test_an_answer_tells_the_position_of_its_last_event_and_zero_when_there_is_none(
    application: Application, cast: Cast
) -> None:
    bot = cast.bot()
    assert application.command_queue.execute(bot.report_command()).position == application.position()
    application.execute(cast.deactivate_key_command(bot.key_id))
    assert application.command_queue.execute(cast.deactivate_key_command(bot.key_id)) == Done(
        application.execute(cast.deactivate_key_command(bot.key_id)), 0
    )


def test_a_handler_that_fails_after_it_has_changed_something_leaves_no_trace(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    queue, before = queue_for_tests(application, clock), application.position()

    def change_and_fail(work: UnitOfWork) -> None:
        work.get(Account, cast.account_a).rename(work.cause, "changed")
        work.begin(Account.open(work.cause, account_id=uuid4(), tenant_id=cast.tenant_id, name="new"))
        raise DeliberateError

    def name(work: UnitOfWork) -> str:
        return work.get(Account, cast.account_a).name

    assert queue.execute(Try(what=name)).result == "Account A"
    with pytest.raises(DeliberateError):
        queue.execute(Try(what=change_and_fail))
    assert queue.execute(Try(what=name)).result == "Account A"
    assert application.position() == before


def test_an_event_that_can_not_be_written_leaves_no_trace_and_no_gap(
    application: Application, cast: Cast, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, before = queue_for_tests(application, clock), application.position()

    def rename(work: UnitOfWork) -> None:
        work.get(Account, cast.account_a).rename(work.cause, "changed")

    def fail(_: object) -> None:
        raise DeliberateError

    with monkeypatch.context() as patch:
        patch.setattr(application.event_sourcing.mapper, "to_stored_event", fail)
        with pytest.raises(DeliberateError):
            queue.execute(Try(what=rename))
    assert application.position() == before
    queue.execute(Try(what=rename))
    assert application.kinds(cast.account_a) == ["Opened", "Renamed"]
    check_log(application.log_after(0))


def test_a_decision_on_a_stream_that_has_gone_on_is_made_again(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    bot, queue = cast.bot(), queue_for_tests(application, clock)
    seen: list[int] = []

    def use(work: UnitOfWork) -> None:
        key = work.get(ApiKey, bot.key_id)
        seen.append(key.version)
        key.use(work.cause, "accepted")

    FaultyRecorder.under(application).before_append = bot.use
    queue.execute(Try(what=use))
    assert seen == [1, 2]
    assert application.kinds(bot.key_id) == ["Created", "Used", "Used"]


def test_a_stream_that_was_only_read_must_not_have_gone_on_either(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    bot, queue = cast.bot(), queue_for_tests(application, clock)
    seen: list[int] = []

    def rename_after_looking_at_the_key(work: UnitOfWork) -> None:
        seen.append(work.get(ApiKey, bot.key_id).version)
        work.get(Account, cast.account_a).rename(work.cause, "renamed")

    FaultyRecorder.under(application).before_append = bot.use
    queue.execute(Try(what=rename_after_looking_at_the_key))
    assert seen == [1, 2]


def test_a_stream_that_was_not_there_must_not_have_begun_meanwhile(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    queue, newcomer = queue_for_tests(application, clock), uuid4()
    seen: list[bool] = []

    def rename_unless_there(work: UnitOfWork) -> None:
        found = work.find(Account, newcomer)
        seen.append(found is not None)
        if found is None:
            work.get(Account, cast.account_a).rename(work.cause, "renamed")

    def open_it(work: UnitOfWork) -> None:
        work.begin(Account.open(work.cause, account_id=newcomer, tenant_id=cast.tenant_id, name="new"))

    other = queue_for_tests(application, clock)
    FaultyRecorder.under(application).before_append = lambda: other.execute(Try(what=open_it))
    queue.execute(Try(what=rename_unless_there))
    assert seen == [False, True]
    assert application.kinds(cast.account_a) == ["Opened"]


def test_a_writer_who_keeps_losing_is_let_in_before_the_others(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    """Who has the key in memory is always faster than who has to read it again."""
    bot, recorder, queue = (
        cast.bot(limit=10_000),
        FaultyRecorder.under(application),
        queue_for_tests(application, clock),
    )
    attempts = 0
    with another_process(database_url, clock) as faster, ThreadPoolExecutor(1) as thread:

        def somebody_is_faster() -> None:
            # When that is kept out it has to wait, and we go on.
            with suppress(TimeoutError):
                thread.submit(bot.through(faster).use).result(0.5)

        def use(work: UnitOfWork) -> None:
            nonlocal attempts
            attempts += 1
            recorder.before_append = somebody_is_faster
            work.get(ApiKey, bot.key_id).use(work.cause, "accepted")

        queue.execute(Try(what=use))
    assert 1 < attempts < 10
    assert application.kinds(bot.key_id) == ["Created"] + ["Used"] * (attempts + 1)
    check_log(application.log_after(0))


def test_a_command_that_waits_too_long_for_its_turn_is_told_so(application: Application, clock: FakeClock) -> None:
    queue = queue_for_tests(application, clock, seconds_max=0.2)
    entered, leave = threading.Event(), threading.Event()

    def take_long(_: UnitOfWork) -> None:
        entered.set()
        assert leave.wait(10)

    with ThreadPoolExecutor(1) as thread:
        first = thread.submit(queue.execute, Try(what=take_long))
        assert entered.wait(10)
        with pytest.raises(StoreUnavailableError, match="waiting"):
            queue.execute(Try(what=lambda _: None))
        assert isinstance(first.exception(10), StoreUnavailableError)
        leave.set()
    assert queue.execute(Try(what=lambda _: "in")).result == "in"


def test_threads_that_report_with_one_idempotency_key_make_one_job(application: Application, cast: Cast) -> None:
    bot, start = cast.bot(), threading.Barrier(20)

    def report(_: int) -> UUID:
        start.wait(10)
        answer = bot.report(idempotency_key="order-1", body=DIGEST)
        assert answer.job is not None
        return answer.job.id

    with ThreadPoolExecutor(20) as threads:
        jobs = set(threads.map(report, range(20)))
    assert len(jobs) == 1
    assert application.kinds(jobs.pop()) == ["Reported"]
    outcomes = [event.outcome for event in application.events(bot.key_id) if isinstance(event, ApiKey.Used)]
    assert sorted(outcomes) == ["accepted"] + ["replayed"] * 19


def test_the_queue_goes_on_after_whatever_happened(application: Application, cast: Cast, clock: FakeClock) -> None:
    queue = queue_for_tests(application, clock, seconds_max=1.0)
    for error in (DeliberateError(), StoreUnavailableError("x"), KeyboardInterrupt()):

        def fail(_: UnitOfWork, error: BaseException = error) -> None:
            raise error

        with pytest.raises(type(error)):
            queue.execute(Try(what=fail))
        # After one that waited for the store in vain, others are refused for a moment.
        wait_until(lambda: goes_on(queue), "it goes on")
    assert queue.execute(cast.bot().report_command()).result.job is not None


def goes_on(queue: CommandQueue) -> bool:
    try:
        return bool(queue.execute(Try(what=lambda _: True)).result)
    except StoreUnavailableError:
        return False
