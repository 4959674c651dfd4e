"""Whatever stands between: a session is what was meant before its first statement, or there is none."""

from __future__ import annotations

import ast
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import StoredEvent
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from application.store import database as store
from application.store import session
from application.store.database import (
    APP_ROLE,
    PROJECTOR_ROLE,
    STATEMENT_SECONDS_MAX,
    BoundedConnection,
    Database,
    connect,
)
from application.store.errors import StoreSessionError, StoreUnavailableError
from application.store.schema import migrate
from interfaces.bootstrap import Services
from interfaces.queries.waiting import wait_for_lists
from projections.fence import reading
from projections.read_models import READ_MODELS
from tests.support.cast import Cast
from tests.support.effort import effort, in_time
from tests.support.pgbouncer import PgBouncer
from tests.support.running import another_process, application_on
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.support.clock import FakeClock
    from tests.support.pgbouncer import PoolMode

ROOT = Path(__file__).parents[3]
OPTIONS = {"options refused": {}, "options ignored": {"ignore_startup_parameters": "options"}}
"""How PgBouncer takes the startup parameter `options`: as it does by default, and as its users have it do."""
SHARED: tuple[PoolMode, ...] = ("transaction", "statement")
REFUSAL = "set pool_mode = session"
DETECTIONS = effort(10, 50)
SECONDS_MAX = 0.7
CHOSEN_BY_SOMEBODY = {
    "synchronous_commit": "off",
    "search_path": "public",
    "timezone": "Asia/Tokyo",
    "statement_timeout": "0",
    "default_transaction_isolation": "serializable",
}
"""What sessions of this database have by themselves: nothing of it may be left in ours."""
ALWAYS = {
    "application_name": "rpawatch",
    "client_encoding": "UTF8",
    "timezone": "UTC",
    "search_path": "rpawatch",
    "idle_in_transaction_session_timeout": "5s",
    "synchronous_commit": "on",
    "default_transaction_isolation": "read committed",
}


