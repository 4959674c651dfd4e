"""Users: the people who sign in. Their roles are events (domain/member.py); who they are is here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from application.identity.passwords import generate_password, hash_password
from application.store.errors import ConflictError
from domain.errors import FieldError, InvalidInputError
from domain.limits import EMAIL_CHARS_MAX

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


def normalised_email(email: str, pointer: str = "/email") -> str:
    """Return the address in lower case. Raises InvalidInputError, pointing at `pointer`."""
    text = email.strip().lower()
    if len(text) > EMAIL_CHARS_MAX or not _EMAIL.fullmatch(text):
        raise InvalidInputError([FieldError(pointer, "must be an email address")])
    return text


class Users:
    """The table of users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(
        self, email: str, name: str, at: datetime, password: str | None = None, user_id: UUID | None = None
    ) -> tuple[User, str | None]:
        """Return the user with this address (normalised), made when new.

        The second value is the password of a new user, to be shown once: the given one, or else one made here. It is
        None for a user who was there already, and who keeps their name and password.
        """
        known = self.by_email(email)
        if known is not None:
            return known, None
        password = password or generate_password()
        user = User(user_id or uuid4(), email, name)
        try:
            with self._database.get_connection() as connection:
                connection.execute(
                    "INSERT INTO rpawatch.users (user_id, email, name, password_hash, created_at)"
                    " VALUES (%s, %s, %s, %s, %s)",
                    (user.user_id, email, name, hash_password(password), at),
                )
        except ConflictError:
            known = self.by_email(email)
            if known is None:
                raise
            return known, None
        return user, password

    def by_email(self, email: str) -> User | None:
        """Return the user with this address (normalised)."""
        with self._database.get_connection() as connection:
            row = connection.execute(
                "SELECT user_id, email, name FROM rpawatch.users WHERE email = %s", (email,)
            ).fetchone()
        return User(**row) if row else None

    def by_ids(self, user_ids: Iterable[UUID]) -> dict[UUID, User]:
        """Return the users with these ids; one who was erased is not among them."""
        with self._database.get_connection() as connection:
            rows = connection.execute(
                "SELECT user_id, email, name FROM rpawatch.users WHERE user_id = ANY(%s)", (list(user_ids),)
            )
            return {row["user_id"]: User(**row) for row in rows}

    def password_hash(self, email: str) -> tuple[User | None, str | None]:
        """Return the user with this address and the hash of their password; (None, None) for nobody."""
        with self._database.get_connection() as connection:
            row = connection.execute(
                "SELECT user_id, email, name, password_hash FROM rpawatch.users WHERE email = %s", (email,)
            ).fetchone()
        return (User(row["user_id"], row["email"], row["name"]), row["password_hash"]) if row else (None, None)

    def set_password(self, user_id: UUID, password: str) -> None:
        """Change a password and end all sessions of the user."""
        password_hash = hash_password(password)
        with self._database.transaction() as cursor:
            self.replace_password(cursor, user_id, password_hash)

    def lock(self, cursor: Cursor[DictRow], user_id: UUID, verified_hash: str | None) -> bool:
        """Return whether the password is still the one that was looked at; it stays so while the transaction lasts."""
        cursor.execute(
            "SELECT FROM rpawatch.users WHERE user_id = %s AND password_hash = %s FOR NO KEY UPDATE",
            (user_id, verified_hash),
        )
        return cursor.rowcount > 0

    def replace_password(self, cursor: Cursor[DictRow], user_id: UUID, password_hash: str) -> None:
        """Change the password of a user, and end all their sessions."""
        cursor.execute("UPDATE rpawatch.users SET password_hash = %s WHERE user_id = %s", (password_hash, user_id))
        # Their row is locked now: a session that was begun before is seen here, and none begins past `lock`.
        cursor.execute("DELETE FROM rpawatch.sessions WHERE user_id = %s", (user_id,))

    def count(self) -> int:
        """Return how many there are."""
        with self._database.get_connection() as connection:
            row = connection.execute("SELECT count(*) AS users FROM rpawatch.users").fetchone()
        return int(row["users"]) if row else 0
