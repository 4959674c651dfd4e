"""A running service with the cast signed up: what acceptance tests ask, and what they look at behind its back."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4, uuid5

import pytest
from argon2 import PasswordHasher

from application.identity import passwords
from application.identity.passwords import normalised
from application.identity.users import User
from domain.ids import key_id
from domain.key_secret import KeySecret, generate
from domain.limits import RATE_LIMIT_DEFAULT
from domain.model import SYSTEM_ACTOR
from interfaces.bootstrap import Services
from interfaces.http import cookies
from interfaces.queries.waiting import wait_for_lists
from projections.log_tree.follower import TreeFollower
from projections.log_tree.heads import latest_head
from projections.log_tree.signing import ensure_signing_key
from projections.log_tree.tiles import Tiles
from tests.support.api import ACCOUNTS, OWN_KEY, REPORT, SESSION
from tests.support.cast import NAMES, Cast
from tests.support.examples import report_body
from tests.support.running import Application
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from application.identity.users import Users
    from application.store.log.reading import LoggedEvent
    from tests.support.api import Answer, Ask
    from tests.support.clock import FakeClock

CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Makes hashes that take no time to check: what that costs stands in the hash."""
NEWCOMER = "newcomer"
"""Somebody else each time, who signs in with a first password and has yet to choose their own."""
BETWEEN_TESTS = timedelta(minutes=20)
"""Longer than any span of time in which failures or uses are counted."""
SIGN_IN_AGAIN_BEFORE = timedelta(hours=1)


@contextmanager
def services_at_work(
    database_url: str, clock: FakeClock | None, folder: Path, *, signs_at_once: bool
) -> Iterator[Services]:
    """The service, with its projector at work.

    clock: the database's without one. folder: where the key that heads are signed with is made.
    signs_at_once: whether a head is signed as soon as the log has grown.
    """
    signing_key = folder / "signing-key.pem"
    with Services(database_url, clock=clock, threads=8) as services, pytest.MonkeyPatch.context() as patch:
        # What a hash costs stands in it, and is tested where passwords are: here each would take a fifth of a second.
        patch.setattr(passwords, "_hasher", CHEAP_HASHER)
        services.begin(admin_password="made for this test run only")
        with closing(services.connect_projector()) as connection:
            ensure_signing_key(signing_key, connection)
        if signs_at_once:
            patch.setattr(TreeFollower, "TURN_SECONDS_MIN", 0.1)
            patch.setattr(TreeFollower, "SIGN_SECONDS_MIN", 0.0)
        yield services.follow(signing_key)


class ServiceCast(Cast):
    """The cast in the tenant of a service: new accounts for each test, the same people in the whole module.

    Whoever asks for one of the people finds all accounts and processes, and the others at work with `people` only. A
    test of robots alone makes no more than the account and the process that it names, and one that has nobody makes
    nothing: most of the time of such a test would be that.
    """

    def __init__(self, services: Services) -> None:  # not the parent's: that makes a tenant of its own, and all people
        self._application = Application(services.database, services.event_sourcing, services.command_queue)
        self.tenant_id = services.tenant_id
        self._services = services

    @cached_property
    def people(self) -> dict[str, str]:
        """The actors by name. All of them are at work, and lists show what they may do."""
        people = {name: super(ServiceCast, self).actor(name) for name in NAMES}
        self.wait_for_lists()
        return people

    def actor(self, name: str) -> str:
        """Return one of the people, who is at work from now on. Lists show what they may do."""
        is_new = name not in self._actors
        actor = super().actor(name)
        if is_new:
            self.wait_for_lists()
        return actor

    def wait_for_lists(self) -> None:
        """Wait until the lists show all that has happened; a request waits for a shorter time."""
        position = self._application.position()
        wait_until(lambda: wait_for_lists(self._services.database, position), "the lists", seconds_max=60)

    def _user_id(self, name: str) -> UUID:
        return user_id_of(self._services, name)


def user_id_of(services: Services, name: str) -> UUID:
    """Return the user id of somebody of the cast."""
    return uuid5(services.tenant_id, name)


