"""Sessions as their user sees them, how they end, and what changes a password while somebody signs in."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from application.identity import passwords
from application.identity.hashing import HASHING
from application.identity.sessions import CLIENT_CHARS_MAX, SEEN_STEP, Client, Session, Sessions
from application.identity.users import User, Users
from domain.errors import (
    DomainError,
    InvalidInputError,
    NotSignedInError,
    SignInFailedError,
    SignInThrottledError,
)
from domain.limits import SESSION_IDLE_MAX, SESSION_LIFETIME, SIGN_IN_FAILURES_FAMILIAR_MAX, SIGN_IN_WINDOW
from tests.support.clock import FakeClock
from tests.support.waiting import wait_until
from tests.support.world import CHEAP_HASHER, add_user

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from application.store.database import Database

PASSWORD = "seven green bicycles"
OTHER = "nine purple umbrellas"
HERE = Client("192.0.2.7", "Firefox")
THERE = Client("198.51.100.9")
SECOND = timedelta(seconds=1)


THIRD = "three silver ladders"


class Person:
    """A user with a password, and what keeps their sessions."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        self.database = database
        self.users = Users(database)
        self.sessions = Sessions(database, self.users, self.clock)
        self.user: User = add_user(self.users, f"{uuid4()}@example.com", "Ada", self.clock(), PASSWORD)

    def sign_in(self, password: str = PASSWORD, client: Client = HERE) -> Session:
        return self.sessions.sign_in(self.user.email, password, client)

    def is_signed_in(self, session: Session) -> bool:
        return self.sessions.find(session.token) is not None

    def shown(self) -> list[UUID]:
        return [view.session_id for view in self.sessions.of_user(self.user.user_id)]


@pytest.fixture(autouse=True)
def places() -> None:
    """Have as many places for hashing as a service has: those of this process fit what was begun last in it."""
    HASHING.fit(16)


@pytest.fixture(autouse=True)
def _hashing_takes_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "_hasher", CHEAP_HASHER)
    monkeypatch.setattr(passwords, "_nobody", [])  # whose salt may be a costly one, made by a test before


@pytest.fixture
def person(database: Database) -> Person:
    return Person(database)


def test_a_user_is_shown_where_and_when_their_sessions_began_the_last_seen_first(person: Person) -> None:
    first = person.sign_in()
    person.clock.advance(timedelta(minutes=30))
    second = person.sign_in(client=THERE)
    one, other = person.sessions.of_user(person.user.user_id)
    assert (one.session_id, one.address, one.client) == (second.session_id, "198.51.100.9", None)
    assert (other.session_id, other.address, other.client) == (first.session_id, "192.0.2.7", "Firefox")
    assert one.created_at == one.last_seen_at == person.clock.now
    assert other.expires_at == other.created_at + SESSION_LIFETIME


def test_one_that_has_ended_by_itself_is_not_shown(person: Person) -> None:
    person.sign_in()
    person.clock.advance(SESSION_IDLE_MAX)
    assert person.sessions.of_user(person.user.user_id) == []


def test_a_session_ends_when_it_is_not_used_for_an_hour(person: Person) -> None:
    used, unused = person.sign_in(), person.sign_in()
    person.clock.advance(SESSION_IDLE_MAX - SECOND)
    assert person.is_signed_in(used)
    person.clock.advance(SECOND)
    assert person.is_signed_in(used)
    assert not person.is_signed_in(unused)
    assert person.shown() == [used.session_id]
    person.clock.advance(SESSION_IDLE_MAX)
    assert not person.is_signed_in(used)


def test_a_session_ends_twelve_hours_after_it_began_however_it_is_used(person: Person) -> None:
    session, began = person.sign_in(), person.clock.now
    while person.clock.advance(timedelta(minutes=50)) < began + SESSION_LIFETIME:
        assert person.is_signed_in(session)
    assert not person.is_signed_in(session)


def test_what_asks_by_itself_keeps_no_session_alive(person: Person) -> None:
    session = person.sign_in()
    for _ in range(3):
        person.clock.advance(SESSION_IDLE_MAX / 4)
        assert person.sessions.find(session.token, is_use=False) is not None
    person.clock.advance(SESSION_IDLE_MAX / 4)
    assert not person.is_signed_in(session)


