"""Commands that wait while another one is carried out: appended together, and each decided as if it were alone."""

from __future__ import annotations

import gc
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from application import command_queue as queue_module
from application.store.errors import StoreUnavailableError
from domain.account import Account
from domain.api_key import ApiKey
from domain.report import Report
from tests.application.test_command_queue import DeliberateError, Try, queue_for_tests
from tests.support.faults import Fault, FaultyRecorder, check_log
from tests.support.running import another_process
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from application.command_queue import CommandQueue
    from application.unit_of_work import UnitOfWork
    from tests.support.cast import Cast
    from tests.support.clock import FakeClock
    from tests.support.running import Application

WAIT_SECONDS = 10


class Waiting:
    """Commands that wait behind one that is being carried out, in the order in which they are given."""

    def __init__(self, queue: CommandQueue, threads: ThreadPoolExecutor) -> None:
        self._queue, self._threads = queue, threads
        self.entered, self.leave = threading.Event(), threading.Event()
        self.first = threads.submit(queue.execute, Try(what=self._take_long))
        assert self.entered.wait(WAIT_SECONDS)
        self.futures: list[Future[Any]] = []

    def _take_long(self, _: UnitOfWork) -> None:
        self.entered.set()
        assert self.leave.wait(WAIT_SECONDS)

    def add(self, what: Callable[[UnitOfWork], Any], *, alone: bool = False) -> Future[Any]:
        waiting = self._queue.waiting
        self.futures.append(self._threads.submit(self._queue.execute, Try(what=what, alone=alone)))
        wait_until(lambda: self._queue.waiting > waiting, "it is in the queue")
        return self.futures[-1]


@contextmanager
def waiting_behind(queue: CommandQueue) -> Iterator[Waiting]:
    """Give a queue behind a command; at the end all are carried out."""
    with ThreadPoolExecutor(20) as threads:
        behind = Waiting(queue, threads)
        try:
            yield behind
        finally:
            behind.leave.set()
        behind.first.exception(WAIT_SECONDS)
        for future in behind.futures:
            future.exception(WAIT_SECONDS)


def use_of(key_id: UUID) -> Callable[[UnitOfWork], int]:
    def use(work: UnitOfWork) -> int:
        key = work.get(ApiKey, key_id)
        key.use(work.cause, "accepted")
        return key.uses

    return use


