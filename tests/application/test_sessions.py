"""Sessions as their user sees them, and the change of a password, which ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from application.identity.sessions import CLIENT_CHARS_MAX, SEEN_STEP, Client, Session, Sessions
from application.identity.users import User, Users
from domain.errors import InvalidInputError, SignInFailedError, SignInThrottledError
from domain.limits import SESSION_LIFETIME, SIGN_IN_FAILURES_PER_PAIR_MAX
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from uuid import UUID

    from application.store.database import Database

PASSWORD = "seven green bicycles"
OTHER = "nine purple umbrellas"
HERE = Client("192.0.2.7", "Firefox")
THERE = Client("198.51.100.9")


class Person:
    """A user with a password, and what keeps their sessions."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        users = Users(database)
        self.sessions = Sessions(database, users, self.clock)
        self.user: User = users.ensure(f"{uuid4()}@example.com", "Ada", self.clock(), PASSWORD)[0]

    def sign_in(self, password: str = PASSWORD, client: Client = HERE) -> Session:
        return self.sessions.sign_in(self.user.email, password, client)

    def is_signed_in(self, session: Session) -> bool:
        return self.sessions.find(session.token) is not None

    def shown(self) -> list[UUID]:
        return [view.session_id for view in self.sessions.of_user(self.user.user_id)]


@pytest.fixture
def person(database: Database) -> Person:
    return Person(database)


def test_a_user_is_shown_where_and_when_their_sessions_began_the_last_seen_first(person: Person) -> None:
    first = person.sign_in()
    person.clock.advance(timedelta(hours=1))
    second = person.sign_in(client=THERE)
    one, other = person.sessions.of_user(person.user.user_id)
    assert (one.session_id, one.address, one.client) == (second.session_id, "198.51.100.9", None)
    assert (other.session_id, other.address, other.client) == (first.session_id, "192.0.2.7", "Firefox")
    assert one.created_at == one.last_seen_at == person.clock.now
    assert other.expires_at == other.created_at + SESSION_LIFETIME


def test_one_that_has_ended_by_itself_is_not_shown(person: Person) -> None:
    person.sign_in()
    person.clock.advance(SESSION_LIFETIME)
    assert person.sessions.of_user(person.user.user_id) == []


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
    ("current", "new", "pointer"),
    [
        ("not that password", OTHER, "/current_password"),
        (PASSWORD, "too short", "/new_password"),
        (PASSWORD, "passwordpassword", "/new_password"),
        ("not that password", "too short", "/current_password"),
    ],
)
def test_a_change_that_is_refused_names_the_field_and_changes_nothing(
    person: Person, current: str, new: str, pointer: str
) -> None:
    session = person.sign_in()
    with pytest.raises(InvalidInputError) as refused:
        person.sessions.change_password(session, current, new, HERE)
    assert [error.pointer for error in refused.value.errors] == [pointer]
    assert person.is_signed_in(session)
    assert person.is_signed_in(person.sign_in(PASSWORD))


def test_who_finds_an_open_browser_can_not_guess_the_password_there(person: Person) -> None:
    session = person.sign_in()
    for _ in range(SIGN_IN_FAILURES_PER_PAIR_MAX):
        with pytest.raises(InvalidInputError):
            person.sessions.change_password(session, "not that password", OTHER, HERE)
    with pytest.raises(SignInThrottledError):
        person.sessions.change_password(session, PASSWORD, OTHER, HERE)