@pytest.fixture(scope="module", autouse=True)
def _defaults(database_url: str) -> None:
    name = sql.Identifier(str(conninfo_to_dict(database_url)["dbname"]))
    with psycopg.connect(database_url, autocommit=True) as owner:
        for setting, value in CHOSEN_BY_SOMEBODY.items():
            owner.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused or silent need not be waited for as long as the service does."""
    monkeypatch.setattr(store, "POOL_WAIT_SECONDS_MAX", 0.2)
    monkeypatch.setattr(BoundedConnection, "reply_seconds_max", SECONDS_MAX)
    monkeypatch.setattr(session, "HEAR_SECONDS_MAX", 0.2)


@contextmanager
def of_pool(url: str) -> Iterator[psycopg.Connection[Any]]:
    with pool(url) as database, ExitStack() as stack:
        yield lent_by(database, stack)


def lent_by(database: Database, stack: ExitStack) -> psycopg.Connection[Any]:
    """Borrow a connection. Until the first was made, or refused by name, ask again: a busy machine takes long to."""
    until = time.monotonic() + in_time(2)
    while True:
        try:
            return stack.enter_context(database.get_connection())
        except StoreSessionError:
            raise
        except StoreUnavailableError:
            if time.monotonic() > until:
                raise


@contextmanager
def pool(url: str, connections_max: int = 8) -> Iterator[Database]:
    database = Database(url, connections_max=connections_max)
    database.open()
    try:
        yield database
    finally:
        database.close()


Way = tuple["Callable[[str], AbstractContextManager[psycopg.Connection[Any]]]", str | None, float]
WAYS: dict[str, Way] = {
    "a request": (of_pool, APP_ROLE, STATEMENT_SECONDS_MAX),
    "a follower": (
        lambda url: closing(connect(url, role=PROJECTOR_ROLE, statement_seconds_max=STATEMENT_SECONDS_MAX)),
        PROJECTOR_ROLE,
        STATEMENT_SECONDS_MAX,
    ),
    "a rebuild": (lambda url: closing(connect(url, role=PROJECTOR_ROLE)), PROJECTOR_ROLE, 0),
    "the first start": (lambda url: closing(connect(url)), None, 0),
    "a migration": (lambda url: closing(connect(url, doubt=True)), None, 0),
}
"""Every way in which a connection is opened, its role, and the limit of its statements."""


def login_of(url: str) -> str:
    return str(conninfo_to_dict(url)["user"])


def check_session(connection: psycopg.Connection[Any], role: str, statement_seconds: float) -> None:
    """Ask the server itself, one thing at a time."""

    def ask(query: str) -> Any:
        [value] = (connection.execute(query.encode()).fetchone() or {}).values()
        return value

    assert ask("SELECT current_user::text") == role
    limits = {
        "statement_timeout": f"{statement_seconds:g}s" if statement_seconds else "0",
        "lock_timeout": f"{statement_seconds:g}s" if statement_seconds else "1min",
    }
    assert {name: ask(f"SHOW {name}") for name in ALWAYS | limits} == ALWAYS | limits
    assert ask("SELECT count(*) FROM pg_listening_channels()") == 0
    assert ask("SELECT count(*) FROM pg_prepared_statements") == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("UPDATE rpawatch.events SET state = 'x'")


@pytest.mark.parametrize("way", WAYS)
def test_a_session_is_what_was_meant_also_without_a_pooler(database_url: str, way: str) -> None:
    begin, role, statement_seconds = WAYS[way]
    with begin(database_url) as connection:
        check_session(connection, role or login_of(database_url), statement_seconds)


@pytest.mark.parametrize("options", OPTIONS)
def test_behind_a_pooler_of_sessions_every_session_is_what_was_meant(database_url: str, options: str) -> None:
    with PgBouncer(database_url, "session", **OPTIONS[options]) as pooler:
        for begin, role, statement_seconds in [*WAYS.values()] * 2:  # the second time on a used server connection
            with begin(pooler.url()) as connection:
                check_session(connection, role or login_of(database_url), statement_seconds)


@pytest.mark.parametrize("reset", ["DISCARD ALL", "SELECT 1"])
def test_what_the_session_before_has_left_does_no_harm(database_url: str, reset: str) -> None:
    with PgBouncer(database_url, "session", default_pool_size=2, server_reset_query=reset) as pooler:
        for way in ("a rebuild", "a request", "a migration"):
            begin, role, statement_seconds = WAYS[way]
            with begin(pooler.url()) as connection:
                check_session(connection, role or login_of(database_url), statement_seconds)
                for _ in range(2):
                    connection.execute("SELECT 1 AS one", prepare=True)
                connection.execute("LISTEN something")


def test_the_service_works_through_a_pooler_of_sessions_and_its_fence_stands(
    database_url: str, clock: FakeClock
) -> None:
    with (
        PgBouncer(database_url, "session", ignore_startup_parameters="options") as pooler,
        Services(pooler.url(), clock=clock, threads=2) as services,
    ):
        services.begin().follow()
        cast = Cast(application_on(services.database, clock))
        assert cast.bot().report().job is not None
        position = services.event_sourcing.recorder.last_position()
        wait_until(lambda: wait_for_lists(services.database, position), "the lists", seconds_max=30)
        model = next(model for model in READ_MODELS if model.name.startswith("process_list"))
        everything = sql.SQL("SELECT * FROM rpawatch_lists.{}").format(sql.Identifier(model.name))
        with services.database.get_connection() as connection:
            assert connection.execute(everything).fetchall() == []
        with reading(services.database, [cast.account_a], model.name) as connection:
            assert {row["account_id"] for row in connection.execute(everything)} == {cast.account_a}


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("mode", SHARED)
@pytest.mark.parametrize("options", OPTIONS)
def test_a_pooler_that_shares_connections_is_refused_by_name_and_nothing_is_left_behind(
    database_url: str, mode: PoolMode, options: str
) -> None:
    with PgBouncer(database_url, mode, **OPTIONS[options]) as pooler:
        for way, (begin, _, _) in WAYS.items():
            with pytest.raises(StoreSessionError, match=REFUSAL), begin(pooler.url()):
                raise AssertionError(f"{way} was let in")
        with pytest.raises(StoreSessionError, match=REFUSAL):
            migrate(pooler.url())
        check_untouched(pooler)


def check_untouched(pooler: PgBouncer) -> None:
    """The servers that others are lent next are as they were."""
    with closing(psycopg.connect(pooler.url(), autocommit=True, prepare_threshold=None)) as other:
        row = other.execute(
            "SELECT current_user = session_user, current_setting('search_path'), current_setting('statement_timeout'),"
            " (SELECT count(*) FROM pg_listening_channels()), (SELECT count(*) FROM pg_prepared_statements)"
        ).fetchone()
    assert row == (True, "public", "0", 0, 0)


@pytest.mark.parametrize(
    "settings",
    [{"default_pool_size": 1}, {"default_pool_size": 5}, {"default_pool_size": 5, "server_round_robin": 1}],
    ids=str,
)
def test_no_number_of_servers_and_no_others_at_work_hide_that_they_are_shared(
    database_url: str, settings: dict[str, Any]
) -> None:
    with PgBouncer(database_url, "transaction", **settings) as pooler:
        for busy in (0, 3):
            with others_at_work(pooler.url(), busy):
                for _ in range(DETECTIONS):
                    with pytest.raises(StoreSessionError, match=REFUSAL):
                        connect(pooler.url(), role=APP_ROLE)


@contextmanager
def others_at_work(url: str, number: int) -> Iterator[None]:
    stop = threading.Event()

    def work(seconds: float) -> None:
        with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
            while not stop.is_set():
                connection.execute("SELECT pg_sleep(%s)", (seconds,))

    with ThreadPoolExecutor(max(1, number)) as threads:
        working = [threads.submit(work, 0.001 * (place + 1)) for place in range(number)]
        try:
            yield
        finally:
            stop.set()
        for one in working:
            one.result()


@pytest.mark.usefixtures("_impatient")
def test_a_server_that_stays_with_its_client_by_chance_is_found_out_too(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where each of the two that ask comes upon a pooler of its own behind the one address."""
    monkeypatch.setattr(session, "_TURNS", "")
    with PgBouncer(database_url, "transaction") as pooler:
        for begin, _, _ in WAYS.values():
            with pytest.raises(StoreSessionError, match=REFUSAL), begin(pooler.url()):
                raise AssertionError
        check_untouched(pooler)