def test_commands_that_wait_are_appended_in_one_statement_each_on_what_those_before_it_left(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    one, two = cast.bot(), cast.bot()
    queue, recorder, before = (
        queue_for_tests(application, clock),
        FaultyRecorder.under(application),
        application.position(),
    )
    with waiting_behind(queue) as behind:
        for key_id in (one.key_id, two.key_id, one.key_id, one.key_id):
            behind.add(use_of(key_id))
    assert [future.result().result for future in behind.futures] == [1, 1, 2, 3]
    assert recorder.appends == 1
    assert {future.result().position for future in behind.futures} == {application.position()}
    rows = application.log_after(before)
    check_log(rows)
    assert len(rows) == 4


def test_commands_on_streams_that_another_one_has_brought_together_are_appended_with_it(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    one, two = cast.bot().key_id, cast.bot().key_id
    queue, recorder = queue_for_tests(application, clock), FaultyRecorder.under(application)

    def use_both(work: UnitOfWork) -> int:
        return use_of(one)(work) + use_of(two)(work)

    with waiting_behind(queue) as behind:
        for what in (use_of(one), use_of(two), use_both, use_of(two), use_of(one)):
            behind.add(what)
    assert [future.result().result for future in behind.futures] == [1, 1, 4, 3, 3]
    assert recorder.appends == 1


def test_a_refusal_in_between_is_told_to_who_asked_and_changes_nothing_for_the_others(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    bot, queue = cast.bot(), queue_for_tests(application, clock)

    def use_and_fail(work: UnitOfWork) -> None:
        use_of(bot.key_id)(work)
        raise DeliberateError

    with waiting_behind(queue) as behind:
        behind.add(use_of(bot.key_id))
        refused = behind.add(use_and_fail)
        last = behind.add(use_of(bot.key_id))
    assert isinstance(refused.exception(), DeliberateError)
    assert last.result().result == 2
    assert application.kinds(bot.key_id) == ["Created", "Used", "Used"]


def test_a_conflict_is_paid_by_those_that_it_concerns(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    shared, own = cast.bot(), cast.bot()
    queue, recorder = queue_for_tests(application, clock), FaultyRecorder.under(application)
    decided: list[str] = []

    def noted(name: str, key_id: UUID) -> Callable[[UnitOfWork], int]:
        def use(work: UnitOfWork) -> int:
            decided.append(name)
            return use_of(key_id)(work)

        return use

    queue.execute(Try(what=use_of(shared.key_id)))
    with another_process(database_url, clock) as other, waiting_behind(queue) as behind:
        recorder.before_append = shared.through(other).use
        behind.add(noted("own", own.key_id))
        behind.add(noted("shared", shared.key_id))
        behind.add(noted("shared again", shared.key_id))
        behind.add(noted("own again", own.key_id))
    assert [future.result().result for future in behind.futures] == [1, 3, 4, 2]
    assert sorted(decided) == ["own", "own again", "shared", "shared", "shared again", "shared again"]
    check_log(application.log_after(0))


def test_commands_that_build_on_one_that_met_a_conflict_are_decided_again_with_it(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    """The third builds on the first by way of the account, and touches nothing that is stale itself."""
    shared, own = cast.bot(), cast.bot()
    queue, recorder = queue_for_tests(application, clock), FaultyRecorder.under(application)

    def use_and_rename(work: UnitOfWork) -> None:
        number = use_of(shared.key_id)(work)
        work.get(Account, cast.account_a).rename(work.cause, f"after {number}")

    def name(work: UnitOfWork) -> str:
        use_of(own.key_id)(work)
        return work.get(Account, cast.account_a).name

    queue.execute(Try(what=use_of(shared.key_id)))
    with another_process(database_url, clock) as other, waiting_behind(queue) as behind:
        recorder.before_append = shared.through(other).use
        behind.add(use_and_rename)
        behind.add(use_of(own.key_id))
        behind.add(name)
    assert behind.futures[2].result().result == "after 3"
    assert application.kinds(own.key_id) == ["Created", "Used", "Used"]
    check_log(application.log_after(0))


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER_COMMIT, Fault.LOST_BEFORE_COMMIT, Fault.LATE])
def test_after_a_lost_reply_every_command_of_the_batch_is_in_the_log_once(
    application: Application, cast: Cast, clock: FakeClock, fault: Fault
) -> None:
    bots = [cast.bot() for _ in range(3)]
    queue, recorder = queue_for_tests(application, clock), FaultyRecorder.under(application)
    with waiting_behind(queue) as behind:
        recorder.faults.append(fault)
        for bot in (*bots, bots[0]):
            behind.add(use_of(bot.key_id))
    recorder.arrive()
    assert [future.result().result for future in behind.futures] == [1, 1, 1, 2]
    assert [application.kinds(bot.key_id).count("Used") for bot in bots] == [2, 1, 1]


def test_an_append_that_fails_for_one_command_fails_for_no_other(
    application: Application, cast: Cast, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = cast.bot(), cast.bot()
    queue, recorder = queue_for_tests(application, clock), FaultyRecorder.under(application)
    real = FaultyRecorder.append_groups

    def fail_for_one(self: FaultyRecorder, groups: Any, streams: Any, sent_between: Any) -> Any:
        if bad.key_id in dict(streams):
            raise DeliberateError
        return real(self, groups, streams, sent_between)

    monkeypatch.setattr(FaultyRecorder, "append_groups", fail_for_one)
    with waiting_behind(queue) as behind:
        behind.add(use_of(good.key_id))
        failed = behind.add(use_of(bad.key_id))
        behind.add(use_of(good.key_id))
    assert isinstance(failed.exception(), DeliberateError)
    assert [behind.futures[number].result().result for number in (0, 2)] == [1, 2]
    assert recorder.appends == 2


def test_a_batch_takes_no_further_command_when_it_is_large(
    application: Application, cast: Cast, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "BATCH_BYTES_MAX", 1)
    bot, recorder = cast.bot(), FaultyRecorder.under(application)
    with waiting_behind(queue_for_tests(application, clock)) as behind:
        for _ in range(3):
            behind.add(use_of(bot.key_id))
    assert [future.result().result for future in behind.futures] == [1, 2, 3]
    assert recorder.appends == 3


def test_whoever_comes_when_too_many_wait_is_refused_at_once(
    application: Application, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_module, "WAITING_MAX", 2)
    queue = queue_for_tests(application, clock)
    with waiting_behind(queue) as behind:
        for _ in range(2):
            behind.add(lambda _: None)
        with pytest.raises(StoreUnavailableError, match="too many"):
            queue.execute(Try(what=lambda _: None))
    assert [future.exception() for future in behind.futures] == [None, None]


def test_who_has_given_up_waiting_is_not_carried_out(application: Application, cast: Cast, clock: FakeClock) -> None:
    bot, queue = cast.bot(), queue_for_tests(application, clock, seconds_max=0.3)
    with waiting_behind(queue) as behind:
        late = behind.add(use_of(bot.key_id))
        assert isinstance(late.exception(WAIT_SECONDS), StoreUnavailableError)
    assert application.kinds(bot.key_id) == ["Created"]


def reports_of(robot_id: str) -> list[Report]:
    return [one for one in gc.get_objects() if type(one) is Report and one.robot_id == robot_id]


def test_nothing_of_a_report_is_left_when_it_was_answered(cast: Cast) -> None:
    """A batch must not be a circle of objects: a large report would stay until Python looks for circles."""
    bot = cast.bot()
    gc.collect()
    gc.disable()
    try:
        assert bot.report(robot_id="the only one").job is not None
        assert bot.report(robot_id="the only one", idempotency_key="order-1").job is not None
        # The writer answers before it lets go of the batch.
        wait_until(lambda: not reports_of("the only one"), "they are let go of")
    finally:
        gc.enable()


def test_what_goes_alone_is_appended_by_itself_after_those_that_wait_before_it(
    application: Application, cast: Cast, clock: FakeClock
) -> None:
    key_ids = [cast.bot().key_id for _ in range(5)]
    queue, recorder = queue_for_tests(application, clock), FaultyRecorder.under(application)
    with waiting_behind(queue) as behind:
        for number, key_id in enumerate(key_ids):
            behind.add(use_of(key_id), alone=number in {2, 3})
        behind.leave.set()
        positions = [future.result(WAIT_SECONDS).position for future in behind.futures]
    assert recorder.appends == 4, "two together, each of the large ones, and the last"
    assert positions[0] == positions[1] < positions[2] < positions[3] < positions[4]
