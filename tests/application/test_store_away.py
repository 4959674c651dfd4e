"""A database that is away, silent or slow: every answer comes in time, and all is well again when it is back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from application.command_queue import COMMAND_SECONDS_MAX
from application.store.database import BoundedConnection, Database, connect
from application.store.errors import StoreUnavailableError
from domain.api_key import ApiKey
from tests.support.effort import in_time
from tests.support.faults import check_log
from tests.support.proxy import Proxy
from tests.support.running import Application, another_process
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.cast import Bot, Cast
    from tests.support.clock import FakeClock

SECONDS_MAX = 0.6
"""What a command may take in these tests, so that they need not wait as long as the service does."""
SLACK_SECONDS = in_time(1.5)
ANSWER_SECONDS_MAX = in_time(5.0)
"""Guarantee 13, for the service as it is shipped."""
BACK_SECONDS_MAX = in_time(15.0)


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    with Proxy(database_url) as proxy:
        yield proxy


@pytest.fixture
def behind_proxy(proxy: Proxy, clock: FakeClock) -> Iterator[Application]:
    """A process whose way to the database is the proxy, and that does not wait long."""
    with another_process(proxy.url, clock, seconds_max=SECONDS_MAX) as process:
        process.position()
        yield process


@contextmanager
def within(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def check_unavailable(action: Callable[[], object], seconds: float) -> None:
    with within(seconds), pytest.raises(StoreUnavailableError):
        action()


def works(bot: Bot) -> bool:
    try:
        return bot.use().error is None
    except StoreUnavailableError:
        return False


def test_a_database_that_is_away_is_told_in_time_and_used_again_when_it_is_back(
    cast: Cast, proxy: Proxy, behind_proxy: Application
) -> None:
    bot = cast.bot(limit=10_000).through(behind_proxy)
    assert works(bot)
    for _ in range(2):
        proxy.be_away()
        for action in (bot.report, bot.use, lambda: behind_proxy.execute(cast.create_key_command())):
            check_unavailable(action, SECONDS_MAX + SLACK_SECONDS)
        proxy.pass_on()
        wait_until(lambda: works(bot), "the service works again", seconds_max=BACK_SECONDS_MAX)


def test_a_database_that_says_nothing_is_told_in_time_and_used_again_when_it_speaks(
    cast: Cast, proxy: Proxy, behind_proxy: Application
) -> None:
    bot = cast.bot(limit=10_000).through(behind_proxy)
    assert works(bot)
    for _ in range(2):
        proxy.be_silent()
        for action in (bot.report, bot.use, lambda: behind_proxy.execute(cast.create_key_command())):
            check_unavailable(action, SECONDS_MAX + SLACK_SECONDS)
        proxy.pass_on()
        wait_until(lambda: works(bot), "the service works again", seconds_max=BACK_SECONDS_MAX)


def test_what_was_answered_is_in_the_log_once_and_what_was_not_at_most_once(
    application: Application, cast: Cast, proxy: Proxy, behind_proxy: Application
) -> None:
    bot = cast.bot(limit=10_000).through(behind_proxy)
    commands = [bot.report_command() for _ in range(30)]
    answered, unknown = set(), set()
    for number, command in enumerate(commands):
        if number % 10 == 4:
            (proxy.be_silent if number % 20 == 4 else proxy.be_away)()
        if number % 10 == 6:
            proxy.pass_on()
        try:
            behind_proxy.execute(command)
        except StoreUnavailableError:
            unknown.add(command.command_id)
        else:
            answered.add(command.command_id)
    proxy.pass_on()
    wait_until(lambda: works(bot), "the service works again", seconds_max=BACK_SECONDS_MAX)
    events = application.events(bot.key_id)
    commands_of_uses = [event.command_id for event in events if isinstance(event, ApiKey.Used)]
    assert len(commands_of_uses) == len(set(commands_of_uses))
    assert answered <= set(commands_of_uses)
    assert unknown
    check_log(application.log_after(0))


def test_many_who_ask_a_silent_database_are_all_told_in_time(
    cast: Cast, proxy: Proxy, behind_proxy: Application
) -> None:
    bot = cast.bot(limit=10_000).through(behind_proxy)
    assert works(bot)
    proxy.be_silent()

    def ask(_: int) -> float:
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError):
            bot.report()
        return time.monotonic() - began

    with ThreadPoolExecutor(20) as threads:
        longest = max(threads.map(ask, range(20)))
    assert longest < SECONDS_MAX + SLACK_SECONDS


def test_a_service_as_shipped_answers_within_five_seconds_when_its_database_goes_silent(
    cast: Cast, proxy: Proxy, clock: FakeClock
) -> None:
    """With several connections open, each of which could be waited for in turn."""
    with another_process(proxy.url, clock) as process, ThreadPoolExecutor(8) as threads:
        bot = cast.bot(limit=10_000).through(process)
        list(threads.map(lambda _: process.database.ping(), range(32)))
        assert works(bot)
        proxy.be_silent()

        def ask(_: int) -> float:
            began = time.monotonic()
            with pytest.raises(StoreUnavailableError):
                bot.report()
            return time.monotonic() - began

        times = sorted(threads.map(ask, range(8)))
        assert times[-1] < ANSWER_SECONDS_MAX
        assert times[-1] < COMMAND_SECONDS_MAX + SLACK_SECONDS
        proxy.pass_on()
        wait_until(lambda: works(bot), "the service works again", seconds_max=BACK_SECONDS_MAX)


def test_a_slow_database_is_waited_for(cast: Cast, proxy: Proxy, clock: FakeClock) -> None:
    with another_process(proxy.url, clock) as process:
        bot = cast.bot().through(process)
        assert works(bot)
        proxy.be_slow(0.3)
        assert bot.report().job is not None


def test_a_service_that_starts_before_its_database_works_once_that_is_there(
    cast: Cast, proxy: Proxy, clock: FakeClock
) -> None:
    proxy.be_away()
    with another_process(proxy.url, clock, seconds_max=SECONDS_MAX) as process:
        bot = cast.bot(limit=10_000).through(process)
        check_unavailable(bot.use, SECONDS_MAX + SLACK_SECONDS)
        proxy.pass_on()
        wait_until(lambda: works(bot), "the service works", seconds_max=BACK_SECONDS_MAX)


def test_a_writer_that_holds_the_lock_and_hangs_does_not_stop_the_others_for_good(
    cast: Cast, database_url: str, clock: FakeClock
) -> None:
    bot = cast.bot(limit=10_000)
    with (
        another_process(database_url, clock, seconds_max=SECONDS_MAX) as process,
        psycopg.connect(database_url, autocommit=True) as hung,
    ):
        hung.execute("SELECT pg_advisory_lock('rpawatch.events'::regclass::oid::bigint)")
        check_unavailable(bot.through(process).use, SECONDS_MAX + SLACK_SECONDS)
        hung.close()
        wait_until(lambda: works(bot.through(process)), "the service works again", seconds_max=BACK_SECONDS_MAX)


def test_a_connection_that_gave_up_waiting_is_never_used_again(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedConnection, "reply_seconds_max", 0.3)
    connection = connect(proxy.url, statement_seconds_max=1)
    assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}
    proxy.be_silent()
    with within(0.3 + SLACK_SECONDS), pytest.raises(psycopg.OperationalError, match="in time"):
        connection.execute("SELECT 2")
    proxy.pass_on()
    assert connection.closed
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 3")


def test_a_server_that_accepts_and_says_nothing_is_told_in_time(proxy: Proxy) -> None:
    proxy.be_silent()
    check_unavailable(lambda: connect(proxy.url), 2 + SLACK_SECONDS)


def test_a_closed_database_is_unavailable_at_once(database_url: str) -> None:
    database = Database(database_url)
    database.open()
    database.ping()
    database.close()
    check_unavailable(database.ping, SLACK_SECONDS)


def test_a_statement_that_runs_too_long_is_ended_by_the_server(database_url: str) -> None:
    with connect(database_url, statement_seconds_max=0.2) as connection, within(0.2 + SLACK_SECONDS):
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(5)")
        assert connection.execute("SELECT 1 AS one").fetchone() == {"one": 1}


def test_a_database_that_has_become_read_only_is_unavailable(cast: Cast, database_url: str, clock: FakeClock) -> None:
    """As a primary is that was demoted to a standby."""
    bot, name = cast.bot(), sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute(sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(name))
        try:
            with another_process(database_url, clock, seconds_max=SECONDS_MAX) as process:
                check_unavailable(bot.through(process).use, SECONDS_MAX + SLACK_SECONDS)
        finally:
            owner.execute(sql.SQL("ALTER DATABASE {} RESET default_transaction_read_only").format(name))
    with another_process(database_url, clock) as process:
        assert works(bot.through(process))
