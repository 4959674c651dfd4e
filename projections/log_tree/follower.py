"""Follows the log with the tree, and has its head signed."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from application.store.log.following import FOLLOWER_SESSION, follow, keep_working, pause_seconds
from application.store.session import begin_session, try_lock, unlock
from projections.log_tree.growth import Growth
from projections.log_tree.heads import add_head, latest_head, origin, seconds_since_signed
from projections.log_tree.signing import SigningKeyError, TreeSpoiltError, check_in_use, next_checkpoint

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from typing import TypeAlias

    from application.store.session import Connection
    from domain.proof.note import Signer
    from projections.read_model import Connect

    LoadSigner: TypeAlias = Callable[[str], Signer]
    """Returns what signs for the log of this name; raises SigningKeyError."""

LOCK: Final = 0x72706177_74726565  # "rpawtree"
"""Advisory lock of the one that works; others stand by."""

_log = structlog.get_logger(__name__)


class TreeFollower:
    """Keeps the tree up to date. Its `run` is for a thread of its own.

    load_signer: is called before each signature, so that a key that was exchanged is noticed; None to sign nothing.
    """

    TURN_SECONDS_MIN = 2.0
    """Shortest time between two looks at a log that grows: each rewrites the last tile, and nobody waits for it."""
    SIGN_SECONDS_MIN = 60.0
    """Shortest time between two signed heads."""

    def __init__(self, connect: Connect, load_signer: LoadSigner | None) -> None:
        self._connect = connect
        self._load_signer = load_signer
        self._failures = 0
        self._signed_size = 0
        self._sign_at = 0.0
        self._complaint: str | None = None

    def run(self, stop: threading.Event) -> None:
        """Follow the log until `stop` is set. Raises nothing: what goes wrong is logged and tried again."""
        keep_working(self._connect, stop, partial(self._follow, stop), self._record_failure)

    def _follow(self, stop: threading.Event, connection: Connection) -> None:
        begin = partial(self._begin, connection)
        follow(connection, stop, LOCK, begin, lambda: None, turn_seconds_min=self.TURN_SECONDS_MIN)

    def _record_failure(self, error: Exception) -> float:
        self._complain("log_tree_interrupted", f"{type(error).__name__}: {error}")
        self._failures += 1
        return pause_seconds(self._failures)

    def catch_up(self) -> None:
        """Take in what is in the log now, and sign its head, if nobody else follows it.

        Raises SigningKeyError, TreeSpoiltError, psycopg.Error, and what `Growth.step` raises.
        """
        with closing(self._connect()) as connection:
            begin_session(connection, FOLLOWER_SESSION)
            if not try_lock(connection, LOCK):
                return
            try:
                growth = Growth(connection)
                while growth.step():
                    pass
                head = latest_head(connection)
                if head is None or head.size < growth.size:
                    self._add_head(connection, growth.size)
            finally:
                unlock(connection, LOCK)

    def _begin(self, connection: Connection) -> Callable[[], bool]:
        head = latest_head(connection)
        self._signed_size = head.size if head else 0
        age = seconds_since_signed(connection)
        self._sign_at = time.monotonic() + (0 if age is None else max(0.0, self.SIGN_SECONDS_MIN - age))
        return partial(self._turn, connection, Growth(connection))

    def _turn(self, connection: Connection, growth: Growth) -> bool:
        is_behind = growth.step()
        self._failures = 0
        if growth.size > self._signed_size and time.monotonic() >= self._sign_at:
            self._sign(connection, growth.size)
        return is_behind

    def _sign(self, connection: Connection, size: int) -> None:
        """Sign the head of the tree, when it is one that follows from what was signed before."""
        self._sign_at = time.monotonic() + self.SIGN_SECONDS_MIN
        try:
            self._add_head(connection, size)
        except (SigningKeyError, TreeSpoiltError) as error:
            self._complain("log_head_not_signed", str(error))
            return
        self._signed_size = size
        self._complaint = None

    def _add_head(self, connection: Connection, size: int) -> None:
        name = origin(connection)
        if self._load_signer is None or name is None:
            return
        signer = self._load_signer(name)
        check_in_use(connection, signer)
        add_head(connection, next_checkpoint(connection, name, size), [signer])

    def _complain(self, event: str, reason: str) -> None:
        """Log what is wrong, once for each thing."""
        if reason != self._complaint:
            _log.error(event, reason=reason)
        self._complaint = reason
