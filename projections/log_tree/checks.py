"""Comparing the log with its signed heads when somebody asks for it on a page; every process can tell how far it is."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from psycopg.rows import args_row, tuple_row

from domain.proof.checkpoint import open_checkpoint
from domain.proof.errors import MalformedError, ProofError
from projections.following import pause_seconds
from projections.log_tree.comparing import compare
from projections.log_tree.heads import log_keys, origin
from projections.session import try_lock

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from datetime import datetime

    from domain.proof.checkpoint import Checkpoint
    from domain.proof.note import Verifier
    from projections.read_model import Connect, Connection

LOOK_SECONDS: Final = 0.5
SAY_SECONDS: Final = 0.5
"""Between two notes of how far it is."""
FINDINGS_MAX: Final = 20
KEPT_MAX: Final = 100
"""Checks that stay in the table."""
_LOCK: Final = 0x72706177_63686563  # "rpawchec"

_COLUMNS: Final = "number, asked_at, kept, events, events_total, ended_at, holds, signed_events, findings"
_OF_CHECKS: Final = f"{_COLUMNS} FROM rpawatch.log_checks"
_LATEST: Final = f"SELECT {_OF_CHECKS} ORDER BY number DESC LIMIT 1"
_UNDER_WAY: Final = f"SELECT {_OF_CHECKS} WHERE ended_at IS NULL"
_ASK: Final = "INSERT INTO rpawatch.log_checks (kept) VALUES (%s) ON CONFLICT DO NOTHING"
_SAY: Final = "UPDATE rpawatch.log_checks SET events = %s, events_total = %s WHERE number = %s"
_END: Final = """
UPDATE rpawatch.log_checks
SET ended_at = clock_timestamp(), holds = %s, events = %s, events_total = %s, signed_events = %s, findings = %s
WHERE number = %s
"""
_FORGET: Final = "DELETE FROM rpawatch.log_checks WHERE number <= %s"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison that was asked for. kept: the checkpoint that came with it. events: read so far, of events_total.

    ended_at: None while it is under way. holds: None too when it could not be made; findings then say why.
    """

    number: int
    asked_at: datetime
    kept: str | None
    events: int
    events_total: int | None
    ended_at: datetime | None
    holds: bool | None
    signed_events: int | None
    findings: Sequence[str]


def latest_check(connection: Connection) -> Check | None:
    """Return the one that was asked for last; None when none ever was."""
    with connection.cursor(row_factory=args_row(Check)) as cursor:
        return cursor.execute(_LATEST).fetchone()


def ask_for_check(connection: Connection, kept: str | None) -> bool:
    """Ask for one, and return whether it will be made: one that is under way has to end before."""
    return connection.execute(_ASK, (kept,)).rowcount == 1


class LogChecker:
    """Makes the comparisons that were asked for. Its `run` is for a thread of its own, in one process or in many.

    connect: opens connections on which no statement is too long; that of a large log counts all of it.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def run(self, stop: threading.Event) -> None:
        """Make them until `stop` is set. Raises nothing: what goes wrong is logged and tried again."""
        failures = 0
        while not stop.is_set():
            try:
                with closing(self._connect()) as connection:
                    while not stop.wait(LOOK_SECONDS):
                        self._turn(connection, stop)
                        failures = 0
            except _Stopped:
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, the way on is to begin anew
                failures += 1
                _log.warning("log_check_interrupted", reason=f"{type(error).__name__}: {error}")
                stop.wait(pause_seconds(failures))

    def _turn(self, connection: Connection, stop: threading.Event) -> None:
        with connection.cursor(row_factory=args_row(Check)) as cursor:
            check = cursor.execute(_UNDER_WAY).fetchone()
        # Who has the lock keeps it until the connection ends; others look on.
        if check is None or not try_lock(connection, _LOCK):
            return
        with closing(self._connect()) as reading:
            self._make(connection, reading, check, stop)

    def _make(self, connection: Connection, reading: Connection, check: Check, stop: threading.Event) -> None:
        said_at = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal said_at
            if stop.is_set():
                raise _Stopped
            if time.monotonic() - said_at >= SAY_SECONDS:
                said_at = time.monotonic()
                connection.execute(_SAY, (done, total, check.number))

        try:
            verifiers = [key.verifier for key in log_keys(reading)]
            kept = [] if check.kept is None else [_opened(check.kept, verifiers, origin(reading))]
            found = compare(reading, kept, verifiers, tell)
        except ProofError as error:
            self._end(connection, check, holds=False, findings=[f"The checkpoint that was kept does not hold. {error}"])
        except MalformedError as error:
            self._end(connection, check, holds=None, findings=[str(error)])
        else:
            texts = [finding.text for finding in found.findings[:FINDINGS_MAX]]
            parameters = (not found.findings, found.events, found.events, found.signed, texts, check.number)
            connection.execute(_END, parameters)
            if found.findings:
                _log.error("log_does_not_hold", findings=texts)
        connection.execute(_FORGET, (check.number - KEPT_MAX,))

    def _end(self, connection: Connection, check: Check, *, holds: bool | None, findings: list[str]) -> None:
        with connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(_END, (holds, 0, 0, None, findings, check.number))


class _Stopped(Exception):  # noqa: N818 - no error: the process ends
    pass


def _opened(note: str, verifiers: Sequence[Verifier], name: str | None) -> Checkpoint:
    checkpoint = open_checkpoint(note, verifiers)
    if checkpoint.origin != name or checkpoint.size == 0:
        raise MalformedError("The checkpoint is of another log, or of no event.")
    return checkpoint
