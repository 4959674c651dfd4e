"""What 0007_people makes of those who were here before: who vouched for them is read from the log."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
import pytest

from application.identity.passwords import verify_password
from application.identity.users import PasswordKind, Users
from application.store.database import Database
from application.store.schema import migrate, migrations
from domain.permissions import Role
from projections.schema import create_tables
from tests.support.cast import Cast
from tests.support.clock import FakeClock
from tests.support.running import application_on
from tests.support.world import CHEAP_HASHER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.postgres import Server

NAME = "0007_people.sql"
PASSWORD = "four unrelated words, of old"


@pytest.fixture
def url_before(postgres: Server) -> Iterator[str]:
    """The owner's URL of a database in which all was made but this, so that this code can write its log."""
    url = postgres.create_database(empty=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("application.store.schema.migrations", lambda: [item for item in migrations() if item[0] != NAME])
        migrate(url, create_tables)
    yield url
    postgres.drop_database(url)


class Before:
    """The service before: people have one row for each address, and a cast that gives them roles."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)
        self.database.open()
        self.clock = FakeClock()
        self.cast = Cast(application_on(self.database, self.clock))
        self._execute(
            "INSERT INTO rpawatch.installation (tenant_id, created_at) VALUES (%s, now())", self.cast.tenant_id
        )

    def somebody(self) -> str:
        """Return the id of a new user, who is signed in."""
        user_id = uuid4()
        self._execute(
            "INSERT INTO rpawatch.users (user_id, email, name, password_hash, created_at)"
            " VALUES (%s, %s, 'Somebody', %s, now())",
            user_id,
            f"{user_id}@example.com",
            CHEAP_HASHER.hash(PASSWORD),
        )
        self._execute(
            "INSERT INTO rpawatch.sessions (token_sha256, user_id, created_at, last_seen_at, expires_at)"
            " VALUES (%s, %s, now(), now(), now() + interval '1 day')",
            user_id.bytes,
            user_id,
        )
        return str(user_id)

    def sessions_of(self, user: str) -> int:
        """Return how many there are."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute("SELECT FROM rpawatch.sessions WHERE user_id = %s", (user,))
            return found.rowcount

    def _execute(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement.encode(), parameters)


def test_everybody_belongs_to_who_vouched_for_them_and_who_was_removed_signs_in_no_more(url_before: str) -> None:
    before = Before(url_before)
    cast = before.cast
    a, b = cast.account_a, cast.account_b
    by_operator, by_tess, by_alice, by_several, promoted, removed, back, without = (before.somebody() for _ in range(8))
    cast.add_member(by_operator, Role.ACCOUNT_USER, a)
    cast.add_member(by_operator, Role.ACCOUNT_USER, b, by=cast.carol)
    cast.add_member(by_tess, Role.ACCOUNT_USER, a, by=cast.tess)
    cast.add_member(by_alice, Role.ACCOUNT_USER, a, by=cast.alice)
    cast.add_member(by_alice, Role.ACCOUNT_ADMIN, a)
    cast.add_member(by_several, Role.ACCOUNT_USER, a, by=cast.alice)
    cast.add_member(by_several, Role.ACCOUNT_USER, b, by=cast.carol)
    cast.add_member(promoted, Role.ACCOUNT_USER, a, by=cast.alice)
    cast.add_member(promoted, Role.AUDITOR)
    for person in (removed, back):
        cast.add_member(person, Role.ACCOUNT_USER, a, by=cast.alice)
        cast.remove_member(person, a)
    cast.add_member(back, Role.ACCOUNT_USER, a, by=cast.alice)

    assert migrate(url_before, create_tables) == [NAME]

    everybody = (by_operator, by_tess, by_alice, by_several, promoted, removed, back, without)
    users = Users(before.database).by_ids(map(UUID, everybody))
    assert {str(user_id): user.scope_id for user_id, user in users.items()} == {
        by_operator: cast.tenant_id,
        by_tess: cast.tenant_id,
        promoted: cast.tenant_id,
        by_alice: a,
        removed: a,
        back: a,
        by_several: UUID(by_several),
        without: UUID(without),
    }
    for user_id, user in users.items():
        if str(user_id) == removed:
            assert (user.password_kind, user.password_hash) == (PasswordKind.NONE, None)
        else:
            assert user.password_kind is PasswordKind.OWN
            assert verify_password(user.password_salt, [user.password_hash], PASSWORD) == [True]
        assert before.sessions_of(str(user_id)) == (0 if str(user_id) == removed else 1)
    before.database.close()


def test_an_installation_without_anybody_is_migrated_too(url_before: str) -> None:
    assert migrate(url_before, create_tables) == [NAME]
