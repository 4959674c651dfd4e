"""Fills lists beyond what a log of bearable length gives, as their read models would."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from psycopg import sql

from projections.jobs.listing import JOB_LIST, JobRow
from projections.jobs.terms import JOB_TERMS, SECONDS_PER_DAY, day_of, day_term
from projections.keys.listing import KEY_LIST
from projections.keys.words import KEY_WORDS

if TYPE_CHECKING:
    from uuid import UUID

    import psycopg

_FILL_KEYS = f"""
INSERT INTO rpawatch_lists.{KEY_LIST.name} (
    account_id, key_id, flow_id, name, sort_name, prefix, "limit", created_at, created_by, expires_at, ends_at,
    expires_order, used_order, uses, last_used_at, refusals, last_event_at
)
SELECT %(account)s, md5(number::text)::uuid, CASE WHEN number %% 5 = 0 THEN md5((number %% 60)::text)::uuid END,
    name, lower(name), substr(md5(name), 1, 8), 60, made, 'system', expires, coalesce(expires, '2200-01-01Z'),
    coalesce(expires, '2200-01-01Z'), coalesce(used, '1970-01-01Z'), number, used, 0, coalesce(used, made)
FROM (
    SELECT number,
        (ARRAY['Invoice', 'Order', 'Payroll', 'SAP', 'Report'])[1 + number %% 5] || ' bot ' || number AS name,
        now() - random() * interval '900 days' AS made,
        CASE WHEN number %% 10 = 1 THEN now() + (random() - 0.3) * interval '365 days' END AS expires,
        CASE WHEN number %% 3 > 0 THEN now() - power(random(), 4) * interval '400 days' END AS used
    FROM generate_series(1, %(keys)s) AS number
) AS made_up
"""
_FILL_WORDS = f"""
INSERT INTO rpawatch_lists.{KEY_WORDS.name}
SELECT DISTINCT account_id, word, false, key_id
FROM rpawatch_lists.{KEY_LIST.name}, regexp_split_to_table(sort_name, ' ') AS word
WHERE account_id = %(account)s
UNION ALL SELECT account_id, prefix, true, key_id FROM rpawatch_lists.{KEY_LIST.name} WHERE account_id = %(account)s
ON CONFLICT DO NOTHING
"""
# Copies of an account's jobs: each whole days later, at other positions and with other ids. Of what they are searched
# by, only the day is another.
_COPY_JOBS = f"""
INSERT INTO rpawatch_lists.{JOB_LIST.name} ({{columns}})
SELECT {{copied}} FROM rpawatch_lists.{JOB_LIST.name} WHERE account_id = %(account)s AND position <= %(last)s
"""
_COPIED = {
    "job_id": "md5(job_id::text || %(copy)s)::uuid",
    "position": "position + %(copy)s * %(last)s",
    "received_at": "received_at + %(copy)s * %(span)s",
}
_COPY_TERMS = f"""
INSERT INTO rpawatch_lists.{JOB_TERMS.name}
SELECT position + %(copy)s * %(last)s, terms.received_at + %(copy)s * %(span)s,
    array_replace(terms, sooner.term, later.term)
FROM rpawatch_lists.{JOB_TERMS.name} AS terms
JOIN rpawatch_lists.{JOB_LIST.name} AS jobs USING (position)
JOIN days AS sooner ON sooner.day = floor(extract(epoch FROM terms.received_at) / %(day_seconds)s)
JOIN days AS later ON later.day = sooner.day + %(copy)s * extract(days FROM %(span)s)
WHERE account_id = %(account)s AND position <= %(last)s
"""
_OF_ACCOUNT = f"""
SELECT count(*), min(received_at), max(received_at), (SELECT max(position) FROM rpawatch_lists.{JOB_LIST.name})
FROM rpawatch_lists.{JOB_LIST.name} WHERE account_id = %s
"""


def fill_keys(connection: psycopg.Connection[Any], account: UUID, keys: int) -> None:
    """Put so many keys into the lists of keys, as the superuser."""
    for statement in (_FILL_KEYS, _FILL_WORDS):
        connection.execute(statement.encode(), {"account": account, "keys": keys})


def fill_jobs(connection: psycopg.Connection[Any], account: UUID, jobs: int) -> int:
    """Copy an account's jobs, without their details, until there are so many or some more; returns how many."""
    [(there, first, latest, last)] = connection.execute(_OF_ACCOUNT.encode(), (account,)).fetchall()
    copies = -(-jobs // there) - 1
    span = timedelta(days=(latest - first).days + 1)
    _make_days(connection, account, first, latest + copies * span)
    columns = [field.name for field in fields(JobRow)]
    copy_jobs = sql.SQL(_COPY_JOBS).format(
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        copied=sql.SQL(", ").join(sql.SQL(_COPIED.get(name, name)) for name in columns),
    )
    values = {"account": account, "last": last, "span": span, "day_seconds": SECONDS_PER_DAY}
    for copy in range(1, copies + 1):
        for statement in (copy_jobs, sql.SQL(_COPY_TERMS)):
            connection.execute(statement, values | {"copy": copy})
    return int(there * (copies + 1))


def _make_days(connection: psycopg.Connection[Any], account: UUID, first: datetime, latest: datetime) -> None:
    connection.execute("CREATE TEMP TABLE days (day bigint PRIMARY KEY, term bigint NOT NULL)")
    with connection.cursor().copy("COPY days FROM STDIN") as copy:
        for day in range(day_of(first), day_of(latest.astimezone(UTC)) + 2):
            copy.write_row((day, day_term(account, day)))
