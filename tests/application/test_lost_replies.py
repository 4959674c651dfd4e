"""A reply that is lost: whatever the network does, a command that was answered is in the log exactly once."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from application.accounts import AddMember, OpenAccount, RegisterProcess, SuspendAccount
from application.admin import IdempotentRequest
from application.store.errors import StoreUnavailableError
from domain.permissions import Role
from tests.support.effort import LONG, effort, seeded_random
from tests.support.examples import DIGEST
from tests.support.faults import Fault, FaultyRecorder, check_log
from tests.support.proxy import Proxy
from tests.support.running import Application, another_process
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from application.unit_of_work import Command
    from tests.support.cast import Bot, Cast
    from tests.support.clock import FakeClock

COMMANDS: dict[str, tuple[Callable[[Cast], Command], list[str]]] = {
    "a report": (lambda cast: cast.bot().report_command(), ["api_key.used", "job.reported"]),
    "a report with an Idempotency-Key": (
        lambda cast: cast.bot().report_command(idempotency_key="order-1"),
        ["api_key.used", "job.reported"],
    ),
    "a rejected report": (lambda cast: cast.bot().report_command(flow_id=uuid4()), ["api_key.used"]),
    "a look at the key": (lambda cast: cast.bot().use_command(), ["api_key.used"]),
    "create": (lambda cast: cast.create_key_command(), ["api_key.created"]),
    "create with an Idempotency-Key": (
        lambda cast: cast.create_key_command(idempotency=IdempotentRequest("one", DIGEST)),
        ["api_key.created", "receipt.issued"],
    ),
    "deactivate": (lambda cast: cast.deactivate_key_command(cast.bot().key_id), ["api_key.deactivated"]),
    "change": (
        lambda cast: cast.change_key_command(cast.bot().key_id, name="x", limit=5),
        ["api_key.rate_limit_changed", "api_key.renamed"],
    ),
    "rotate": (
        lambda cast: cast.rotate_key_command(cast.bot().key_id),
        ["api_key.created", "api_key.deactivated", "api_key.rotated"],
    ),
    "rotate with overlap and an Idempotency-Key": (
        lambda cast: cast.rotate_key_command(
            cast.bot().key_id, overlap=timedelta(days=1), idempotency=IdempotentRequest("one", DIGEST)
        ),
        ["api_key.created", "api_key.rotated", "receipt.issued"],
    ),
    "suspend": (
        lambda cast: SuspendAccount(by=cast.caller(cast.account_a)),
        ["account.suspended"],
    ),
    "retire": (lambda cast: cast.retire_command(), ["process.retired"]),
    "open an account": (
        lambda cast: OpenAccount(by=cast.caller(), new_account_id=uuid4(), name="C"),
        ["account.opened"],
    ),
    "register a process": (
        lambda cast: RegisterProcess(by=cast.caller(cast.account_a), flow_id=uuid4(), name="Orders"),
        ["process.registered"],
    ),
    "add a member": (
        lambda cast: AddMember(
            by=cast.caller(cast.account_a),
            user_id=uuid4(),
            role=Role.ACCOUNT_USER,
            processes=((cast.account_a, cast.flow_a),),
        ),
        ["member.process_assigned", "member.role_granted"],
    ),
}
AFTER, BEFORE, LATE = Fault.LOST_AFTER_COMMIT, Fault.LOST_BEFORE_COMMIT, Fault.LATE
ONE_FAULT = [(AFTER,), (BEFORE,), (LATE,)]
MORE_FAULTS = [(BEFORE, AFTER), (BEFORE, BEFORE, BEFORE), (LATE, LATE), (LATE, BEFORE)]
OF_MORE_FAULTS = ["a report", "create with an Idempotency-Key", "rotate", "suspend"]
"""What is done after the second fault and the third is the same for all commands; these differ in their events."""
CASES = [
    *product(COMMANDS, ONE_FAULT),
    *product(COMMANDS if LONG else OF_MORE_FAULTS, MORE_FAULTS),
]


def topics_after(application: Application, position: int) -> list[str]:
    rows = application.log_after(position)
    check_log(rows)
    return sorted(row.topic for row in rows)


@pytest.mark.parametrize(
    ("name", "faults"),
    CASES,
    ids=[f"{name}-{'+'.join(fault.name.lower() for fault in faults)}" for name, faults in CASES],
)
def test_a_command_whose_reply_was_lost_succeeds_and_is_in_the_log_exactly_once(
    application: Application, cast: Cast, name: str, faults: tuple[Fault, ...]
) -> None:
    command_of, expected = COMMANDS[name]
    command, recorder, before = command_of(cast), FaultyRecorder.under(application), application.position()
    recorder.faults.extend(faults)
    done = application.command_queue.execute(command)
    recorder.arrive()
    assert topics_after(application, before) == expected
    assert done.position == application.position()
    assert getattr(done.result, "error", None) is None or name == "a rejected report"


@pytest.mark.parametrize("fault", [AFTER, BEFORE, LATE], ids=lambda fault: fault.name.lower())
def test_the_first_refusal_of_a_minute_is_recorded_once_whatever_was_lost(
    application: Application, cast: Cast, fault: Fault
) -> None:
    bot = cast.bot(limit=1)
    bot.use()
    recorder = FaultyRecorder.under(application)
    recorder.faults.append(fault)
    assert bot.use().quota.left == 0
    recorder.arrive()
    assert application.kinds(bot.key_id) == ["Created", "Used", "Throttled"]


def test_a_reply_that_was_lost_while_another_process_went_on_is_found_all_the_same(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    bot, recorder = cast.bot(), FaultyRecorder.under(application)
    recorder.faults.append(LATE)
    with another_process(database_url, clock) as other:

        def meanwhile() -> None:
            recorder.arrive()
            bot.through(other).use()

        recorder.after_fault = meanwhile
        assert bot.report().job is not None
    assert application.kinds(bot.key_id) == ["Created", "Used", "Used"]


def test_after_a_lost_reply_the_next_command_decides_on_what_is_in_the_log(
    application: Application, cast: Cast
) -> None:
    bot = cast.bot(limit=3)
    recorder = FaultyRecorder.under(application)
    for left in (2, 1, 0):
        recorder.faults.append(AFTER if left % 2 else BEFORE)
        assert bot.use().quota.left == left
    assert application.kinds(bot.key_id) == ["Created"] + ["Used"] * 3


def test_the_store_may_be_away_also_when_it_is_asked_whether_the_command_was_done(
    application: Application, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot, recorder = cast.bot(), FaultyRecorder.under(application)
    recorder.faults.append(AFTER)
    real, failures = recorder.has, iter([True, True])

    def has(event: object) -> bool:
        if next(failures, False):
            raise StoreUnavailableError("away")
        return real(event)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(recorder, "has", has)
    assert bot.report().job is not None
    assert application.kinds(bot.key_id) == ["Created", "Used"]


def test_many_commands_with_many_lost_replies_are_each_in_the_log_once(application: Application, cast: Cast) -> None:
    chance, bot, recorder = seeded_random(), cast.bot(limit=10_000), FaultyRecorder.under(application)
    before, jobs = application.position(), []
    for number in range(effort(60, 1_000)):
        recorder.faults.extend(chance.choices([None, AFTER, BEFORE, LATE], k=2))
        job = bot.report(idempotency_key=f"order-{number}" if chance.random() < 0.5 else None).job
        assert job is not None
        jobs.append(job.id)
    recorder.faults.clear()
    recorder.arrive()
    rows = application.log_after(before)
    check_log(rows)
    assert sorted(row.originator_id for row in rows if row.topic == "job.reported") == sorted(jobs)
    assert sum(row.topic == "api_key.used" for row in rows) == len(jobs)


@pytest.mark.parametrize("name", ["a report", "a report with an Idempotency-Key", "create", "deactivate"])
def test_a_reply_that_a_proxy_has_cut_off_after_the_commit_does_not_matter(
    application: Application, cast: Cast, database_url: str, clock: FakeClock, name: str
) -> None:
    command_of, expected = COMMANDS[name]
    command = command_of(cast)
    with (
        Proxy(database_url) as proxy,
        another_process(proxy.url, clock, connections_max=1) as behind_proxy,
        ThreadPoolExecutor(1) as thread,
    ):
        # A statement is sent in one piece from its second time on, on the same connection.
        behind_proxy.execute(cast.bot().use_command())
        before = application.position()
        recorder = FaultyRecorder.under(behind_proxy)
        recorder.before_append = proxy.hold_replies
        answer = thread.submit(behind_proxy.execute, command)
        wait_until(lambda: application.position() > before, "what was asked is done")
        proxy.cut()
        proxy.pass_on()
        answer.result(20)
    assert topics_after(application, before) == expected


def sessions(database_url: str) -> set[int]:
    """Return the server processes of the service's sessions on this database."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'rpawatch'"
        )
        return {row[0] for row in rows}


