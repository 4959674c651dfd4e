"""Counts failed sign-ins, and lets further ones wait: in the database, so that it holds on any number of machines.

An attempt is counted before its password is looked at, so of many at once no more get through than of one by one.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from domain.client_network import network_of
from domain.errors import SignInThrottledError
from domain.limits import (
    SIGN_IN_FAILURES_PER_ADDRESS_MAX,
    SIGN_IN_FAILURES_PER_PAIR_MAX,
    SIGN_IN_FAILURES_PER_USER_MAX,
    SIGN_IN_WINDOW,
)
from domain.sign_in import familiar_wait, stranger_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from psycopg import Cursor
    from psycopg.rows import DictRow

    from application.store.database import Database

_LOCKS = 0x7270_6173
"""The space of our advisory locks, which those with one number are not in."""
_FORGOTTEN_AT_ONCE_MAX = 1_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What failures are counted by. wait: how long one more waits, from when the last ones were, and the time."""

    subject: bytes
    wait: Callable[[Sequence[datetime], datetime], timedelta]

    @property
    def lock(self) -> int:
        """The number of its lock; that of another one is seldom the same, and does no harm then."""
        return int.from_bytes(self.subject[:4], "big", signed=True)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an attempt is counted by. caller: who it is one of, of whom few are looked at at once.

    budgets: the first one is of this user from this place alone, and a success clears it.
    """

    caller: str
    budgets: tuple[Budget, ...]
    is_stranger: bool


def of_stranger(email: str, address: str) -> Allowance:
    """Return what is counted of somebody who tries a user from where that one did not sign in before."""
    network = network_of(address)
    budgets = (
        _budget(f"pair:{network} {email}", SIGN_IN_FAILURES_PER_PAIR_MAX),
        _budget(f"address:{network}", SIGN_IN_FAILURES_PER_ADDRESS_MAX),
        _budget(f"user:{email}", SIGN_IN_FAILURES_PER_USER_MAX),
    )
    return Allowance(f"address:{network}", budgets, is_stranger=True)


def of_familiar(name: str) -> Allowance:
    """Return what is counted of somebody who showed before, here, that they are the user. name: of user and place."""
    return Allowance(name, (Budget(_digest(f"familiar:{name}"), familiar_wait),), is_stranger=False)


class Throttle:
    """The table of failures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self, allowance: Allowance, now: datetime) -> None:
        """Raise SignInThrottledError when one more attempt has to wait."""
        with self._database.get_connection() as connection:
            _check(connection.cursor(), allowance, now)

    def count(self, allowance: Allowance, now: datetime) -> UUID:
        """Count an attempt as failed, and return its id. Raises SignInThrottledError when it has to wait."""
        attempt_id = uuid4()
        with self._database.transaction() as cursor:
            # In one order, so that no two wait for each other; held to the end of the transaction.
            cursor.execute(
                "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s::int[]) AS number",
                (_LOCKS, sorted({budget.lock for budget in allowance.budgets})),
            )
            _check(cursor, allowance, now)
            cursor.executemany(
                "INSERT INTO rpawatch.sign_in_failures (subject_sha256, failed_at, attempt_id) VALUES (%s, %s, %s)",
                [(budget.subject, now, attempt_id) for budget in allowance.budgets],
            )
            cursor.execute(
                "DELETE FROM rpawatch.sign_in_failures WHERE ctid = ANY(ARRAY("
                " SELECT ctid FROM rpawatch.sign_in_failures WHERE failed_at <= %s LIMIT %s FOR UPDATE SKIP LOCKED))",
                (now - SIGN_IN_WINDOW, _FORGOTTEN_AT_ONCE_MAX),
            )
        return attempt_id

    def take_back(self, allowance: Allowance, attempt_id: UUID) -> None:
        """Let an attempt not count."""
        with self._database.get_connection() as connection:
            connection.execute(
                "DELETE FROM rpawatch.sign_in_failures WHERE subject_sha256 = ANY(%s) AND attempt_id = %s",
                ([budget.subject for budget in allowance.budgets], attempt_id),
            )

    def clear(self, allowance: Allowance, attempt_id: UUID) -> None:
        """Let an attempt not count that succeeded, nor any before it of this user from this place."""
        with self._database.get_connection() as connection:
            connection.execute(
                "DELETE FROM rpawatch.sign_in_failures"
                " WHERE subject_sha256 = %s OR (subject_sha256 = ANY(%s) AND attempt_id = %s)",
                (allowance.budgets[0].subject, [budget.subject for budget in allowance.budgets], attempt_id),
            )


def _check(cursor: Cursor[DictRow], allowance: Allowance, now: datetime) -> None:
    rows = cursor.execute(
        "SELECT subject_sha256, array_agg(failed_at ORDER BY failed_at DESC) AS times"
        " FROM rpawatch.sign_in_failures WHERE subject_sha256 = ANY(%s) AND failed_at > %s GROUP BY 1",
        ([budget.subject for budget in allowance.budgets], now - SIGN_IN_WINDOW),
    ).fetchall()
    failures = {bytes(row["subject_sha256"]): row["times"] for row in rows}
    wait = max(budget.wait(failures.get(budget.subject, ()), now) for budget in allowance.budgets)
    if wait > timedelta():
        raise SignInThrottledError(-(-wait // timedelta(seconds=1)))


def _budget(subject: str, most: int) -> Budget:
    return Budget(_digest(subject), partial(stranger_wait, most))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
