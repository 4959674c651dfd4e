"""A log as long as one likes, of the kind that the demo makes: reports of robots, and a use of a key for each.

A part of it is made by the domain's own code; PostgreSQL then repeats that part, later and with other ids.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

import psycopg

from application.store.mapper import EventMapper
from domain import key_secret
from domain.account import Account
from domain.api_key import ApiKey
from domain.ids import key_id, random_id
from domain.job import Job
from domain.limits import RATE_LIMIT_MAX
from domain.model import SYSTEM_ACTOR, Cause
from domain.process import Process
from domain.report import Report
from interfaces.cli.demo.jobs import DemoJob, make_jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = 3
KEYS = 300
PART_EVENTS = 20_000
PART_SPAN = timedelta(hours=2)
_BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
_JOBS_PER_DAY = 450
_NAMESPACE = UUID("1d8f4f7e-6f0e-4c39-9b16-2f7f3c1f0a11")

_TAKE_IN = "COPY part (place, id, version, topic, state) FROM STDIN"
# What begins in the part begins again under another id each time; keys go on, so their versions do.
_REPEAT = """
INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)
SELECT
    CASE WHEN topic = 'job.reported' THEN md5(id::text || %(time)s)::uuid ELSE id END,
    CASE WHEN topic = 'job.reported' THEN 1 ELSE version + %(time)s * coalesce(uses, 0) END,
    topic,
    convert_to((
        convert_from(state, 'UTF8')::jsonb || jsonb_build_object('timestamp', to_char(
            (convert_from(state, 'UTF8')::jsonb ->> 'timestamp')::timestamptz + %(time)s * %(span)s::interval,
            'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'
        ))
    )::text, 'UTF8')
FROM part LEFT JOIN (SELECT id, count(*) AS uses FROM part WHERE topic = 'api_key.used' GROUP BY id) AS used USING (id)
WHERE %(time)s = 0 OR topic IN ('job.reported', 'api_key.used')
ORDER BY place
"""


@dataclass(frozen=True, slots=True)
class History:
    """What a log is about. events: how many there are."""

    tenant_id: UUID
    account_ids: tuple[UUID, ...]
    events: int


def write_history(conninfo: str, tenant_id: UUID, events: int) -> History:
    """Append a history to the log of a migrated database, as its superuser; of `events` events or a few more."""
    part = _Part(tenant_id)
    with psycopg.connect(conninfo, options="-c timezone=UTC") as connection:
        connection.execute("CREATE TEMP TABLE part (place int, id uuid, version bigint, topic text, state bytea)")
        mapper = EventMapper()
        with connection.cursor() as cursor, cursor.copy(_TAKE_IN) as copy:
            for place, event in enumerate(part.events()):
                stored = mapper.to_stored_event(event)
                copy.write_row((place, stored.originator_id, stored.originator_version, stored.topic, stored.state))
        connection.execute("ANALYZE part")
        written = time = 0
        while written < events:
            written += connection.execute(_REPEAT, {"time": time, "span": PART_SPAN}).rowcount
            time += 1
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE rpawatch.events")
    return History(tenant_id, part.account_ids, written)


class _Part:
    """The part that is repeated, on a clock of its own."""

    def __init__(self, tenant_id: UUID) -> None:
        self._tenant_id = tenant_id
        self._random = Random(20260310)
        self.account_ids = tuple(uuid5(_NAMESPACE, f"account {number}") for number in range(ACCOUNTS))

    def events(self) -> Iterator[Any]:
        """Yield the events in the order of the log."""
        jobs = self._jobs()
        names = sorted({job.process.name for job in jobs})
        for number, account_id in enumerate(self.account_ids):
            yield from Account.open(
                _cause(_BEGIN), account_id=account_id, tenant_id=self._tenant_id, name=f"Account {number}"
            ).collect_events()
            for name in names:
                flow_id = uuid5(account_id, name)
                yield from Process.register(
                    _cause(_BEGIN),
                    account_id=account_id,
                    flow_id=flow_id,
                    name=name,
                ).collect_events()
        keys = []
        for number in range(KEYS):
            key = self._key(number)
            keys.append(key)
            yield from key.collect_events()
        step = PART_SPAN / len(jobs)
        for number, job in enumerate(jobs):
            yield from self._reported(job, self._random.choice(keys), _BEGIN + number * step)

    def _jobs(self) -> list[DemoJob]:
        days = 1
        jobs: list[DemoJob] = []
        while len(jobs) < PART_EVENTS // 2:
            days *= 2
            jobs = make_jobs(Random(1), begin=_BEGIN - timedelta(days=days), end=_BEGIN, per_day=_JOBS_PER_DAY)
        return jobs[: PART_EVENTS // 2]

    def _key(self, number: int) -> ApiKey:
        secret = key_secret.generate()
        return ApiKey.create(
            _cause(_BEGIN),
            key_id=key_id(secret.sha256_hex),
            account_id=self.account_ids[number % ACCOUNTS],
            flow_id=None,
            name=f"Robot {number}",
            prefix=secret.prefix,
            limit=RATE_LIMIT_MAX,
            expires_at=None,
        )

    def _reported(self, job: DemoJob, key: ApiKey, at: datetime) -> Iterator[Any]:
        cause = Cause(at, str(key.id), "-", random_id())
        report = Report.model_validate(job.body | {"flow_id": uuid5(key.account_id, job.process.name)})
        made = Job.report(cause, job_id=random_id(), account_id=key.account_id, report=report)
        key.use(cause, "accepted", job_id=made.id, address="192.0.2.7")
        yield from key.collect_events()
        yield from made.collect_events()


def _cause(at: datetime) -> Cause:
    return Cause(at, SYSTEM_ACTOR, "-", random_id())
