"""Sessions: a random token that stands for a signed-in user. Only its SHA-256 is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from application.identity.passwords import check_password, verify_password
from application.identity.users import User
from domain.errors import FieldError, InvalidInputError, SignInFailedError, SignInThrottledError
from domain.limits import (
    SESSION_LIFETIME,
    SIGN_IN_FAILURES_PER_ADDRESS_MAX,
    SIGN_IN_FAILURES_PER_PAIR_MAX,
    SIGN_IN_FAILURES_PER_USER_MAX,
    SIGN_IN_WINDOW,
)

if TYPE_CHECKING:
    from application.identity.users import Users
    from application.store.database import Database
    from domain.clock import Clock

_TOKEN_BYTES = 32
"""256 random bits; OWASP ASVS 7.2.3 asks for 128."""
SEEN_STEP = timedelta(minutes=5)
"""A session that is used all the time is written to this often."""
CLIENT_CHARS_MAX = 200
SESSIONS_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Client:
    """Who signs in from where. address: of the client. name: what it says it is (User-Agent), cut where it is long."""

    address: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user. The token is a secret; session_id is none."""

    session_id: UUID
    user: User
    expires_at: datetime
    token: str = field(repr=False)

    @property
    def csrf_token(self) -> str:
        """What a page sends back with unsafe requests; follows from the token, which no other site can read."""
        digest = hmac.digest(self.token.encode(), b"rpawatch csrf", "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class SessionView:
    """What a user is told of a session. last_seen_at: exact to SEEN_STEP. client: None where it did not say."""

    session_id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str | None
    client: str | None


class Sessions:
    """Signs in and out, and finds who is signed in."""

    def __init__(self, database: Database, users: Users, clock: Clock) -> None:
        self._database = database
        self._users = users
        self._clock = clock

    def sign_in(self, email: str, password: str, client: Client) -> Session:
        """Begin a session.

        Raises SignInFailedError, the same and after the same time for an unknown user and a wrong password, and
        SignInThrottledError after too many failures.
        """
        now = self._clock()
        user = self._check(email, password, client, now)
        return self._begin(user, client, now)

    def change_password(self, session: Session, current: str, new: str, client: Client) -> Session:
        """Change the user's password, end all their sessions, and begin another in place of this one.

        Raises InvalidInputError, pointing at `/current_password` or `/new_password`, and SignInThrottledError after too
        many failures: whoever finds an open browser must not guess the password there.
        """
        now = self._clock()
        try:
            user = self._check(session.user.email, current, client, now)
        except SignInFailedError:
            raise InvalidInputError([FieldError("/current_password", "is not your password")]) from None
        check_password(new, email=user.email, pointer="/new_password")
        self._users.set_password(user.user_id, new)
        return self._begin(user, client, now)

    def _check(self, email: str, password: str, client: Client, now: datetime) -> User:
        """Return whose password this is. Raises as `sign_in` does."""
        subjects = _subjects(email, client.address)
        self._check_not_throttled(subjects, now)
        user, password_hash = self._users.password_hash(email)
        if not verify_password(password_hash, password) or user is None:
            self._record_failure(subjects, now)
            raise SignInFailedError
        with self._database.get_connection() as connection:
            connection.execute("DELETE FROM rpawatch.sign_in_failures WHERE subject_sha256 = %s", (subjects[0][0],))
        return user

    def _begin(self, user: User, client: Client, now: datetime) -> Session:
        session = Session(uuid4(), user, now + SESSION_LIFETIME, secrets.token_urlsafe(_TOKEN_BYTES))
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM rpawatch.sessions WHERE expires_at <= %s", (now,))
            cursor.execute(
                "INSERT INTO rpawatch.sessions"
                " (token_sha256, session_id, user_id, created_at, last_seen_at, expires_at, address, client)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    _digest(session.token),
                    session.session_id,
                    user.user_id,
                    now,
                    now,
                    session.expires_at,
                    client.address,
                    client.name and client.name[:CLIENT_CHARS_MAX],
                ),
            )
        return session

    def find(self, token: str) -> Session | None:
        """Return the session of a token, or None when there is none or it has ended; and note that it was seen."""
        now = self._clock()
        with self._database.get_connection() as connection:
            row = connection.execute(
                "SELECT session_id, user_id, email, name, expires_at, last_seen_at"
                " FROM rpawatch.sessions JOIN rpawatch.users USING (user_id)"
                " WHERE token_sha256 = %s AND expires_at > %s",
                (_digest(token), now),
                prepare=True,
            ).fetchone()
            if row is None:
                return None
            if now - row["last_seen_at"] >= SEEN_STEP:
                connection.execute(
                    "UPDATE rpawatch.sessions SET last_seen_at = %s WHERE session_id = %s", (now, row["session_id"])
                )
        return Session(row["session_id"], User(row["user_id"], row["email"], row["name"]), row["expires_at"], token)

    def of_user(self, user_id: UUID) -> list[SessionView]:
        """Return the sessions of a user that have not ended, the one that was seen last first."""
        with self._database.get_connection() as connection:
            rows = connection.execute(
                "SELECT session_id, created_at, last_seen_at, expires_at, address, client FROM rpawatch.sessions"
                " WHERE user_id = %s AND expires_at > %s ORDER BY last_seen_at DESC, session_id LIMIT %s",
                (user_id, self._clock(), SESSIONS_SHOWN_MAX),
            )
            return [SessionView(**row) for row in rows]

    def end(self, token: str) -> None:
        """End a session; one that is not there is ended already."""
        with self._database.get_connection() as connection:
            connection.execute("DELETE FROM rpawatch.sessions WHERE token_sha256 = %s", (_digest(token),))

    def end_one(self, user_id: UUID, session_id: UUID) -> bool:
        """End a session of a user, and return whether there was one."""
        with self._database.get_connection() as connection:
            ended = connection.execute(
                "DELETE FROM rpawatch.sessions WHERE user_id = %s AND session_id = %s", (user_id, session_id)
            )
            return ended.rowcount > 0

    def end_others(self, session: Session) -> int:
        """End all sessions of the user but this one, and return how many there were."""
        with self._database.get_connection() as connection:
            ended = connection.execute(
                "DELETE FROM rpawatch.sessions WHERE user_id = %s AND session_id <> %s",
                (session.user.user_id, session.session_id),
            )
            return ended.rowcount

    def _check_not_throttled(self, subjects: list[tuple[bytes, int]], now: datetime) -> None:
        since = now - SIGN_IN_WINDOW
        with self._database.get_connection() as connection:
            rows = connection.execute(
                "SELECT subject_sha256, array_agg(failed_at ORDER BY failed_at DESC) AS times"
                " FROM rpawatch.sign_in_failures WHERE subject_sha256 = ANY(%s) AND failed_at > %s GROUP BY 1",
                ([subject for subject, _ in subjects], since),
            ).fetchall()
        failures = {bytes(row["subject_sha256"]): row["times"] for row in rows}
        waits = [
            failures[subject][most - 1] + SIGN_IN_WINDOW - now
            for subject, most in subjects
            if len(failures.get(subject, ())) >= most
        ]
        if waits:
            raise SignInThrottledError(-(-max(waits) // timedelta(seconds=1)))

    def _record_failure(self, subjects: list[tuple[bytes, int]], now: datetime) -> None:
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM rpawatch.sign_in_failures WHERE failed_at <= %s", (now - SIGN_IN_WINDOW,))
            cursor.executemany(
                "INSERT INTO rpawatch.sign_in_failures (subject_sha256, failed_at) VALUES (%s, %s)",
                [(subject, now) for subject, _ in subjects],
            )


def _subjects(email: str, address: str) -> list[tuple[bytes, int]]:
    """Return what failures are counted by, with how many are borne: one who guesses from one place is slowed first."""
    return [
        (_digest(f"pair:{address} {email}"), SIGN_IN_FAILURES_PER_PAIR_MAX),
        (_digest(f"address:{address}"), SIGN_IN_FAILURES_PER_ADDRESS_MAX),
        (_digest(f"user:{email}"), SIGN_IN_FAILURES_PER_USER_MAX),
    ]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