def test_sessions_that_ended_by_themselves_are_forgotten(person: Person, database: Database) -> None:
    person.sign_in()
    person.clock.advance(SESSION_IDLE_MAX)
    session = person.sign_in()
    with database.get_connection() as connection:
        rows = connection.execute(
            "SELECT session_id FROM rpawatch.sessions WHERE user_id = %s", (person.user.user_id,)
        ).fetchall()
    assert [row["session_id"] for row in rows] == [session.session_id]


def test_a_session_in_place_of_others_ends_them_whosever_they_are_and_a_failure_ends_none(
    person: Person, database: Database
) -> None:
    mine, other, theirs = person.sign_in(), person.sign_in(), Person(database).sign_in()
    tokens = [mine.token, theirs.token, "of no session"]
    with pytest.raises(SignInFailedError):
        person.sessions.sign_in(person.user.email, "not that password", HERE, instead_of=tokens)
    assert all(map(person.is_signed_in, (mine, other, theirs)))
    after = person.sessions.sign_in(person.user.email, PASSWORD, HERE, instead_of=tokens)
    assert [person.is_signed_in(session) for session in (mine, theirs, other, after)] == [False, False, True, True]


def test_when_it_was_seen_is_written_now_and_then(person: Person) -> None:
    session = person.sign_in()

    def seen_after(wait: timedelta) -> timedelta:
        person.clock.advance(wait)
        assert person.sessions.find(session.token) is not None
        [view] = person.sessions.of_user(person.user.user_id)
        return view.last_seen_at - view.created_at

    assert seen_after(SEEN_STEP - timedelta(seconds=1)) == timedelta()
    assert seen_after(timedelta(seconds=1)) == SEEN_STEP


def test_a_client_that_says_a_lot_of_itself_is_cut_short(person: Person) -> None:
    person.sign_in(client=Client("192.0.2.7", "x" * 1_000))
    assert person.sessions.of_user(person.user.user_id)[0].client == "x" * CLIENT_CHARS_MAX


def test_a_user_ends_one_of_their_sessions_and_nobody_elses(person: Person, database: Database) -> None:
    mine, lost = person.sign_in(), person.sign_in(client=THERE)
    stranger = Person(database)
    theirs = stranger.sign_in()
    assert not person.sessions.end_one(person.user.user_id, theirs.session_id)
    assert stranger.is_signed_in(theirs)
    assert person.sessions.end_one(person.user.user_id, lost.session_id)
    assert not person.sessions.end_one(person.user.user_id, lost.session_id)
    assert person.is_signed_in(mine)
    assert not person.is_signed_in(lost)


def test_a_user_ends_all_sessions_but_the_one_at_hand(person: Person, database: Database) -> None:
    mine, *others = [person.sign_in() for _ in range(3)]
    stranger = Person(database)
    theirs = stranger.sign_in()
    assert person.sessions.end_others(mine) == 2
    assert person.is_signed_in(mine)
    assert not any(map(person.is_signed_in, others))
    assert stranger.is_signed_in(theirs)


def test_a_change_of_password_ends_all_sessions_and_begins_another(person: Person) -> None:
    before = [person.sign_in(), person.sign_in(client=THERE)]
    after = person.sessions.change_password(before[0], PASSWORD, OTHER, HERE)
    assert person.is_signed_in(after)
    assert not any(map(person.is_signed_in, before))
    assert after.token not in {session.token for session in before}
    assert person.shown() == [after.session_id]
    with pytest.raises(SignInFailedError):
        person.sign_in(PASSWORD)
    assert person.is_signed_in(person.sign_in(OTHER))


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("not that password", OTHER, "current_password"),
        (PASSWORD, "too short", "new_password"),
        (PASSWORD, "passwordpassword", "new_password"),
        ("not that password", "too short", "current_password"),
    ],
)
def test_a_change_that_is_refused_names_the_field_and_changes_nothing(
    person: Person, current: str, new: str, field: str
) -> None:
    session = person.sign_in()
    with pytest.raises(InvalidInputError) as refused:
        person.sessions.change_password(session, current, new, HERE)
    assert [error.field for error in refused.value.errors] == [field]
    assert person.is_signed_in(session)
    assert person.is_signed_in(person.sign_in(PASSWORD))