def waiting_appends(database_url: str) -> set[int]:
    """Return the server processes in which an append waits for its turn."""
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE '%append_batch%' AND pid <> pg_backend_pid()"
        )
        return {row[0] for row in rows}


def end_sessions(database_url: str, processes: set[int]) -> bool:
    """End sessions, as an administrator or a restart of the server does; return whether there were any."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", (list(processes),))
    return bool(processes)


def test_connections_that_were_ended_while_idle_are_replaced_without_anybody_noticing(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    bot = cast.bot()
    others = sessions(database_url)
    with another_process(database_url, clock) as process, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: process.database.ping(), range(32)))
        for _ in range(3):
            assert end_sessions(database_url, sessions(database_url) - others)
            assert bot.through(process).report().job is not None
    assert application.kinds(bot.key_id) == ["Created"] + ["Used"] * 3


def test_a_connection_that_is_ended_while_its_append_waits_loses_nothing_and_doubles_nothing(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    bot = cast.bot()
    with (
        another_process(database_url, clock) as process,
        psycopg.connect(database_url, autocommit=True) as blocker,
        ThreadPoolExecutor(1) as thread,
    ):
        for _ in range(2):
            blocker.execute("SELECT pg_advisory_lock('rpawatch.events'::regclass::oid::bigint)")
            report = thread.submit(bot.through(process).report)
            wait_until(
                lambda: end_sessions(database_url, waiting_appends(database_url)), "the append waits for its turn"
            )
            blocker.execute("SELECT pg_advisory_unlock_all()")
            assert report.result(20).job is not None
    kinds = application.kinds(bot.key_id)
    assert kinds == ["Created", "Used", "Used"]
    check_log(application.log_after(0))


def report_often(bot: Bot) -> None:
    for _ in range(effort(15, 500)):
        bot.report()


def test_positions_are_handed_out_in_the_order_of_the_commits(
    application: Application, cast: Cast, database_url: str, clock: FakeClock
) -> None:
    """A reader that follows the log never sees a position below one that it has seen."""
    before, seen = application.position(), []
    with another_process(database_url, clock) as other, ThreadPoolExecutor(8) as threads:
        bots = [cast.bot(limit=10_000).through(process) for process in [application, other] * 4]
        first = application.position()
        reports = [threads.submit(report_often, bot) for bot in bots]
        position = first
        while not all(report.done() for report in reports):
            rows = application.log_after(position)
            seen += [row.position for row in rows]
            position = rows[-1].position if rows else position
        for report in reports:
            report.result()
    seen += [row.position for row in application.log_after(position)]
    assert before <= first
    assert seen == [row.position for row in application.log_after(first)]
    assert len(seen) == 2 * 8 * effort(15, 500)
    assert all(later > earlier for earlier, later in itertools.pairwise(seen))
