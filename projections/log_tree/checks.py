"""Comparing the log with signed heads when somebody asks for it on a page; every process can tell how far it is.

There are two kinds. The log against the heads that were signed here has the same input whoever asks: its outcome is
told to everybody, and a failure stands until the same comparison succeeds. The log against a checkpoint that somebody
kept is told to them alone: what they gave must not speak for the log to others. Where the log's own key signed it and
the log is another one, it is evidence, for those who watch over the whole tenant.
"""

from __future__ import annotations

import time
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from psycopg.rows import args_row, tuple_row

from application.store.log.following import keep_working, pause_seconds
from application.store.session import try_lock
from domain.model import SYSTEM_ACTOR
from domain.proof.checkpoint import open_checkpoint
from domain.proof.errors import MalformedError, ProofError
from projections.log_tree.comparing import compare
from projections.log_tree.heads import log_keys, origin

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence
    from datetime import datetime

    from application.store.log.reading import ReportProgress
    from application.store.session import Connection
    from domain.proof.checkpoint import Checkpoint
    from projections.log_tree.comparing import LogComparison
    from projections.read_model import Connect

LOOK_SECONDS: Final = 0.5
REPORT_SECONDS: Final = 0.5
"""Pause between two records of how far it is."""
CHECK_SECONDS_MAX: Final = 1_800.0
"""Longest comparison. `rpawatch audit verify` has no such bound."""
ATTEMPTS_MAX: Final = 3
"""Most attempts to make one that was interrupted: what ends the process must not do so for ever."""
WAITING_OF_TURN_MAX: Final = 10
"""Most people of one account whose comparisons wait."""
FINDINGS_MAX: Final = 20
CONTRADICTIONS_SHOWN_MAX: Final = 20
_ASK_OPERATOR: Final = "Have the operator run `rpawatch audit verify`."
_LOG_TURN: Final = "log"
_LOCK: Final = 0x72706177_63686563  # "rpawchec"

_OF_CHECKS: Final = (
    "number, asked_at, asked_by, kept, events, events_total, ended_at, holds, signed_events, findings, contradicts"
    " FROM rpawatch.log_checks"
)
_LATEST: Final = f"SELECT {_OF_CHECKS} WHERE kept IS NULL ORDER BY number DESC LIMIT 1"
# What could not be made says nothing of the log, and hides nothing that was found.
_OUTCOME: Final = f"SELECT {_OF_CHECKS} WHERE kept IS NULL AND holds IS NOT NULL ORDER BY number DESC LIMIT 1"
_OWN: Final = f"SELECT {_OF_CHECKS} WHERE kept IS NOT NULL AND asked_by = %s ORDER BY number DESC LIMIT 1"
_NEXT: Final = f"SELECT {_OF_CHECKS} JOIN rpawatch.log_checks_queue USING (number) WHERE rank = 1"
_RANK: Final = "SELECT rank FROM rpawatch.log_checks_queue WHERE number = %s"
_REQUEST: Final = """
INSERT INTO rpawatch.log_checks (kept, asked_by, turn)
SELECT %(kept)s, %(asked_by)s, %(turn)s
WHERE (SELECT count(*) FROM rpawatch.log_checks WHERE ended_at IS NULL AND turn = %(turn)s) < %(waiting_max)s
ON CONFLICT DO NOTHING
"""
_BEGIN: Final = "UPDATE rpawatch.log_checks SET attempts = attempts + 1 WHERE number = %s RETURNING attempts"
_REPORT: Final = "UPDATE rpawatch.log_checks SET events = %s, events_total = %s WHERE number = %s"
_END: Final = """
UPDATE rpawatch.log_checks
SET ended_at = clock_timestamp(), holds = %s, events = %s, events_total = %s, signed_events = %s, findings = %s,
    contradicts = %s
WHERE number = %s
"""
_FORGET_OF_LOG: Final = """
DELETE FROM rpawatch.log_checks AS past USING rpawatch.log_checks AS last
WHERE last.number = %(number)s AND past.kept IS NULL AND past.number < last.number
    AND (past.holds IS NULL OR last.holds IS NOT NULL)
"""
_FORGET_OWN: Final = """
DELETE FROM rpawatch.log_checks AS past USING rpawatch.log_checks AS last
WHERE last.number = %(number)s AND past.kept IS NOT NULL AND past.asked_by = last.asked_by AND past.number < last.number
    AND (NOT past.contradicts OR (last.contradicts AND past.kept_text = last.kept_text))
"""
_EARLIER: Final = """
SELECT FROM rpawatch.log_checks AS earlier
WHERE earlier.contradicts AND earlier.kept_text = found.kept_text AND earlier.number < found.number
"""
_CONTRADICTIONS: Final = f"""
SELECT {_OF_CHECKS} AS found WHERE contradicts AND NOT EXISTS ({_EARLIER}) ORDER BY number DESC
LIMIT {CONTRADICTIONS_SHOWN_MAX}
"""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Check:
    """A comparison that was asked for.

    asked_by: a user's id, or the system's.
    kept: the checkpoint that came with it; None for the log against the heads that were signed here.
    events: read so far, of events_total.
    ended_at: None while it waits or is made.
    holds: None too when it could not be made; findings then say why.
    contradicts: the log is not that of the checkpoint, which the log's own key has signed.
    """

    number: int
    asked_at: datetime
    asked_by: str
    kept: str | None
    events: int
    events_total: int | None
    ended_at: datetime | None
    holds: bool | None
    signed_events: int | None
    findings: Sequence[str]
    contradicts: bool


