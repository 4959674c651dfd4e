"""What clients asked and what they were told, and the one rule that judges it against the log.

Each client writes down every attempt: ok, refused or unknown. Afterwards, in the log as it stands in the database:
every ok is there exactly once, every refused is not (but for its use of the key), every unknown at most once; the
versions of each stream have no gap; positions are in the order of commits; no minute holds more uses of a key than its
limit, and none comes after the key's end.

An operation is known in the log by the `external_id` of its job, which says nothing to the service, so two jobs for one
operation are found even where the service takes them for two.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import accumulate, groupby, pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import orjson
import psycopg

from tests.support.service import NO_ANSWER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tests.support.api import Answer
    from tests.support.world import Robot

_MINUTE = timedelta(seconds=60)
_NOT_A_USE = {401, 408, 413, 429, 431}
"""Refusals of a request that was not let in. 413 for its size, which is looked at before the key."""


class Outcome(StrEnum):
    """What a client knows after an attempt."""

    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """No answer, or 503: it may or may not have been carried out."""


@dataclass(frozen=True)
class Attempt:
    """One request with a key. asked, answered: of time.monotonic(). status: of the answer, None when none came."""

    operation: str
    key_id: UUID
    asked: float
    answered: float
    outcome: Outcome
    status: int | None = None
    job_id: UUID | None = None
    replayed: bool = False
    retry_after: str | None = None
    sent: bool = True
    """Not when the connection was refused."""
    reports: bool = True
    """Not when the key was only looked at."""
    idempotent: bool = False

    @property
    def seconds(self) -> float:
        """How long the client waited."""
        return self.answered - self.asked


@dataclass
class History:
    """The attempts of all clients. Any thread may add to it."""

    attempts: list[Attempt] = field(default_factory=list)

    def report(self, robot: Robot, operation: str, *, idempotent: bool = True, **fields: Any) -> Attempt:
        """Report a job, and write down what came of it. With `idempotent`, the operation is the Idempotency-Key too."""
        headers = {"Idempotency-Key": operation} if idempotent else {}
        return self._note(
            robot, operation, lambda: robot.report(headers, external_id=operation, **fields), idempotent=idempotent
        )

    def look(self, robot: Robot, headers: Mapping[str, str] | None = None) -> Attempt:
        """Ask for the key itself, which is the cheapest use, and write down what came of it."""
        return self._note(robot, str(uuid4()), lambda: robot.look(headers), reports=False)

    def _note(self, robot: Robot, operation: str, ask: Callable[[], Answer], **what: bool) -> Attempt:
        asked = time.monotonic()
        answer, sent = None, True
        try:
            answer = ask()
        except NO_ANSWER as error:
            sent = not isinstance(error, ConnectionRefusedError)
        answered = time.monotonic()
        status = answer.status if answer else None
        attempt = Attempt(
            operation,
            robot.key_id,
            asked,
            answered,
            outcome_of(status) if sent else Outcome.REFUSED,
            status,
            job_id=UUID(answer.json["job_id"]) if answer and status == 201 else None,
            replayed=bool(answer and "idempotent-replayed" in answer.headers),
            retry_after=answer.headers.get("retry-after") if answer else None,
            sent=sent,
            **what,
        )
        self.attempts.append(attempt)
        return attempt

    def count(self, outcome: Outcome) -> int:
        """Return how many attempts ended so."""
        return sum(attempt.outcome is outcome for attempt in list(self.attempts))

    def since(self, asked: float) -> list[Attempt]:
        """Return the attempts that were begun after a time of time.monotonic()."""
        return [attempt for attempt in list(self.attempts) if attempt.asked >= asked]

    def acknowledged(self) -> dict[str, UUID]:
        """Return the job of each operation that was acknowledged."""
        return {attempt.operation: attempt.job_id for attempt in self.attempts if attempt.job_id}

    def summary(self) -> str:
        """Return what came of it all, in a line."""
        statuses = Counter(str(attempt.status or "no answer") for attempt in self.attempts)
        slowest = max((attempt.seconds for attempt in self.attempts), default=0.0)
        return f"{', '.join(f'{n} x {status}' for status, n in statuses.most_common())}; slowest {slowest:.2f} s"


def outcome_of(status: int | None) -> Outcome:
    """Return what a client knows from the status of an answer, None when there is none."""
    if status is None or status >= 500:
        return Outcome.UNKNOWN
    return Outcome.OK if status < 300 else Outcome.REFUSED


@dataclass(frozen=True)
class Row:
    """An event in the log. transaction: the number that PostgreSQL gave to the one that wrote it."""

    position: int
    stream: UUID
    version: int
    topic: str
    state: dict[str, Any]
    transaction: int = 0

    @property
    def at(self) -> datetime:
        """When it happened."""
        return datetime.fromisoformat(self.state["timestamp"])


def read_log(conninfo: str) -> list[Row]:
    """Return the whole log, past the service, in the order in which the transactions began to write."""
    with psycopg.connect(conninfo) as connection:
        rows = connection.execute(
            "SELECT notification_id, originator_id, originator_version, topic, state, xmin::text::bigint"
            " FROM rpawatch.events ORDER BY 6, 1"
        ).fetchall()
    return [
        Row(position, stream, version, topic, orjson.loads(state), transaction)
        for position, stream, version, topic, state, transaction in rows
    ]


def broken_rules(attempts: Sequence[Attempt], log: Sequence[Row]) -> list[str]:
    """Return what breaks the rule, a sentence each; nothing when it holds. log: in the order of its transactions."""
    return [
        *_wrong_answers(attempts),
        *_wrong_order(log),
        *_wrong_versions(log),
        *_wrong_commands(log),
        *_wrong_operations(attempts, log),
        *_wrong_precedence(attempts, log),
        *_wrong_uses(attempts, log),
        *_wrong_windows(log),
    ]


def _wrong_answers(attempts: Sequence[Attempt]) -> Iterator[str]:
    for attempt in attempts:
        if attempt.status is not None and attempt.status >= 500 and attempt.status != 503:
            yield f"{attempt.operation} was answered with {attempt.status}"


def _wrong_order(log: Sequence[Row]) -> Iterator[str]:
    for before, after in pairwise(log):
        if after.position <= before.position:
            yield f"position {after.position} was written after {before.position}"


def _wrong_versions(log: Sequence[Row]) -> Iterator[str]:
    streams: dict[UUID, list[int]] = defaultdict(list)
    for row in log:
        streams[row.stream].append(row.version)
    for stream, versions in streams.items():
        if versions != list(range(1, len(versions) + 1)):
            yield f"stream {stream} has the versions {versions}"


def _wrong_commands(log: Sequence[Row]) -> Iterator[str]:
    """A command that was decided again after a lost reply must not be in the log twice, nor in two pieces."""
    pieces = Counter(command for command, _ in groupby(row.state["command_id"] for row in log))
    yield from (
        f"command {command} stands in {count} places of the log" for command, count in pieces.items() if count > 1
    )
    per_stream = Counter((row.state["command_id"], row.stream, row.topic) for row in log)
    for (command, stream, topic), count in per_stream.items():
        if count > 1:
            yield f"command {command} left {count} {topic} in stream {stream}"


def _wrong_operations(attempts: Sequence[Attempt], log: Sequence[Row]) -> Iterator[str]:
    jobs = _jobs(log)
    for operation, tries in _by_operation(attempts).items():
        found = [row.stream for row in jobs.get(operation, [])]
        told = {attempt.job_id for attempt in tries if attempt.outcome is Outcome.OK}
        if len(told) > 1:
            yield f"{operation} was acknowledged with {len(told)} different jobs"
        elif told and found != list(told):
            yield f"{operation} was acknowledged as {told}, and the log has {found}"
        elif not told and len(found) > 1:
            yield f"{operation} was never acknowledged, and the log has it {len(found)} times"
        elif found and all(attempt.outcome is Outcome.REFUSED for attempt in tries):
            yield f"{operation} was refused, and the log has it"


def _wrong_precedence(attempts: Sequence[Attempt], log: Sequence[Row]) -> Iterator[str]:
    """What was asked after something else was acknowledged must stand behind it."""
    jobs = _jobs(log)
    acknowledged: list[tuple[float, int]] = []
    asked: list[tuple[float, int, str]] = []
    for operation, tries in _by_operation(attempts).items():
        if len(found := jobs.get(operation, [])) == 1:
            position = found[0].position
            asked.append((min(attempt.asked for attempt in tries), position, operation))
            if told := [attempt.answered for attempt in tries if attempt.outcome is Outcome.OK]:
                acknowledged.append((min(told), position))
    acknowledged.sort()
    highest = list(accumulate((position for _, position in acknowledged), max))
    for began, position, operation in asked:
        before = bisect_left(acknowledged, (began, 0))
        if before and highest[before - 1] > position:
            behind = f"position {highest[before - 1]} was acknowledged"
            yield f"{operation} was asked after {behind}, and stands at {position}"


def _wrong_uses(attempts: Sequence[Attempt], log: Sequence[Row]) -> Iterator[str]:
    """Every request that was let in is one use, every other one none; a job comes with its use."""
    uses = [row for row in log if row.topic == "api_key.used"]
    accepted = Counter(
        row.state["job_id"] for row in uses if row.state["outcome"] == "accepted" and row.state.get("job_id")
    )
    for row in log:
        if row.topic == "job.reported" and (count := accepted.pop(str(row.stream), 0)) != 1:
            yield f"job {row.stream} came with {count} uses"
    yield from (f"a use was accepted for the job {job}, which is not there" for job in accepted)
    counts = Counter(row.stream for row in uses)
    for key_id in {attempt.key_id for attempt in attempts}:
        of_key = [attempt for attempt in attempts if attempt.key_id == key_id and attempt.sent]
        unknown = sum(attempt.outcome is Outcome.UNKNOWN for attempt in of_key)
        known = sum(attempt.outcome is not Outcome.UNKNOWN and attempt.status not in _NOT_A_USE for attempt in of_key)
        if not known <= counts[key_id] <= known + unknown:
            yield f"key {key_id} has {counts[key_id]} uses, after {known} known and {unknown} unknown ones"


def _wrong_windows(log: Sequence[Row]) -> Iterator[str]:
    limits = {row.stream: row.state["limit"] for row in log if row.topic == "api_key.created"}
    ended: set[UUID] = set()
    uses: dict[UUID, list[datetime]] = defaultdict(list)
    for row in log:
        if row.topic == "api_key.deactivated":
            ended.add(row.stream)
        elif row.topic == "api_key.used":
            uses[row.stream].append(row.at)
            if row.stream in ended:
                yield f"key {row.stream} was used after its end, at position {row.position}"
    yield from (f"key {key_id} was used and never created" for key_id in uses.keys() - limits.keys())
    for key_id in uses.keys() & limits.keys():
        yield from _too_many(key_id, uses[key_id], limits[key_id])


def _too_many(key_id: UUID, times: Sequence[datetime], limit: int) -> Iterator[str]:
    if list(times) != sorted(times):
        yield f"the uses of key {key_id} are not in the order of time"
    for oldest, newest in zip(times, times[limit:], strict=False):
        if newest - oldest < _MINUTE:
            yield f"key {key_id} was used more than {limit} times in the minute up to {newest}"
            return


def _jobs(log: Iterable[Row]) -> dict[str, list[Row]]:
    jobs: dict[str, list[Row]] = defaultdict(list)
    for row in log:
        if row.topic == "job.reported":
            jobs[row.state.get("external_id", "")].append(row)
    return jobs


def _by_operation(attempts: Iterable[Attempt]) -> dict[str, list[Attempt]]:
    operations: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        if attempt.reports:
            operations[attempt.operation].append(attempt)
    return operations
