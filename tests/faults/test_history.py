"""The judge is judged: what breaks the rule is found in a forged history, and what does not is let be."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from tests.support.clock import NOON
from tests.support.history import Attempt, Outcome, Row, broken_rules, outcome_of

KEY = UUID("00000000-0000-4000-8000-0000000000c1")
LIMIT = 5
SECOND = timedelta(seconds=1)


def job_of(operation: str) -> UUID:
    return uuid5(KEY, operation)


def attempt(operation: str, outcome: Outcome, asked: float, **changes: Any) -> Attempt:
    status = {Outcome.OK: 201, Outcome.REFUSED: 404, Outcome.UNKNOWN: None}[outcome]
    job = job_of(operation) if outcome is Outcome.OK else None
    return replace(Attempt(operation, KEY, asked, asked + 0.5, outcome, status, job), **changes)


def row(position: int, stream: UUID, version: int, topic: str, command: str, **state: Any) -> Row:
    common = {"timestamp": (NOON + position * SECOND).isoformat(), "command_id": command}
    return Row(position, stream, version, topic, common | state, transaction=position)


def use(position: int, version: int, command: str, **state: Any) -> Row:
    return row(position, KEY, version, "api_key.used", command, **{"outcome": "accepted"} | state)


def reported(position: int, operation: str, command: str) -> Row:
    return row(position, job_of(operation), 1, "job.reported", command, external_id=operation)


ATTEMPTS = (
    attempt("first", Outcome.UNKNOWN, 1.0),
    attempt("first", Outcome.OK, 2.0, replayed=True),
    attempt("second", Outcome.OK, 3.0),
    attempt("lost", Outcome.UNKNOWN, 4.0),
    attempt("carried out", Outcome.UNKNOWN, 5.0, status=503),
    attempt("wrong", Outcome.REFUSED, 6.0),
    attempt("too much", Outcome.REFUSED, 7.0, status=429),
    attempt("not sent", Outcome.REFUSED, 8.0, status=None, sent=False),
)
LOG = (
    row(1, KEY, 1, "api_key.created", "0", limit=LIMIT),
    reported(2, "first", "1"),
    use(3, 2, "1", job_id=str(job_of("first"))),
    use(4, 3, "1 again", outcome="replayed", job_id=str(job_of("first"))),
    reported(6, "second", "2"),
    use(7, 4, "2", job_id=str(job_of("second"))),
    reported(8, "carried out", "3"),
    use(9, 5, "3", job_id=str(job_of("carried out"))),
    use(10, 6, "4", outcome="rejected", problem="process-not-found"),
    row(11, KEY, 7, "api_key.throttled", "5"),
)


def without(*positions: int) -> list[Row]:
    return [entry for entry in LOG if entry.position not in positions]


def at(position: int, /, **changes: Any) -> list[Row]:
    """The log with one row changed."""
    return [replace(entry, **changes) if entry.position == position else entry for entry in LOG]


def and_then(*rows: Row) -> list[Row]:
    return [*LOG, *rows]


def told(operation: str, **changes: Any) -> list[Attempt]:
    """The attempts with those of one operation changed."""
    return [replace(entry, **changes) if entry.operation == operation else entry for entry in ATTEMPTS]


def test_a_history_that_keeps_the_rule_is_let_be() -> None:
    assert broken_rules(ATTEMPTS, LOG) == []


@pytest.mark.parametrize(
    ("attempts", "log", "found"),
    [
        (ATTEMPTS, without(6, 7), "second was acknowledged as .* the log has \\[\\]"),
        (ATTEMPTS, at(6, stream=job_of("else")), "second was acknowledged as"),
        (
            ATTEMPTS,
            and_then(row(12, job_of("twin"), 1, "job.reported", "6", external_id="second")),
            "second was acknowledged as",
        ),
        ([*told("first", outcome=Outcome.OK, status=201)[:1], *ATTEMPTS[1:]], LOG, "2 different jobs"),
        (
            ATTEMPTS,
            and_then(row(12, job_of("twin"), 1, "job.reported", "6", external_id="carried out")),
            "carried out was never acknowledged, and the log has it 2 times",
        ),
        (ATTEMPTS, and_then(reported(12, "wrong", "6")), "wrong was refused, and the log has it"),
        (ATTEMPTS, and_then(reported(12, "not sent", "6")), "not sent was refused, and the log has it"),
        (ATTEMPTS, at(10, version=8), "has the versions \\[1, 2, 3, 4, 5, 8, 7\\]"),
        (ATTEMPTS, without(1), "has the versions \\[2"),
        (ATTEMPTS, [*LOG[:3], LOG[5], LOG[4], *LOG[6:]], "position 6 was written after 7"),
        (ATTEMPTS, at(4, position=3), "position 3 was written after 3"),
        (ATTEMPTS, [*LOG[:4], reported(5, "carried out", "3"), *without(8)[4:]],
         "carried out was asked after position 6 was acknowledged, and stands at 5"),
        (ATTEMPTS, and_then(use(12, 8, "1", outcome="rejected")), "command 1 stands in 2 places"),
        (ATTEMPTS, [*LOG[:3], use(4, 3, "1", outcome="rejected"), *LOG[4:]], "command 1 left 2 api_key.used"),
        (ATTEMPTS, and_then(use(12, 8, "6"), use(13, 9, "7")), "has 7 uses, after 3 known and 3 unknown"),
        (ATTEMPTS, without(4, 9, 10), "has 2 uses, after 3 known"),
        (ATTEMPTS, at(7, state=LOG[5].state | {"outcome": "rejected"}), "came with 0 uses"),
        (ATTEMPTS, and_then(use(12, 8, "6", job_id=str(job_of("none")))), "for the job .*, which is not there"),
        (ATTEMPTS, and_then(*(use(12 + n, 8 + n, f"n{n}") for n in range(2))), "more than 5 times in the minute"),
        (ATTEMPTS, at(10, state=LOG[8].state | {"timestamp": NOON.isoformat()}), "not in the order of time"),
        (ATTEMPTS, [*at(11, topic="api_key.deactivated"), use(12, 8, "6")], "was used after its end, at position 12"),
        (told("wrong", status=500, outcome=Outcome.UNKNOWN), LOG, "wrong was answered with 500"),
    ],
    ids=lambda value: value[:40].replace("\\", "") if isinstance(value, str) else "",
)  # fmt: skip
def test_a_forged_history_is_found(attempts: list[Attempt], log: list[Row], found: str) -> None:
    broken = broken_rules(attempts, log)
    assert any(re.search(found, sentence) for sentence in broken), broken


@pytest.mark.parametrize("seconds", [59.999999, 60.0])
def test_uses_exactly_a_minute_apart_are_in_no_minute_together(seconds: float) -> None:
    late = NOON + 4 * SECOND + timedelta(seconds=seconds)
    first, *others = (use(12 + n, 8 + n, f"n{n}") for n in range(1))
    log = [*at(3, state=LOG[2].state | {"timestamp": (NOON + 4 * SECOND).isoformat()}),
           replace(first, state=first.state | {"timestamp": late.isoformat()}), *others]  # fmt: skip
    too_many = [sentence for sentence in broken_rules(ATTEMPTS, log) if "in the minute" in sentence]
    assert bool(too_many) == (seconds < 60)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, "ok"),
        (201, "ok"),
        (401, "refused"),
        (422, "refused"),
        (429, "refused"),
        (503, "unknown"),
        (None, "unknown"),
    ],
)
def test_a_client_knows_what_a_status_tells_it(status: int | None, outcome: str) -> None:
    assert outcome_of(status) == outcome