@dataclass(frozen=True, slots=True)
class Checks:
    """What somebody may know of comparisons.

    outcome: what is known of the log itself, which is the same for everybody: of the last comparison with the heads
    that were signed here that could be made.
    of_log: the last one of those that was asked for.
    own: the last with a checkpoint of theirs.
    of_log_after, own_after: how many are made before those, when they wait.
    """

    outcome: Check | None
    of_log: Check | None
    own: Check | None
    of_log_after: int
    own_after: int


def checks_for(connection: Connection, person: str) -> Checks:
    """Return what a person may know. person: a user's id."""
    with connection.cursor(row_factory=args_row(Check)) as cursor:
        outcome = cursor.execute(_OUTCOME).fetchone()
        of_log = cursor.execute(_LATEST).fetchone()
        own = cursor.execute(_OWN, (person,)).fetchone()
    return Checks(outcome, of_log, own, _waits_after(connection, of_log), _waits_after(connection, own))


def contradictions(connection: Connection) -> list[Check]:
    """Return the comparisons that show that the log's key has signed another log, one of each checkpoint, latest first.

    They are for those who watch over the whole tenant.
    """
    with connection.cursor(row_factory=args_row(Check)) as cursor:
        return cursor.execute(_CONTRADICTIONS).fetchall()


def request_log_check(connection: Connection, person: str) -> None:
    """Request a comparison of the log with the heads that were signed here; one that is not over yet is that one."""
    _request(connection, None, person, _LOG_TURN)


def request_kept_check(connection: Connection, kept: str, person: str, turn: str) -> bool:
    """Request a comparison of the log with a checkpoint, and return whether it will be made.

    It will not while an earlier one of this person has not ended, or too many wait for the same turn. turn: whose turn
    it uses up, who may be many people. Raises ProofError, MalformedError for what the log's key did not sign.
    """
    open_kept(connection, kept)
    return _request(connection, kept, person, turn)


def open_kept(connection: Connection, note: str) -> Checkpoint:
    """Return the checkpoint in a note that a key of the log has signed. Raises ProofError, MalformedError."""
    checkpoint = open_checkpoint(note, [key.verifier for key in log_keys(connection)])
    if checkpoint.origin != origin(connection) or checkpoint.size == 0:
        raise MalformedError("The checkpoint is of another log, or of no event.")
    return checkpoint


def _request(connection: Connection, kept: str | None, person: str, turn: str) -> bool:
    asked = {"kept": kept, "asked_by": person, "turn": turn, "waiting_max": WAITING_OF_TURN_MAX}
    return connection.execute(_REQUEST, asked).rowcount == 1


def _waits_after(connection: Connection, check: Check | None) -> int:
    if check is None or check.ended_at is not None:
        return 0
    with connection.cursor(row_factory=tuple_row) as cursor:
        row = cursor.execute(_RANK, (check.number,)).fetchone()
    return row[0] - 1 if row else 0