def test_a_pooler_that_begins_to_share_while_we_work_is_noticed_and_all_is_well_when_it_stops(
    database_url: str, clock: FakeClock
) -> None:
    with (
        PgBouncer(database_url, "session") as pooler,
        another_process(pooler.url(), clock) as process,
        pool(pooler.url()) as others,
        ThreadPoolExecutor(4) as threads,
    ):
        bot = Cast(process).bot(limit=10_000)
        list(threads.map(lambda _: others.ping(), range(16)))
        pooler.reload("transaction")
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                with suppress(StoreUnavailableError):
                    others.ping()

        asking = [threads.submit(ask) for _ in range(4)]
        try:
            wait_until(lambda: REFUSAL in refusal_of(others.ping), "the refusal", seconds_max=in_time(15))
            wait_until(lambda: REFUSAL in refusal_of(process.position), "another refusal", seconds_max=in_time(15))
        finally:
            stop.set()
        for one in asking:
            one.result()
        pooler.reload("session")
        wait_until(lambda: not refusal_of(bot.report), "the service works again", seconds_max=in_time(15))


def refusal_of(action: Callable[[], object]) -> str:
    try:
        action()
    except StoreUnavailableError as error:
        return str(error) or "unavailable"
    return ""


@pytest.mark.parametrize("swap", ["RESET ROLE", f"SET ROLE {PROJECTOR_ROLE}"])
def test_a_session_that_was_given_away_appends_nothing_and_shows_nothing(
    database_url: str, clock: FakeClock, swap: str
) -> None:
    """Before it is looked at again. What it has then is the role of another, such as the owner's."""
    with another_process(database_url, clock) as process, pool(database_url, connections_max=1) as database:
        cast = Cast(process)
        assert cast.bot().report().job is not None
        position = process.position()

        def give_away() -> None:
            with database.get_connection() as connection:
                connection.execute(swap.encode())

        give_away()
        with pytest.raises(StoreUnavailableError), reading(database, [cast.account_a], READ_MODELS[0].name):
            raise AssertionError
        recorder = application_on(database, clock).event_sourcing.recorder
        give_away()
        last = process.log_after(position - 1)[-1]
        with pytest.raises(StoreUnavailableError):
            recorder.append([StoredEvent(uuid4(), 1, last.topic, last.state)], {})
        assert process.position() == position
        recorder.append([StoredEvent(uuid4(), 1, last.topic, last.state)], {})  # in a session of its own again
        assert process.position() == position + 1