def test_who_finds_an_open_browser_can_not_guess_the_password_there(person: Person) -> None:
    session = person.sign_in()

    def guess() -> int:
        with pytest.raises((InvalidInputError, SignInThrottledError)) as refused:
            person.sessions.change_password(session, "not that password", OTHER, HERE)
        return getattr(refused.value, "retry_after_seconds", 0)

    assert [guess() for _ in range(SIGN_IN_FAILURES_FAMILIAR_MAX)] == [0] * SIGN_IN_FAILURES_FAMILIAR_MAX
    assert guess() == 1
    with pytest.raises(SignInThrottledError):
        person.sessions.change_password(session, PASSWORD, OTHER, HERE)
    waited, guesses = 0, 0
    while waited < SIGN_IN_WINDOW.total_seconds():
        wait = guess()
        waited, guesses = waited + wait, guesses + (not wait)
        person.clock.advance(timedelta(seconds=wait))
        person.is_signed_in(session)
    assert guesses < 25, "a quarter of an hour"
    assert person.is_signed_in(person.sign_in()), "and a sign-in does not wait for that"


class Paused:
    """Lets a thread stop after one of its hashings, before it writes: what was checked before is old by then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._reached, self._go_on = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        turn = HASHING.turn

        @contextmanager
        def pausing() -> Iterator[None]:
            with turn():
                yield
            if threading.current_thread() is self._thread:
                self._hashings -= 1
                if not self._hashings:
                    self._reached.set()
                    assert self._go_on.wait(30)

        monkeypatch.setattr(HASHING, "turn", pausing)

    def during(self, slow: Callable[[], object], hashings: int, meanwhile: Callable[[], object]) -> object:
        """Let `meanwhile` happen after so many hashings of `slow`; return what came of `slow`: its result or error."""
        outcome: list[object] = []

        def run() -> None:
            try:
                outcome.append(slow())
            except DomainError as error:
                outcome.append(error)

        self._hashings = hashings
        self._thread = threading.Thread(target=run)
        self._thread.start()
        try:
            assert self._reached.wait(30)
            meanwhile()
        finally:
            self._go_on.set()
            self._thread.join(30)
        return outcome[0]


def change(person: Person, session: Session, new: str) -> Session:
    return person.sessions.change_password(session, PASSWORD, new, HERE)


def reset(person: Person) -> None:
    person.users.set_password(person.user.user_id, THIRD)


def hashed(person: Person, password: str) -> str:
    [identity] = person.users.by_email(person.user.email)
    return passwords.hash_password(password, identity.password_salt)


def erase(person: Person) -> None:
    with person.database.get_connection() as connection:
        connection.execute("DELETE FROM rpawatch.users WHERE user_id = %s", (person.user.user_id,))


@pytest.mark.parametrize(
    ("meanwhile", "password"),
    [
        (lambda person, session: change(person, session, OTHER), OTHER),
        (lambda person, _: reset(person), THIRD),
        (lambda person, _: erase(person), None),
    ],
    ids=["changed", "reset", "erased"],
)
def test_no_session_begins_with_a_password_that_is_void_by_then(
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Person, Session], object],
    password: str | None,
) -> None:
    session = person.sign_in()
    came = Paused(monkeypatch).during(person.sign_in, 1, lambda: meanwhile(person, session))
    assert isinstance(came, SignInFailedError)
    assert not person.is_signed_in(session)
    assert len(person.shown()) == (password == OTHER), "that of the change"
    for text in (PASSWORD, OTHER, THIRD):
        with nullcontext() if text == password else pytest.raises(SignInFailedError):
            person.sign_in(text)


def test_a_sign_in_outlives_the_end_of_all_sessions_that_were_there_before(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = person.sign_in()
    came = Paused(monkeypatch).during(person.sign_in, 1, lambda: person.sessions.end_others(session))
    assert isinstance(came, Session)
    assert person.is_signed_in(came)


@pytest.mark.parametrize(
    ("meanwhile", "password"),
    [
        (lambda person, _, other: change(person, other, THIRD), THIRD),
        (lambda person, session, _: change(person, session, THIRD), THIRD),
        (lambda person, _, __: reset(person), THIRD),
        (lambda person, session, _: person.sessions.end(session.token), PASSWORD),
        (lambda person, session, _: person.sessions.end_one(person.user.user_id, session.session_id), PASSWORD),
        (lambda person, _, other: person.sessions.end_others(other), PASSWORD),
        (lambda person, _, __: person.clock.advance(SESSION_IDLE_MAX), PASSWORD),
        (lambda person, _, __: person.clock.advance(SESSION_LIFETIME), PASSWORD),
        (lambda person, _, __: erase(person), None),
    ],
    ids=[
        "changed by another",
        "changed by the same",
        "reset",
        "signed out",
        "ended",
        "others ended",
        "not used",
        "over",
        "erased",
    ],
)
def test_a_password_is_not_changed_by_a_session_that_has_ended_by_then(
    person: Person,
    monkeypatch: pytest.MonkeyPatch,
    meanwhile: Callable[[Person, Session, Session], object],
    password: str | None,
) -> None:
    """After the new password was hashed: the last moment. `test_sessions_that_begin_before_...` has both moments."""
    session, other = person.sign_in(), person.sign_in()
    came = Paused(monkeypatch).during(
        lambda: change(person, session, OTHER), 2, lambda: meanwhile(person, session, other)
    )
    assert isinstance(came, NotSignedInError)
    assert not person.is_signed_in(session)
    for text in (PASSWORD, OTHER, THIRD):
        with nullcontext() if text == password else pytest.raises(SignInFailedError):
            person.sign_in(text)


def test_a_password_that_was_changed_past_the_session_is_not_changed_back(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a database administrator may do it, who does not know of sessions."""
    session = person.sign_in()

    def change_past_it() -> None:
        with person.database.get_connection() as connection:
            connection.execute(
                "UPDATE rpawatch.users SET password_hash = %s WHERE user_id = %s",
                (hashed(person, THIRD), person.user.user_id),
            )

    came = Paused(monkeypatch).during(lambda: change(person, session, OTHER), 2, change_past_it)
    assert isinstance(came, InvalidInputError)
    assert person.is_signed_in(person.sign_in(THIRD))


