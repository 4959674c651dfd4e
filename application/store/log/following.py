"""Following the log: one follower of a kind works per database, others stand by.

A follower owns its connection, and everything that it does goes through it: when the connection ends, so do the lock
and the transaction, and nobody is left who could write without them. So whatever goes wrong is handled in one way: let
go of the connection, wait a little, begin anew.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Final

from application.store.session import begin_session, try_lock

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from application.store.session import Connection

CHANNEL: Final = "rpawatch_events"
"""An append notifies on this channel that the log has grown (migrations/0001_log.sql)."""
_SOMEBODY_WAITS: Final = "somebody waits"
"""Payload of a notification that is not about the log: the projector is not to wait for more."""
LOOK_SECONDS = 1.0
"""A notification can be missed, so the log is looked at this often without one; a stand-by tries the lock as often."""
TURN_SECONDS_MIN = 0.5
"""Shortest time between two looks when nobody waits for the second one: under load it serves many appends, and a
hundred uses of a key change its row once. With 0.02 s the projector took a sixth of the processor time of a service
under load."""
ANSWER_SECONDS = 0.005
"""Time after which it is seen meanwhile that somebody waits."""
STOP_SECONDS_MAX = 0.2
"""Longest time until a projector that waits for notifications sees that it is to stop."""
PAUSE_SECONDS_FIRST = 0.1
PAUSE_SECONDS_MAX = 2.0
"""Longest pause between attempts to connect: short enough to be back well before 15 s after the database is."""
FOLLOWER_SESSION: Final = {
    # No wait for the disk: tables and positions are lost or kept together, and what is lost is done again.
    "synchronous_commit": "off",
    # The lock must not outlive a projector that has stopped answering, be it a stopped process or a machine that was
    # cut off. One that works looks each second, so a silent session is a dead one; in a transaction 5 s are long.
    "idle_session_timeout": "10s",
    "idle_in_transaction_session_timeout": "5s",
    "tcp_user_timeout": "10s",
}


def pause_seconds(failures: int) -> float:
    """Return how long to wait before the next attempt after so many that failed."""
    return min(PAUSE_SECONDS_MAX, PAUSE_SECONDS_FIRST * (1 << min(failures, 10)))


def keep_working(
    connect: Callable[[], Connection],
    stop: threading.Event,
    work: Callable[[Connection], object],
    record_failure: Callable[[Exception], float],
) -> None:
    """Open a connection and work through it until `stop` is set, however often that fails. Raises nothing.

    record_failure: takes what went wrong, and returns how many seconds to wait before the next attempt.
    """
    while not stop.is_set():
        try:
            with closing(connect()) as connection:
                work(connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, the way on is to begin anew
            stop.wait(record_failure(error))


def hurry(connection: Connection) -> None:
    """Let whoever follows the log look at it at once: somebody waits for what was appended."""
    connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, _SOMEBODY_WAITS))


def follow(  # noqa: PLR0913 - what followers differ in
    connection: Connection,
    stop: threading.Event,
    lock: int,
    begin: Callable[[], Callable[[], bool]],
    stand_by: Callable[[], None],
    *,
    turn_seconds_min: float | None = None,
) -> None:
    """Take turns along the log until `stop` is set, alone with what takes the same advisory lock.

    begin: is called with the lock held, and returns what takes a turn; that returns whether it is still behind.
    stand_by: is called each LOOK_SECONDS while another holds the lock.
    turn_seconds_min: between two turns when nobody waits for the second one; TURN_SECONDS_MIN without it.

    Raises what these raise, psycopg.Error.
    """
    begin_session(connection, FOLLOWER_SESSION)
    while not try_lock(connection, lock):
        stand_by()
        if stop.wait(LOOK_SECONDS):
            return
    # Before the first look at the log: what is appended after that look is then announced.
    connection.execute(f"LISTEN {CHANNEL}")
    turn = begin()
    while not stop.is_set():
        began = time.monotonic()
        if not turn():
            pause = TURN_SECONDS_MIN if turn_seconds_min is None else turn_seconds_min
            _wait_until_due(connection, stop, began + pause)


def _wait_until_due(connection: Connection, stop: threading.Event, due: float) -> None:
    """Return when the log is to be looked at again, or `stop` is set.

    That is from `due` on when it has grown, at once when somebody waits, and after LOOK_SECONDS in any case.
    """
    latest = time.monotonic() + LOOK_SECONDS
    has_grown = False
    while not stop.is_set():
        left = (due if has_grown else latest) - time.monotonic()
        if left <= 0:
            return
        if has_grown:
            # Not woken by each append.
            stop.wait(min(left, ANSWER_SECONDS))
        news = [
            one.payload
            for one in connection.notifies(timeout=0 if has_grown else min(left, STOP_SECONDS_MAX), stop_after=1)
        ]
        if _SOMEBODY_WAITS in news:
            return
        has_grown = has_grown or bool(news)
