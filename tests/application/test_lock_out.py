"""Nobody keeps a person out by failing in their name: where they signed in before they are slowed, never refused."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from application.identity import passwords, sessions, throttle
from application.identity.sessions import Client, Session, Sessions
from application.identity.users import Users
from domain.errors import HashingBusyError, SignInFailedError, SignInThrottledError
from domain.limits import (
    FAMILIAR_FOR,
    FAMILIAR_NETWORKS_MAX,
    SIGN_IN_FAILURES_FAMILIAR_MAX,
    SIGN_IN_FAILURES_PER_ADDRESS_MAX,
    SIGN_IN_FAILURES_PER_PAIR_MAX,
    SIGN_IN_FAILURES_PER_USER_MAX,
    SIGN_IN_PAUSE_MAX,
    SIGN_IN_WINDOW,
)
from tests.support.clock import FakeClock
from tests.support.effort import effort
from tests.support.world import CHEAP_HASHER, add_user

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from application.identity.users import User
    from application.store.database import Database

PASSWORD = "seven green bicycles"
HOME, AWAY = "2001:db8:1:1::7", "203.0.113.99"
SECOND = timedelta(seconds=1)


class Office:
    """Where people sign in, with passwords that take no time."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        self.users = Users(database)
        self.sessions = Sessions(database, self.users, self.clock)

    def person(self) -> User:
        return add_user(self.users, f"{uuid4()}@example.com", "Ada", self.clock(), PASSWORD)

    def sign_in(self, user: User | str, client: Client | str, password: str = PASSWORD) -> Session:
        email = user if isinstance(user, str) else user.email
        return self.sessions.sign_in(email, password, Client(client) if isinstance(client, str) else client)

    def wait(self, user: User | str, client: Client | str, password: str = PASSWORD) -> int | None:
        """Return how long one is told to wait, in seconds; 0 for a wrong password, None for a right one."""
        try:
            self.sign_in(user, client, password)
        except SignInThrottledError as error:
            return error.retry_after_seconds
        except SignInFailedError:
            return 0
        return None

    def fail(self, user: User | str, clients: Iterable[Client | str], times: int = 1) -> list[int | None]:
        """Try wrong passwords from each, and return what came of it."""
        return [self.wait(user, client, "wrong") for client in clients for _ in range(times)]

    def device(self, user: User, address: str) -> Client:
        """Return a device that the user signed in with, at that address."""
        device = self.sign_in(user, address).device
        assert device is not None
        return Client(address, device=device.shown)


FEW = 20
"""As many failures of strangers are borne of a user where a test is not about how many.

How many there are is seen by `test_of_many_attempts_at_once_no_more_are_looked_at_than_of_one_by_one`.
"""
FEW_STRANGERS = ["198.51.100.1", "198.51.100.2"]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a flood be a small one."""
    monkeypatch.setattr(throttle, "SIGN_IN_FAILURES_PER_USER_MAX", FEW)


@pytest.fixture
def office(database: Database, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(passwords, "_hasher", CHEAP_HASHER)
    monkeypatch.setattr(passwords, "_nobody", [])  # whose salt may be a costly one, made by a test before
    with database.get_connection() as connection:
        connection.execute("DELETE FROM rpawatch.sign_in_failures")
    return Office(database)


@pytest.fixture
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed, to see whether they are right."""
    seen: list[str] = []
    verify = passwords.verify_password

    def look(salt: str | None, hashes: Sequence[str | None], password: str) -> list[bool]:
        seen.append(password)
        return verify(salt, hashes, password)

    monkeypatch.setattr(sessions, "verify_password", look)
    return seen


