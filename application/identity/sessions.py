"""Sessions: a random token that stands for a signed-in user. Only its SHA-256 is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from application.identity.passwords import verify_password
from application.identity.users import User
from domain.errors import SignInFailedError, SignInThrottledError
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


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user. The token is a secret."""

    user: User
    expires_at: datetime
    token: str = field(repr=False)

    @property
    def csrf_token(self) -> str:
        """What a page sends back with unsafe requests; follows from the token, which no other site can read."""
        digest = hmac.digest(self.token.encode(), b"rpawatch csrf", "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Sessions:
    """Signs in and out, and finds who is signed in."""

    def __init__(self, database: Database, users: Users, clock: Clock) -> None:
        self._database = database
        self._users = users
        self._clock = clock

    def sign_in(self, email: str, password: str, address: str) -> Session:
        """Begin a session.

        Raises SignInFailedError, the same and after the same time for an unknown user and a wrong password, and
        SignInThrottledError after too many failures.
        """
        now = self._clock()
        subjects = _subjects(email, address)
        self._check_not_throttled(subjects, now)
        user, password_hash = self._users.password_hash(email)
        if not verify_password(password_hash, password) or user is None:
            self._record_failure(subjects, now)
            raise SignInFailedError
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        expires_at = now + SESSION_LIFETIME
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM rpawatch.sessions WHERE expires_at <= %s", (now,))
            cursor.execute("DELETE FROM rpawatch.sign_in_failures WHERE subject_sha256 = %s", (subjects[0][0],))
            cursor.execute(
                "INSERT INTO rpawatch.sessions (token_sha256, user_id, created_at, expires_at) VALUES (%s, %s, %s, %s)",
                (_digest(token), user.user_id, now, expires_at),
            )
        return Session(user, expires_at, token)

    def find(self, token: str) -> Session | None:
        """Return the session of a token, or None when there is none or it has ended."""
        with self._database.get_connection() as connection:
            row = connection.execute(
                "SELECT user_id, email, name, expires_at FROM rpawatch.sessions JOIN rpawatch.users USING (user_id)"
                " WHERE token_sha256 = %s AND expires_at > %s",
                (_digest(token), self._clock()),
                prepare=True,
            ).fetchone()
        return Session(User(row["user_id"], row["email"], row["name"]), row["expires_at"], token) if row else None

    def end(self, token: str) -> None:
        """End a session; one that is not there is ended already."""
        with self._database.get_connection() as connection:
            connection.execute("DELETE FROM rpawatch.sessions WHERE token_sha256 = %s", (_digest(token),))

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