def email_of(name: str) -> str:
    """Return the address of somebody of the cast."""
    return f"{name}@example.com"


def password_of(name: str) -> str:
    """Return the password of somebody of the cast."""
    return f"four unrelated words, said by {name}"


def make_cheap(users: Users, email: str) -> None:
    """Let passwords of an address that has none yet take no time to check."""
    with users._database.get_connection() as connection:  # noqa: SLF001 - what it costs is nobody's business
        connection.execute(
            "UPDATE rpawatch.users SET password_salt = %s WHERE email = %s AND NOT EXISTS"
            " (SELECT FROM rpawatch.users WHERE email = %s AND password_hash IS NOT NULL)",
            (CHEAP_HASHER.hash("").rpartition("$")[0], email, email),
        )


def add_user(users: Users, email: str, name: str, at: datetime, password: str, scope_id: UUID | None = None) -> User:
    """Return a new user with a password of their own, vouched for by an account, the tenant, or nobody we know."""
    user = users.ensure(scope_id or uuid4(), email, name, at)
    make_cheap(users, email)
    users.set_password(user.user_id, password)
    return User(user.user_id, user.email, user.name)


@dataclass
class People:
    """Signs the people of a module up and in, when they are first needed."""

    services: Services
    ask: Ask
    _sessions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def sign_up(self, name: str) -> None:
        """Make somebody a user, whom the tenant vouched for, with a password that takes no time to check."""
        hashed = CHEAP_HASHER.hash(normalised(password_of(name)))
        with self.services.database.get_connection() as connection:
            connection.execute(
                "INSERT INTO rpawatch.users"
                " (user_id, scope_id, email, name, password_kind, password_salt, password_hash, created_at)"
                " VALUES (%s, %s, %s, %s, 'own', %s, %s, %s)"
                # Another test may have removed them.
                " ON CONFLICT (user_id) DO UPDATE SET password_kind = excluded.password_kind,"
                " password_salt = excluded.password_salt, password_hash = excluded.password_hash,"
                " first_password_until = NULL WHERE users.password_kind <> 'own'",
                (
                    user_id_of(self.services, name),
                    self.services.tenant_id,
                    email_of(name),
                    name.title(),
                    hashed.rpartition("$")[0],
                    hashed,
                    self.services.clock(),
                ),
            )

    def sign_in(self, name: str) -> Answer:
        """Begin a new session."""
        if name == NEWCOMER:
            email, password = self._invite()
        else:
            self.sign_up(name)
            email, password = email_of(name), password_of(name)
        answer = self.ask("POST", SESSION, json={"email": email, "password": password})
        assert answer.status == 200, answer.body
        return answer

    def _invite(self) -> tuple[str, str]:
        email = f"{uuid4().hex}@example.com"
        user = self.services.users.ensure(self.services.tenant_id, email, "Newcomer", self.services.clock())
        made = self.services.users.make_first_password(user, self.services.clock())
        assert made is not None
        return email, made.password

    def session(self, name: str) -> dict[str, Any]:
        """Return a session that tests share; one that is to be ended is to be had from `sign_in`."""
        known = self._sessions.get(name)
        found = None if known is None else self.services.sessions.find(known["token"])
        if known is None or found is None or found.expires_at < self.services.clock() + SIGN_IN_AGAIN_BEFORE:
            self._sessions[name] = known = self.sign_in(name).json
        return known


