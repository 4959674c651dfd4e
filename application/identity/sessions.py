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

from application.identity.familiar import Client, Familiar
from application.identity.hashing import HASHING
from application.identity.passwords import check_password, hash_password, verify_password
from application.identity.throttle import Throttle, of_familiar, of_stranger
from application.identity.users import PasswordKind, User
from application.store.errors import StoreUnavailableError
from domain.errors import (
    FieldError,
    HashingBusyError,
    InvalidInputError,
    NotSignedInError,
    SignInFailedError,
    SignInThrottledError,
)
from domain.limits import RESTRICTED_SESSION_LIFETIME, SESSION_IDLE_MAX, SESSION_LIFETIME

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from psycopg import Cursor
    from psycopg.rows import DictRow

    from application.identity.familiar import Device
    from application.identity.throttle import Allowance
    from application.identity.users import Identity, Users
    from application.store.database import Database
    from domain.clock import Clock

__all__ = ["Client", "Session", "SessionView", "Sessions"]

_TOKEN_BYTES = 32
"""256 random bits; OWASP ASVS 7.2.3 asks for 128."""
SEEN_STEP = timedelta(minutes=1)
"""A session that is used all the time is written to this often; one may end sooner by this for want of use."""
_FORGOTTEN_AT_ONCE_MAX = 1_000
CLIENT_CHARS_MAX = 200
SESSIONS_SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in user. The token is a secret; session_id is none.

    device: of a session that begins, what the device is to show at the next sign-in to be known (familiar.py).
    is_restricted: a first password began it, and it is for choosing another one.
    """

    session_id: UUID
    user: User
    expires_at: datetime
    token: str = field(repr=False)
    device: Device | None = None
    is_restricted: bool = False

    @property
    def csrf_token(self) -> str:
        """What a page sends back with unsafe requests; follows from the token, which no other site can read."""
        digest = hmac.digest(self.token.encode(), b"rpawatch csrf", "sha256")
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class SessionView:
    """What a user is told of a session.

    last_seen_at: exact to SEEN_STEP.
    client: None where it did not say.
    """

    session_id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    address: str | None
    client: str | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Whom a password may be of, and what trying it is counted by."""

    allowance: Allowance
    identities: tuple[Identity, ...]