class LogChecker:
    """Makes the comparisons that were asked for. Its `run` is for a thread of its own, in one process or in many.

    connect: opens connections on which no statement is too long; that of a large log counts all of it.
    """

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._failures = 0

    def run(self, stop: threading.Event) -> None:
        """Make them until `stop` is set. Raises nothing: what goes wrong is logged and tried again."""
        keep_working(self._connect, stop, partial(self._work, stop), self._record_failure)

    def _work(self, stop: threading.Event, connection: Connection) -> None:
        with suppress(_Stopped):
            while not stop.wait(LOOK_SECONDS):
                self._turn(connection, stop)
                self._failures = 0

    def _record_failure(self, error: Exception) -> float:
        self._failures += 1
        _log.warning("log_check_interrupted", reason=f"{type(error).__name__}: {error}")
        return pause_seconds(self._failures)

    def _turn(self, connection: Connection, stop: threading.Event) -> None:
        # Who has the lock keeps it until the connection ends; others look on.
        if _next(connection) is None or not try_lock(connection, _LOCK):
            return
        check = _next(connection)
        if check is None:
            return
        with closing(self._connect()) as reading:
            self._make(connection, reading, check, stop)
        forget = _FORGET_OF_LOG if check.kept is None else _FORGET_OWN
        connection.execute(forget, {"number": check.number})

    def _make(self, connection: Connection, reading: Connection, check: Check, stop: threading.Event) -> None:
        try:
            self._record_attempt(connection, check)
            kept = [] if check.kept is None else [open_kept(reading, check.kept)]
            verifiers = [key.verifier for key in log_keys(reading)]
            found = compare(reading, kept, verifiers, self._reporter(connection, check, stop))
        except (ProofError, MalformedError, _NotMadeError) as error:
            self._end(connection, check, None, [str(error)])
            return
        texts = [finding.text for finding in found.findings[:FINDINGS_MAX]]
        contradicts = found.failed is not None and found.failed in kept
        with connection.transaction():
            self._end(connection, check, found, texts, contradicts=contradicts)
            if texts and kept:
                # Whether it is the log that was changed is for everybody to know.
                request_log_check(connection, SYSTEM_ACTOR)
        if contradicts:
            _log.error("checkpoint_contradicts_log", asked_by=check.asked_by, findings=texts)
        elif texts:
            _log.error("log_does_not_hold", findings=texts)

    def _record_attempt(self, connection: Connection, check: Check) -> None:
        with connection.cursor(row_factory=tuple_row) as cursor:
            row = cursor.execute(_BEGIN, (check.number,)).fetchone()
        if row and row[0] > ATTEMPTS_MAX:
            raise _NotMadeError(f"It was interrupted {ATTEMPTS_MAX} times. {_ASK_OPERATOR}")

    def _reporter(self, connection: Connection, check: Check, stop: threading.Event) -> ReportProgress:
        began, reported_at = time.monotonic(), 0.0

        def report(done: int, total: int) -> None:
            nonlocal reported_at
            now = time.monotonic()
            if stop.is_set():
                raise _Stopped
            if now - began > CHECK_SECONDS_MAX:
                raise _NotMadeError(f"It took longer than {CHECK_SECONDS_MAX / 60:.0f} minutes. {_ASK_OPERATOR}")
            if now - reported_at >= REPORT_SECONDS:
                reported_at = now
                connection.execute(_REPORT, (done, total, check.number))

        return report

    def _end(
        self,
        connection: Connection,
        check: Check,
        found: LogComparison | None,
        findings: list[str],
        *,
        contradicts: bool = False,
    ) -> None:
        holds, events, signed = (None, 0, None) if found is None else (not findings, found.events, found.signed)
        connection.execute(_END, (holds, events, events, signed, findings, contradicts, check.number))


def _next(connection: Connection) -> Check | None:
    with connection.cursor(row_factory=args_row(Check)) as cursor:
        return cursor.execute(_NEXT).fetchone()


class _Stopped(Exception):  # noqa: N818 - no error: the process ends
    pass


class _NotMadeError(Exception):
    """It could not be made. The message says why, and can be shown."""