@dataclass(frozen=True)
class Robot:
    """A robot with a key of its own."""

    ask: Ask
    secret: KeySecret
    account_id: UUID
    flow_id: UUID

    @property
    def key_id(self) -> UUID:
        """Where its key leads."""
        return key_id(self.secret.sha256_hex)

    @property
    def headers(self) -> dict[str, str]:
        """What shows its key."""
        return {"X-API-Key": self.secret.text}

    def report_body(self, **fields: Any) -> dict[str, Any]:
        """Return a report of its process, with these fields."""
        return report_body(**{"flow_id": str(self.flow_id)} | fields)

    def report(self, headers: Mapping[str, str] | None = None, **fields: Any) -> Answer:
        """Report a job."""
        return self.ask("POST", REPORT, headers={**self.headers, **(headers or {})}, json=self.report_body(**fields))

    def send(self, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send bytes where a report is expected."""
        sent = {"Content-Type": "application/json", **self.headers, **(headers or {})}
        return self.ask("POST", REPORT, headers=sent, body=body)

    def look(self, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for its own key, which is the cheapest use."""
        return self.ask("GET", OWN_KEY, headers={**self.headers, **(headers or {})})


@dataclass(frozen=True)
class World:
    """The service, its clock, the people, and two accounts that no other test has seen."""

    services: Services
    clock: FakeClock
    ask: Ask
    users: People
    cast: ServiceCast

    def later(self, *, has_new_cast: bool = True) -> World:
        """Return the world as the next test finds it: what the one before used up is free again."""
        self.clock.advance(BETWEEN_TESTS)
        world = replace(self, cast=ServiceCast(self.services)) if has_new_cast else self
        world.wait_for_lists()
        return world

    @property
    def people(self) -> People:
        """Who signs in. All of the cast are at work then."""
        _ = self.cast.people
        return self.users

    @property
    def application(self) -> Application:
        """What stands behind the wire, to look at."""
        return Application(self.services.database, self.services.event_sourcing, self.services.command_queue)

    def session(self, name: str) -> dict[str, Any]:
        """Return the session of somebody, who is at work from now on."""
        if name in NAMES:
            self.cast.actor(name)
        return self.users.session(name)

    def signed_in(self, name: str) -> dict[str, str]:
        """Return what shows somebody's session."""
        return {"Authorization": f"Bearer {self.session(name)['token']}"}

    def cookie_name(self, kind: str = cookies.SESSION, *, secure: bool = False) -> str:
        """Return what a cookie is called here."""
        return cookies.cookie_name(self.services.tenant_id, kind, secure=secure)

    def cookie(self, token: str) -> dict[str, str]:
        """Return what a browser sends of a session, over http."""
        return {"Cookie": f"{self.cookie_name()}={token}"}

    def account(self, path: str = "", *, of: UUID | str | None = None) -> str:
        """Return a path in account A, or another."""
        return f"{ACCOUNTS}/{of or self.cast.account_a}{path}"

    def robot(
        self,
        account_id: UUID | None = None,
        *,
        flow_id: UUID | None = None,
        limit: int = RATE_LIMIT_DEFAULT,
        expires_at: datetime | None = None,
    ) -> Robot:
        """Return a robot with a new key of account A, or another; with `flow_id` the key is for that process only."""
        secret = generate()
        account = account_id or self.cast.account_a
        self.application.execute(
            self.cast.create_key_command(
                account, by=SYSTEM_ACTOR, secret=secret, flow_id=flow_id, limit=limit, expires_at=expires_at
            )
        )
        default_flow = self.cast.flow_b if account == self.cast.account_b else self.cast.flow_a
        return Robot(self.ask, secret, account, flow_id or default_flow)

    def wait_for_lists(self) -> None:
        """Wait until the lists show all that has happened."""
        self.cast.wait_for_lists()

    def wait_for_head(self) -> str:
        """Wait until a signed head has all that has happened, the coming of the cast too, and return it."""
        _ = self.cast.people
        position = self.application.position()

        def is_signed() -> bool:
            with self.services.database.get_connection() as connection:
                size, last = Tiles(connection).end()
                head = latest_head(connection)
            return last >= position and head is not None and head.size >= size

        wait_until(is_signed, "a signed head")
        head = self.services.log_proofs.latest_head()
        assert head is not None
        return head.note

    def appended_by(self, act: Any) -> tuple[Any, list[LoggedEvent]]:
        """Return what `act` returns, and what the log has grown by."""
        _ = self.cast.people  # all are at work before it
        before = self.application.position()
        result = act()
        return result, self.application.log_after(before)