FLOODS = {
    "few addresses": [f"198.51.100.{number}" for number in range(4)] * SIGN_IN_FAILURES_PER_PAIR_MAX,
    "many addresses": [f"198.18.0.{number}" for number in range(2 * FEW)],
    "one /64": [f"2001:db8:bad:1::{number:x}" for number in range(2 * FEW)],
    "many networks": [f"2001:db8:bad:{number:x}::1" for number in range(2 * FEW)],
}


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_from_elsewhere_does_not_make_a_person_wait_where_they_were_before(office: Office, name: str) -> None:
    flood = FLOODS[name]
    person = office.person()
    device = office.device(person, HOME)
    borne = office.fail(person, flood).count(0)
    assert borne == (SIGN_IN_FAILURES_PER_PAIR_MAX if name == "one /64" else FEW)
    assert office.wait(person, HOME) is None
    assert office.wait(person, "2001:db8:1:1:ffff::1") is None, "in the same network"
    assert office.wait(person, replace(device, address=AWAY)) is None, "the known device, wherever it is"
    office.sign_in(person, HOME)
    assert office.wait(person, flood[0]) != 0, "what was borne of strangers is used up"


@pytest.mark.usefixtures("few")
def test_who_is_away_from_what_is_known_waits_while_the_flood_goes_on_and_not_longer(office: Office) -> None:
    person = office.person()
    office.sign_in(person, HOME)
    office.fail(person, FEW_STRANGERS, 10)
    wait = office.wait(person, AWAY)
    assert wait == SIGN_IN_WINDOW.total_seconds()
    office.clock.advance(SIGN_IN_WINDOW)
    assert office.wait(person, AWAY) is None
    office.fail(person, FEW_STRANGERS, 10)
    assert office.wait(person, AWAY) is None, "it is known from now on"


def test_a_stranger_in_the_same_network_slows_a_person_by_a_minute_at_most_and_their_device_not_at_all(
    office: Office,
) -> None:
    person = office.person()
    device = office.device(person, HOME)
    neighbour = "2001:db8:1:1::bad"
    waits = office.fail(person, [neighbour], 3 * SIGN_IN_FAILURES_FAMILIAR_MAX)
    assert waits[:SIGN_IN_FAILURES_FAMILIAR_MAX] == [0] * SIGN_IN_FAILURES_FAMILIAR_MAX
    for _ in range(effort(60, 200)):
        wait = office.wait(person, neighbour, "wrong")
        assert wait is not None
        assert wait <= SIGN_IN_PAUSE_MAX.total_seconds()
        office.clock.advance(timedelta(seconds=wait))
    assert office.wait(person, device) is None
    office.clock.advance(SIGN_IN_PAUSE_MAX)
    assert office.wait(person, HOME) is None


def test_a_whole_network_of_strangers_that_is_refused_does_not_refuse_who_was_there_before(office: Office) -> None:
    person = office.person()
    office.sign_in(person, HOME)
    names = [f"{number}@example.com" for number in range(10)]
    assert [wait for name in names for wait in office.fail(name, [HOME], 5)] == [0] * SIGN_IN_FAILURES_PER_ADDRESS_MAX
    assert office.wait("another@example.com", HOME) == SIGN_IN_WINDOW.total_seconds()
    assert office.wait(person, HOME) is None


def test_own_failures_slow_a_person_down_and_the_right_password_makes_good_for_them(office: Office) -> None:
    person = office.person()
    device = office.device(person, HOME)
    for client in (HOME, device):
        assert office.fail(person, [client], SIGN_IN_FAILURES_FAMILIAR_MAX)[-1] == 0
        assert office.wait(person, client) == 1
        office.clock.advance(SECOND)
        assert office.fail(person, [client]) == [0]
        assert office.wait(person, client) == 2
        office.clock.advance(2 * SECOND)
        assert office.wait(person, client) is None
        assert office.fail(person, [client], SIGN_IN_FAILURES_FAMILIAR_MAX)[-1] == 0
        office.clock.advance(SIGN_IN_WINDOW)


def test_failures_from_one_network_count_as_one_however_its_addresses_are_written(office: Office) -> None:
    person = office.person()
    addresses = [f"2001:db8:bad:2:{number:x}::1" for number in range(SIGN_IN_FAILURES_PER_PAIR_MAX)]
    assert office.fail(person, addresses) == [0] * SIGN_IN_FAILURES_PER_PAIR_MAX
    assert office.wait(person, "2001:db8:bad:2::ffff") == SIGN_IN_WINDOW.total_seconds()
    assert office.wait(person, "2001:db8:bad:3::1") is None
    assert set(office.fail(person, ["198.51.100.1", "::ffff:198.51.100.1"], 5)) == {0}
    assert office.wait(person, "198.51.100.1") == SIGN_IN_WINDOW.total_seconds()