class Sessions:
    """Signs in and out, and finds who is signed in."""

    def __init__(self, database: Database, users: Users, clock: Clock) -> None:
        self._database = database
        self._users = users
        self._clock = clock
        self._familiar = Familiar(database)
        self._throttle = Throttle(database)

    def sign_in(
        self,
        email: str,
        password: str,
        client: Client,
        *,
        instead_of: Collection[str] = (),
        account_id: UUID | None = None,
    ) -> Session:
        """Begin a session; with a first password, which is used up by that, a restricted one.

        instead_of: tokens of sessions that end with that. Where the password opens several identities, it is the one
        that account_id vouched for, else the tenant's, else the one that signed in last. Raises SignInFailedError, the
        same and after the same time for an unknown user and a wrong password; SignInThrottledError after too many
        failures, HashingBusyError when too many sign in at once.
        """
        now = self._clock()
        known = self._users.by_email(email)
        place_of = {one.user_id: place for place, one in enumerate(known)}
        candidates = self._candidates(email, known, client, now)
        opened = self._verified(candidates, password, now)
        identity = min(opened, key=lambda one: (one.scope_id != account_id, place_of[one.user_id]))
        with self._database.transaction() as cursor:
            # The password may have been changed, or used up, while this one was looked at.
            if not self._users.lock(cursor, identity):
                raise SignInFailedError
            cursor.execute(
                "DELETE FROM rpawatch.sessions WHERE token_sha256 = ANY(%s)",
                ([_digest(token) for token in instead_of],),
            )
            self._users.record_sign_in(cursor, identity, now)
            is_first = identity.password_kind is PasswordKind.FIRST
            return self._begin(cursor, identity, client, now, is_restricted=is_first)

    def change_password(self, session: Session, current: str, new: str, client: Client) -> Session:
        """Change the user's password, end all their sessions, and begin another in place of this one.

        Raises InvalidInputError, pointing at `/current_password` or `/new_password`; NotSignedInError when the session
        has ended; SignInThrottledError after too many failures, since whoever finds an open browser must not guess the
        password there; and HashingBusyError.
        """
        now = self._clock()
        user_id = session.user.user_id
        allowance = of_familiar(f"session:{user_id}")
        candidates = [Candidates(allowance, tuple(self._users.by_ids([user_id]).values()))]
        not_yours = InvalidInputError([FieldError("current_password", "is not your password")])
        with HASHING.place(allowance.caller):
            try:
                [identity] = self._verified(candidates, current, now)
            except SignInFailedError:
                raise not_yours from None
            new_hash = _new_hash(identity, new)
        with self._database.transaction() as cursor:
            # All of it was checked before the hashing, and may have changed meanwhile.
            unchanged = self._users.lock(cursor, identity)
            if not self._goes_on(cursor, session):
                raise NotSignedInError
            if not unchanged:
                raise not_yours
            self._users.replace_password(cursor, user_id, new_hash)
            return self._begin(cursor, identity, client, now)

    def set_own_password(self, session: Session, new: str, client: Client) -> Session:
        """Let a user choose a password whose first one began this session, and begin another one in place of it.

        Raises InvalidInputError, pointing at `/new_password`; NotSignedInError when the session ended meanwhile; and
        HashingBusyError.
        """
        now, user_id = self._clock(), session.user.user_id
        identity = self._users.by_ids([user_id]).get(user_id)
        if identity is None or identity.password_kind is not PasswordKind.USED_UP:
            raise NotSignedInError
        with HASHING.place(of_familiar(f"session:{user_id}").caller):
            new_hash = _new_hash(identity, new)
        with self._database.transaction() as cursor:
            if not self._users.lock(cursor, identity) or not self._goes_on(cursor, session):
                raise NotSignedInError
            self._users.replace_password(cursor, user_id, new_hash)
            return self._begin(cursor, identity, client, now)

    def _candidates(self, email: str, known: Sequence[Identity], client: Client, now: datetime) -> list[Candidates]:
        """Return who a sign-in may be meant for, by what it is counted by. known: all that the address stands for.

        Each that signed in from here before has an allowance of their own, and the others share the stranger's: who has
        the password of one gets no further with guessing that of another.
        """
        familiar = self._familiar.find(email, client, now)
        # The stranger's is always among them, or the time would tell whether others have the address.
        return [
            *(Candidates(of_familiar(familiar[one.user_id]), (one,)) for one in known if one.user_id in familiar),
            Candidates(of_stranger(email, client.address), tuple(one for one in known if one.user_id not in familiar)),
        ]

    def _verified(self, candidates: Sequence[Candidates], password: str, now: datetime) -> list[Identity]:
        """Return whose password this is, one at least; not of those whose allowance is used up.

        Raises as `sign_in` does.
        """
        # First without a place: whoever has to wait anyway takes none from others.
        allowed = self._allowed(candidates, lambda one: self._throttle.check(one.allowance, now))
        first = allowed[0].allowance
        with HASHING.place(first.caller, stranger=first.is_stranger):
            attempts: dict[Candidates, UUID] = {}

            def count(one: Candidates) -> None:
                attempts[one] = self._throttle.count(one.allowance, now)

            allowed = self._allowed(allowed, count)
            known = [identity for one in allowed for identity in one.identities]
            salt = known[0].password_salt if known else None
            try:
                right = verify_password(salt, [identity.password_hash for identity in known], password)
            except (HashingBusyError, StoreUnavailableError):
                for one, attempt_id in attempts.items():
                    self._throttle.take_back(one.allowance, attempt_id)
                raise
        opened = [identity for identity, is_right in zip(known, right, strict=True) if is_right]
        opened = [identity for identity in opened if identity.may_sign_in(now)]
        if not opened:
            raise SignInFailedError
        for one, attempt_id in attempts.items():
            # What was tried before may have been meant for somebody else, where the allowance is theirs too.
            if one.identities and all(identity in opened for identity in one.identities):
                self._throttle.clear(one.allowance, attempt_id)
            else:
                self._throttle.take_back(one.allowance, attempt_id)
        return opened

    @staticmethod
    def _allowed(candidates: Sequence[Candidates], ask: Callable[[Candidates], object]) -> list[Candidates]:
        """Return those for whom `ask` does not raise SignInThrottledError; raise it when nobody is left."""
        allowed, refused = [], []
        for one in candidates:
            try:
                ask(one)
                allowed.append(one)
            except SignInThrottledError as error:
                refused.append(error)
        if refused and not any(one.identities for one in allowed):
            raise min(refused, key=lambda error: error.retry_after_seconds)
        return allowed

    def _begin(
        self, cursor: Cursor[DictRow], user: User, client: Client, now: datetime, *, is_restricted: bool = False
    ) -> Session:
        device = self._familiar.remember(cursor, user.user_id, client, now)
        lifetime = RESTRICTED_SESSION_LIFETIME if is_restricted else SESSION_LIFETIME
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        session = Session(uuid4(), user, now + lifetime, token, device, is_restricted)
        cursor.execute(
            "INSERT INTO rpawatch.sessions"
            " (token_sha256, session_id, user_id, created_at, last_seen_at, expires_at, address, client, is_restricted)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                _digest(session.token),
                session.session_id,
                user.user_id,
                now,
                now,
                session.expires_at,
                client.address,
                client.name and client.name[:CLIENT_CHARS_MAX],
                is_restricted,
            ),
        )
        # Past those that others are at: waiting for them here could be waiting for each other.
        cursor.execute(
            "DELETE FROM rpawatch.sessions WHERE token_sha256 = ANY(ARRAY(SELECT token_sha256 FROM rpawatch.sessions"
            " WHERE expires_at <= %s OR last_seen_at <= %s LIMIT %s FOR UPDATE SKIP LOCKED))",
            (now, now - SESSION_IDLE_MAX, _FORGOTTEN_AT_ONCE_MAX),
        )
        return session

    def _goes_on(self, cursor: Cursor[DictRow], session: Session) -> bool:
        now = self._clock()
        cursor.execute(
            "SELECT FROM rpawatch.sessions WHERE session_id = %s AND expires_at > %s AND last_seen_at > %s FOR UPDATE",
            (session.session_id, now, now - SESSION_IDLE_MAX),
        )
        return cursor.rowcount > 0

    def find(self, token: str, *, is_use: bool = True) -> Session | None:
        """Return the session of a token, or None when there is none or it has ended; and note that it was seen.

        is_use: whether somebody is at it; what asks by itself does not keep a session alive.
        """
        now = self._clock()
        with self._database.get_connection() as connection:
            row = connection.execute(
                "SELECT session_id, user_id, email, name, expires_at, last_seen_at, is_restricted"
                " FROM rpawatch.sessions JOIN rpawatch.users USING (user_id)"
                " WHERE token_sha256 = %s AND expires_at > %s AND last_seen_at > %s",
                (_digest(token), now, now - SESSION_IDLE_MAX),
                prepare=True,
            ).fetchone()
            if row is None:
                return None
            if is_use and now - row["last_seen_at"] >= SEEN_STEP:
                connection.execute(
                    "UPDATE rpawatch.sessions SET last_seen_at = %s WHERE session_id = %s", (now, row["session_id"])
                )
        user = User(row["user_id"], row["email"], row["name"])
        return Session(row["session_id"], user, row["expires_at"], token, is_restricted=row["is_restricted"])

    def of_user(self, user_id: UUID) -> list[SessionView]:
        """Return the sessions of a user that have not ended, the one that was seen last first."""
        now = self._clock()
        with self._database.get_connection() as connection:
            rows = connection.execute(
                "SELECT session_id, created_at, last_seen_at, expires_at, address, client FROM rpawatch.sessions"
                " WHERE user_id = %s AND expires_at > %s AND last_seen_at > %s"
                " ORDER BY last_seen_at DESC, session_id LIMIT %s",
                (user_id, now, now - SESSION_IDLE_MAX, SESSIONS_SHOWN_MAX),
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


def _new_hash(identity: Identity, new: str) -> str:
    check_password(new, email=identity.email, name=identity.name, field="new_password")
    new_hash = hash_password(new, identity.password_salt)
    if new_hash == identity.password_hash:
        raise InvalidInputError([FieldError("new_password", "must be another one than before")])
    return new_hash


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
