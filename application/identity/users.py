"""Users: the people who sign in. Their roles are events (domain/member.py); who they are is here.

A person belongs to who vouched for them: an account, or the tenant. One address may be known in several, and those are
different people to the service (docs/decisions/0018).
"""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from application.identity.passwords import generate_password, hash_password, new_salt
from domain.errors import FieldError, InvalidInputError
from domain.limits import EMAIL_CHARS_MAX, FIRST_PASSWORD_LIFETIME
from domain.names import without_invisible

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from psycopg import Cursor
    from psycopg.rows import DictRow

    from application.store.database import Database

_EMAIL = re.compile(r"[^@\s\x00-\x1f\x7f,;:<>()\[\]\\\"]{1,64}@[^@\s\x00-\x1f\x7f,;:<>()\[\]\\\"]+")


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in."""

    user_id: UUID
    email: str
    name: str


class PasswordKind(StrEnum):
    """What password somebody has: none, a first one that was made here, one that was used up, or one of their own."""

    NONE = "none"
    FIRST = "first"
    USED_UP = "used_up"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Identity(User):
    """A user, who vouched for them, and how they sign in.

    scope_id: the account whose administrator vouched for them, or the tenant.
    password_salt: the same for all of an address.
    signed_in_at: last.
    """

    scope_id: UUID
    password_kind: PasswordKind
    password_salt: str = field(repr=False)
    password_hash: str | None = field(repr=False)
    first_password_until: datetime | None
    signed_in_at: datetime | None

    def may_sign_in(self, now: datetime) -> bool:
        """Return whether the password, when it is right, opens anything."""
        if self.password_kind is PasswordKind.FIRST:
            return self.first_password_until is not None and now < self.first_password_until
        return self.password_kind is PasswordKind.OWN


_COLUMNS = (
    "user_id, email, name, scope_id, password_kind, password_salt, password_hash, first_password_until, signed_in_at"
)


def normalised_email(email: str) -> str:
    """Return the address as it is known: in lower case, in one normal form (NFC, RFC 6532, 3.1), without the invisible.

    Raises InvalidInputError.
    """
    text = without_invisible(email).strip()
    if len(text) <= EMAIL_CHARS_MAX:
        # Once more at the end: the small letters of some capitals have marks.
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    if len(text) > EMAIL_CHARS_MAX or not _EMAIL.fullmatch(text):
        raise InvalidInputError([FieldError("email", "must be an email address")])
    return text


class Users:
    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, scope_id: UUID, email: str, name: str, at: datetime, user_id: UUID | None = None) -> Identity:
        """Return whom this account, or the tenant, vouched for under an address (normalised); made when new.

        Who is new has no password. Who was there keeps their name. user_id: of a new one.
        """
        with self._database.transaction() as cursor:
            # Two that make the address known at the same time, in different scopes, must agree on its salt.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"rpawatch.users {email}",))
            cursor.execute(
                "INSERT INTO rpawatch.users (user_id, scope_id, email, name, created_at, password_salt)"
                " VALUES (%s, %s, %s, %s, %s,"
                " coalesce((SELECT min(password_salt) FROM rpawatch.users WHERE email = %s), %s))"
                " ON CONFLICT (email, scope_id) DO NOTHING",
                (user_id or uuid4(), scope_id, email, name, at, email, new_salt()),
            )
            found = _identities(cursor, "email = %s AND scope_id = %s", (email, scope_id))
        return found[0]

    def by_email(self, email: str) -> list[Identity]:
        """Return all who are known by an address (normalised), whoever vouched for them; the tenant's comes first."""
        order = "ORDER BY scope_id <> (SELECT tenant_id FROM rpawatch.installation), signed_in_at DESC NULLS LAST"
        with self._database.transaction() as cursor:
            return _identities(cursor, f"email = %s {order}", (email,))

    def by_ids(self, user_ids: Iterable[UUID]) -> dict[UUID, Identity]:
        """Return the users with these ids; one who was erased is not among them."""
        with self._database.transaction() as cursor:
            found = _identities(cursor, "user_id = ANY(%s)", (list(user_ids),))
        return {identity.user_id: identity for identity in found}

    def names(self, actors: Iterable[str | None]) -> dict[str, str]:
        """Return the names of those of the actors who are people, by their ids as the log has them."""
        ids = set()
        for actor in actors:
            with suppress(ValueError):
                ids.add(UUID(actor or ""))
        users = self.by_ids(ids) if ids else {}
        return {str(user_id): user.name for user_id, user in users.items()}

    def set_password(self, user_id: UUID, password: str) -> None:
        """Give somebody a password that they, or the operator, chose, and end all their sessions."""
        identity = self.by_ids([user_id])[user_id]
        hashed = hash_password(password, identity.password_salt)
        with self._database.transaction() as cursor:
            self.replace_password(cursor, user_id, hashed)

    def make_first_password(self, identity: Identity, now: datetime) -> FirstPassword | None:
        """Make a password that is shown once and works once; the one before is void, and all sessions end.

        identity: as it was when this was decided. None when somebody else has changed the password since: they have
        what works.
        """
        password, until = generate_password(), now + FIRST_PASSWORD_LIFETIME
        hashed = hash_password(password, identity.password_salt)
        with self._database.transaction() as cursor:
            if not self.lock(cursor, identity):
                return None
            _change(cursor, identity.user_id, PasswordKind.FIRST, hashed, until)
        return FirstPassword(password, until)

    def lock(self, cursor: Cursor[DictRow], identity: Identity) -> bool:
        """Return whether the password is still the one that was looked at; it stays so while the transaction lasts."""
        cursor.execute(
            "SELECT FROM rpawatch.users WHERE user_id = %s AND password_kind = %s"
            " AND password_hash IS NOT DISTINCT FROM %s FOR NO KEY UPDATE",
            (identity.user_id, identity.password_kind, identity.password_hash),
        )
        return cursor.rowcount > 0

    def replace_password(self, cursor: Cursor[DictRow], user_id: UUID, password_hash: str) -> None:
        """Let a user have a password of their own, and end all their sessions."""
        _change(cursor, user_id, PasswordKind.OWN, password_hash)

    def record_sign_in(self, cursor: Cursor[DictRow], identity: Identity, now: datetime) -> None:
        """Write down that somebody signed in; a first password is used up by that."""
        kind = PasswordKind.USED_UP if identity.password_kind is PasswordKind.FIRST else identity.password_kind
        cursor.execute(
            "UPDATE rpawatch.users SET signed_in_at = %s, password_kind = %s, first_password_until = NULL"
            " WHERE user_id = %s",
            (now, kind, identity.user_id),
        )

    def void_password(self, user_id: UUID) -> None:
        """Take the password from somebody, and end all their sessions."""
        with self._database.transaction() as cursor:
            _change(cursor, user_id, PasswordKind.NONE, None)

    def count(self) -> int:
        with self._database.get_connection() as connection:
            row = connection.execute("SELECT count(*) AS users FROM rpawatch.users").fetchone()
        return int(row["users"]) if row else 0


@dataclass(frozen=True, slots=True)
class FirstPassword:
    """A password that was made here, to be shown this once. until: when it ends, unless it is used before."""

    password: str = field(repr=False)
    until: datetime


def _change(
    cursor: Cursor[DictRow], user_id: UUID, kind: PasswordKind, hashed: str | None, until: datetime | None = None
) -> None:
    # The user first: whoever begins a session with the old password waits here, and then finds that it has changed.
    cursor.execute(
        "UPDATE rpawatch.users SET password_kind = %s, password_hash = %s, first_password_until = %s"
        " WHERE user_id = %s",
        (kind, hashed, until, user_id),
    )
    cursor.execute("DELETE FROM rpawatch.sessions WHERE user_id = %s", (user_id,))


def _identities(cursor: Cursor[DictRow], condition: str, parameters: tuple[Any, ...]) -> list[Identity]:
    cursor.execute(f"SELECT {_COLUMNS} FROM rpawatch.users WHERE {condition}".encode(), parameters)  # noqa: S608 - constants
    return [Identity(**{**row, "password_kind": PasswordKind(row["password_kind"])}) for row in cursor]