@pytest.mark.usefixtures("few")
def test_what_one_is_known_by_is_of_one_user(office: Office) -> None:
    mine, other = office.person(), office.person()
    device = office.device(mine, HOME)
    office.fail(other, FEW_STRANGERS, 10)
    for client in (HOME, device, replace(device, address=AWAY)):
        assert office.wait(other, client) == SIGN_IN_WINDOW.total_seconds()


@pytest.mark.usefixtures("few")
def test_a_device_is_known_by_what_was_given_to_it_and_by_nothing_else(office: Office) -> None:
    person = office.person()
    device = office.device(person, HOME)
    office.fail(person, FEW_STRANGERS, 10)
    expires, name, signature = (device.device or "").split(".")
    forged = [
        f"{int(expires) + 1}.{name}.{signature}",
        f"{expires}.{name[::-1]}.{signature}",
        f"{expires}.{name}.{signature[::-1]}",
        f"{expires}.{name}.",
        f"{'9' * 400}.{name}.{signature}",
        "",
        "..",
        "é",
    ]
    for shown in forged:
        assert office.wait(person, Client(AWAY, device=shown)) == SIGN_IN_WINDOW.total_seconds()
    assert office.wait(person, replace(device, address=AWAY)) is None


def test_a_device_that_signs_in_again_stays_the_same_one(office: Office) -> None:
    person = office.person()
    first = office.device(person, HOME)
    office.fail(person, [first], SIGN_IN_FAILURES_FAMILIAR_MAX)
    office.clock.advance(SIGN_IN_PAUSE_MAX)
    later = office.sign_in(person, first).device
    assert later is not None
    assert later.expires_at == office.clock.now + FAMILIAR_FOR
    assert later.shown.split(".")[1] == (first.device or "").split(".")[1]
    stranger = office.sign_in(person, HOME).device
    assert stranger is not None
    assert stranger.shown.split(".")[1] != later.shown.split(".")[1]


@pytest.mark.usefixtures("few")
def test_networks_and_devices_are_forgotten_after_ninety_days(office: Office) -> None:
    person = office.person()
    device = office.device(person, HOME)
    office.clock.advance(FAMILIAR_FOR - SECOND)
    office.fail(person, FEW_STRANGERS, 10)
    assert office.wait(person, replace(device, address=AWAY), "wrong") == 0
    assert office.wait(person, HOME, "wrong") == 0
    office.clock.advance(SECOND)
    for client in (replace(device, address=AWAY), Client(HOME)):
        assert office.wait(person, client) == SIGN_IN_WINDOW.total_seconds() - 1


@pytest.mark.usefixtures("few")
def test_of_many_networks_the_last_are_remembered(office: Office, database: Database) -> None:
    person = office.person()
    networks = [f"192.0.2.{number}" for number in range(FAMILIAR_NETWORKS_MAX + 3)]
    for network in networks:
        office.clock.advance(SECOND)
        office.sign_in(person, network)
    office.fail(person, FEW_STRANGERS, 10)
    known = [office.wait(person, network, "wrong") == 0 for network in networks]
    assert known == [False] * 3 + [True] * FAMILIAR_NETWORKS_MAX
    with database.get_connection() as connection:
        rows = connection.execute(
            "SELECT network FROM rpawatch.sign_in_networks WHERE user_id = %s", (person.user_id,)
        ).fetchall()
    assert len(rows) == FAMILIAR_NETWORKS_MAX
    assert all(len(row["network"]) == 32 for row in rows), "digests"


def test_two_users_have_different_digests_of_one_network(office: Office, database: Database) -> None:
    people = [office.person() for _ in range(2)]
    for person in people:
        office.sign_in(person, HOME)
    with database.get_connection() as connection:
        rows = connection.execute(
            "SELECT network FROM rpawatch.sign_in_networks WHERE user_id = ANY(%s)",
            ([person.user_id for person in people],),
        ).fetchall()
    assert len({bytes(row["network"]) for row in rows}) == 2