def test_a_session_behind_a_pooler_is_looked_at_again_and_one_without_is_not(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    monkeypatch.setattr(store, "CHECK_SECONDS", 0.0)
    monkeypatch.setattr(session, "check", lambda connection, _: looks.append(connection))
    with PgBouncer(database_url, "session") as pooler, connect(pooler.url()) as pooled, connect(database_url) as direct:
        for connection in (pooled, direct):
            connection.execute("SELECT 1")
            with connection.transaction():
                connection.execute("SELECT 1")
    assert looks == [pooled, pooled]


@pytest.mark.usefixtures("_impatient")
def test_a_pooler_with_too_few_servers_is_told_in_time(database_url: str) -> None:
    with PgBouncer(database_url, "session", default_pool_size=2) as pooler, connect(pooler.url(), role=APP_ROLE):
        began = time.monotonic()
        with pytest.raises(StoreSessionError, match="default_pool_size"):
            connect(pooler.url(), role=APP_ROLE)
        assert time.monotonic() - began < SECONDS_MAX + in_time(1.5)


def test_a_pooler_that_is_started_again_is_used_again(database_url: str, clock: FakeClock) -> None:
    with PgBouncer(database_url, "session") as pooler, another_process(pooler.url(), clock, seconds_max=1) as process:
        bot = Cast(process).bot(limit=10_000)
        pooler.stop()
        assert refusal_of(bot.report)
        pooler.start()
        wait_until(lambda: not refusal_of(bot.report), "the service works again", seconds_max=in_time(15))


def test_a_pooler_that_asks_for_a_password_is_given_it_for_every_connection(database_url: str) -> None:
    password = str(conninfo_to_dict(database_url).get("password") or "a long walk in the rain")
    with PgBouncer(database_url, "session", auth_type="scram-sha-256", password=password) as pooler:
        with connect(pooler.url(password), role=APP_ROLE) as connection:
            check_session(connection, APP_ROLE, 0)
        with pytest.raises(StoreUnavailableError):
            connect(pooler.url("another"), role=APP_ROLE)


def test_a_role_that_is_not_there_is_named(database_url: str) -> None:
    with pytest.raises(StoreSessionError, match=r"rpawatch_nobody.*Run `rpawatch migrate`"):
        connect(database_url, role="rpawatch_nobody")


OPENS = {
    "psycopg.connect",
    "psycopg.Connection.connect",
    "psycopg.AsyncConnection.connect",
    "BoundedConnection.connect",
}
DRIVERS = {"psycopg_pool", "psycopg2", "asyncpg", "pg8000", "sqlalchemy"}
ALLOWED = {
    "application/store/database.py": {"BoundedConnection.connect", "psycopg_pool"},
    # As superuser, on the socket in its own folder, before there is a database to be anybody in.
    "application/store/embedded/server.py": {"psycopg.connect"},
}


def test_only_one_place_opens_connections() -> None:
    found: dict[str, set[str]] = {}
    for package in ("application", "domain", "interfaces", "projections"):
        for path in (ROOT / package).rglob("*.py"):
            if opened := set(connections_in(ast.parse(path.read_text()))):
                found[str(path.relative_to(ROOT))] = opened
    assert found == ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        "psycopg.connect(url)", "opening = psycopg.Connection.connect", "BoundedConnection.connect(url)",
        "from psycopg import connect as begin", "from psycopg import AsyncConnection", "import psycopg as pg",
        "import psycopg_pool", "from psycopg_pool import ConnectionPool", "import asyncpg",
    ],
)  # fmt: skip
def test_another_place_would_be_found(text: str) -> None:
    assert list(connections_in(ast.parse(text)))


def connections_in(tree: ast.Module) -> Iterator[str]:
    """Yield what opens connections to PostgreSQL: calls, and imports of what would hide one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) in OPENS:
            yield ast.unparse(node)
        elif isinstance(node, ast.ImportFrom):
            if node.module == "psycopg_pool":
                yield "psycopg_pool"
            if node.module == "psycopg":
                yield from (alias.name for alias in node.names if "onnect" in alias.name)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in DRIVERS)
            yield from (str(alias.asname) for alias in node.names if alias.name == "psycopg" and alias.asname)
