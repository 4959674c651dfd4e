"""Several users with one address: what one of them may try where they are known is not to be had at another."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from application.identity import passwords
from application.identity.sessions import Client, Session, Sessions
from application.identity.users import Users
from domain.errors import InvalidInputError, SignInFailedError
from domain.limits import SIGN_IN_FAILURES_PER_PAIR_MAX, SIGN_IN_WINDOW
from tests.support.clock import FakeClock
from tests.support.world import CHEAP_HASHER, add_user

if TYPE_CHECKING:
    from application.store.database import Database

MINE, THEIRS, NEW = "seven green bicycles", "nine purple umbrellas", "eleven orange lanterns"
HOME, AWAY = Client("192.0.2.7"), Client("198.51.100.9")


class Address:
    """Somebody whom an account vouched for, and another one with the same address, whom they do not know."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        users = Users(database)
        self.sessions = Sessions(database, users, self.clock)
        self.email = f"{uuid4()}@example.com"
        self.me = add_user(users, self.email, "Ada", self.clock(), MINE)
        self.other = add_user(users, self.email, "Ada", self.clock(), THEIRS)

    def sign_in(self, password: str, client: Client = HOME) -> Session:
        return self.sessions.sign_in(self.email, password, client)

    def guess(self, client: Client = HOME) -> None:
        with pytest.raises(SignInFailedError):
            self.sign_in("not that password", client)


@pytest.fixture
def address(database: Database, monkeypatch: pytest.MonkeyPatch) -> Address:
    monkeypatch.setattr(passwords, "_hasher", CHEAP_HASHER)
    return Address(database)


def test_both_sign_in_from_one_device_and_network(address: Address) -> None:
    device = address.sign_in(MINE).device
    assert device is not None
    known = Client(HOME.address, device=device.shown)
    assert address.sign_in(THEIRS, known).user.user_id == address.other.user_id
    assert address.sign_in(MINE, known).user.user_id == address.me.user_id


@pytest.mark.parametrize("with_device", [True, False])
def test_who_signs_in_in_between_does_not_guess_at_another_without_end(address: Address, *, with_device: bool) -> None:
    for _ in range(SIGN_IN_FAILURES_PER_PAIR_MAX):
        session = address.sign_in(MINE)
        assert session.device is not None
        known = Client(HOME.address, device=session.device.shown if with_device else None)
        address.guess(known)
    with pytest.raises(SignInFailedError):
        address.sign_in(THEIRS, known)
    assert address.sign_in(MINE, known).user.user_id == address.me.user_id, "oneself is not concerned"
    assert address.sign_in(THEIRS, AWAY).user.user_id == address.other.user_id, "nor is the other one"
    address.clock.advance(SIGN_IN_WINDOW)
    assert address.sign_in(THEIRS, Client(HOME.address)).user.user_id == address.other.user_id


def test_the_password_of_another_is_not_ones_current_one(address: Address) -> None:
    session = address.sign_in(MINE)
    with pytest.raises(InvalidInputError) as refused:
        address.sessions.change_password(session, THEIRS, NEW, HOME)
    assert [error.field for error in refused.value.errors] == ["current_password"]
    address.sessions.change_password(session, MINE, NEW, HOME)
    assert address.sign_in(NEW).user.user_id == address.me.user_id
    assert address.sign_in(THEIRS).user.user_id == address.other.user_id