def test_of_many_attempts_at_once_no_more_are_looked_at_than_of_one_by_one(
    office: Office, looked_at: list[str]
) -> None:
    """From many networks, so that no turn for hashing is what keeps them out."""
    person = office.person()

    def attempt(address: str) -> None:
        for _ in range(SIGN_IN_FAILURES_PER_PAIR_MAX + 2):
            with suppress(SignInFailedError, SignInThrottledError, HashingBusyError):
                office.sign_in(person, address, "wrong")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(attempt, [f"198.18.1.{number}" for number in range(24)]))
    assert len(looked_at) <= SIGN_IN_FAILURES_PER_USER_MAX
    for _ in range(SIGN_IN_FAILURES_PER_USER_MAX + 1):
        office.wait(person, f"198.18.2.{len(looked_at)}", "wrong")
    assert len(looked_at) == SIGN_IN_FAILURES_PER_USER_MAX


@pytest.mark.parametrize("address", [HOME, "198.51.100.77"])
def test_of_many_attempts_at_once_from_one_network_no_more_are_looked_at_than_it_may_make(
    office: Office, looked_at: list[str], address: str
) -> None:
    person = office.person()

    def attempt(_: int) -> None:
        with suppress(SignInFailedError, SignInThrottledError, HashingBusyError):
            office.sign_in(person, address, "wrong")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(attempt, range(100)))
    assert 0 < len(looked_at) <= SIGN_IN_FAILURES_PER_PAIR_MAX


def test_an_attempt_that_nobody_looked_at_does_not_count(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    person = office.person()
    with monkeypatch.context() as busy:

        def no_turn(*_: object) -> list[bool]:
            raise HashingBusyError

        busy.setattr(sessions, "verify_password", no_turn)
        for _ in range(SIGN_IN_FAILURES_PER_PAIR_MAX + 1):
            with pytest.raises(HashingBusyError):
                office.sign_in(person, AWAY)
    assert office.fail(person, [AWAY], SIGN_IN_FAILURES_PER_PAIR_MAX) == [0] * SIGN_IN_FAILURES_PER_PAIR_MAX
    assert office.wait(person, AWAY) == SIGN_IN_WINDOW.total_seconds()


def test_of_attempts_that_are_counted_at_the_same_moment_none_is_over_the_limit(
    office: Office, database: Database
) -> None:
    allowance, counted = throttle.of_stranger("a@example.com", AWAY), throttle.Throttle(database)

    def count(_: int) -> bool:
        with suppress(SignInThrottledError):
            counted.count(allowance, office.clock.now)
            return True
        return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(count, range(64))) == SIGN_IN_FAILURES_PER_PAIR_MAX


@pytest.mark.parametrize("is_known", [True, False])
def test_who_has_one_password_of_an_address_gets_no_further_with_guessing_that_of_another(
    office: Office, *, is_known: bool
) -> None:
    """An account's administrator can make somebody's address known there, with a password that they know themselves."""
    person, own = office.person(), "eleven squatting boats"
    squatter = office.users.ensure(uuid4(), person.email, "Not Ada", office.clock())
    office.users.set_password(squatter.user_id, own)
    office.sign_in(person, HOME)
    if is_known:
        office.sign_in(person.email, AWAY, own)
    for _ in range(3 * SIGN_IN_FAILURES_PER_PAIR_MAX):
        office.wait(person, AWAY, "wrong")
        office.wait(person, AWAY, own)
    assert office.wait(person, AWAY) is not None
    assert office.sign_in(person, HOME).user.user_id == person.user_id


def test_each_of_several_with_one_address_gets_in_with_their_own_password_from_the_same_place(office: Office) -> None:
    person, own = office.person(), "nine other lanterns"
    other = office.users.ensure(uuid4(), person.email, "Ada elsewhere", office.clock())
    office.users.set_password(other.user_id, own)
    for _ in range(2 * SIGN_IN_FAILURES_PER_PAIR_MAX):
        assert office.sign_in(person, HOME).user.user_id == person.user_id
        assert office.sign_in(person.email, HOME, own).user.user_id == other.user_id