@pytest.mark.parametrize(
    "slow", [lambda person, session: change(person, session, OTHER), lambda person, _: reset(person)]
)
@pytest.mark.parametrize("hashings", [1, 2])
def test_sessions_that_begin_before_a_change_is_written_end_with_it(
    person: Person, monkeypatch: pytest.MonkeyPatch, slow: Callable[[Person, Session], object], hashings: int
) -> None:
    session = person.sign_in()
    begun: list[Session] = []
    is_reset = slow.__code__.co_varnames[1] == "_"
    came = Paused(monkeypatch).during(
        lambda: slow(person, session), 1 if is_reset else hashings, lambda: begun.append(person.sign_in())
    )
    assert not any(map(person.is_signed_in, (session, *begun)))
    assert person.shown() == ([came.session_id] if isinstance(came, Session) else [])


def test_one_whose_user_is_being_changed_waits_for_it_and_is_refused(person: Person) -> None:
    """Between the two statements of a change: the row's lock decides, not luck."""
    with ThreadPoolExecutor(1) as pool, person.database.transaction() as cursor:
        person.users.replace_password(cursor, person.user.user_id, hashed(person, OTHER))
        signing_in = pool.submit(person.sign_in)
        wait_until(lambda: waits_for_a_lock(person.database), "the sign-in waits")
    with pytest.raises(SignInFailedError):
        signing_in.result(30)


def waits_for_a_lock(database: Database) -> bool:
    with database.pool.connection() as connection:
        row = connection.execute("SELECT count(*) AS waiting FROM pg_locks WHERE NOT granted").fetchone()
    return row is not None and row["waiting"] > 0
