"""The words that jobs are searched by.

A term is a hash of an account and a word, or of an account and what a list of jobs can be filtered by. So a term of one
account is never one of another, and the table says nothing to whoever does not know what to ask for. That is why it
needs no fence; and behind one PostgreSQL would not use the index, since `@>` is not leakproof.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import chain, islice
from typing import TYPE_CHECKING
from uuid import UUID

from domain.ids import process_id
from domain.job import Job
from projections.event_table import EventTable
from projections.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from projections.read_model import Connection, Recorded

WORDS_MAX = 60_000
"""Different words of one job that it is found by: an id for each of its records, and what else it says of itself."""
SECONDS_PER_DAY = 86_400
_TEXTS_AT_ONCE = 100


@dataclass(slots=True)
class TermsRow:
    """What one job is found by. position: the job's (job_list.py), which also tells it from others of its instant."""

    position: int
    received_at: datetime
    terms: list[int]


# The index keeps what is new in a list of its own: half the cost of sorting each term in by itself. But every look at
# the index reads through it, so it is emptied at the end of each batch.
TABLES = """
CREATE TABLE {table} (
    position bigint PRIMARY KEY,
    received_at timestamptz NOT NULL,
    terms bigint[] NOT NULL
);
CREATE INDEX ON {table} USING gin (terms);
"""


def word_term(account_id: UUID, word: str) -> int:
    """Return the term of a word, which is one of `words_of`."""
    return _word(account_id.bytes, word)


def filter_term(account_id: UUID, name: str, value: object) -> int:
    """Return the term of a filter: `status`, `process` or `key`, and its value."""
    return _hash(account_id.bytes + f"f{name}:{value}".encode())


def day_of(time: datetime) -> int:
    """Return the number of the UTC day, by which a search goes through the past."""
    return int(time.timestamp() // SECONDS_PER_DAY)


def day_term(account_id: UUID, day: int) -> int:
    """Return the term of a day."""
    return filter_term(account_id, "day", day)


# Many jobs have words in common, and nearly all of them their filters.
@lru_cache(maxsize=50_000)
def _word(account: bytes, word: str) -> int:
    return _hash(account + b"w" + word.encode())


@lru_cache(maxsize=10_000)
def _filters(account: int, flow: int, status: str, key: str, day: int) -> tuple[int, ...]:
    # By numbers, which are looked up faster than UUIDs.
    account_id = UUID(int=account)
    return (
        filter_term(account_id, "status", status),
        filter_term(account_id, "process", process_id(account_id, UUID(int=flow))),
        filter_term(account_id, "key", key),
        day_term(account_id, day),
    )


def _hash(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=8).digest(), signed=True)


def _reported(event: Job.Reported, position: int) -> tuple[TermsRow]:
    account = event.account_id
    time = event.timestamp
    words: dict[str, None] = {}
    texts = _texts(event)
    # Not each by itself, which takes longer, and not all at once, which may be 10 MB.
    while len(words) < WORDS_MAX and (some := list(islice(texts, _TEXTS_AT_ONCE))):
        words.update(dict.fromkeys(words_of("\n".join(some))))
    prefix = account.bytes
    terms = [_word(prefix, word) for word in islice(words, WORDS_MAX)]
    terms += _filters(account.int, event.flow_id.int, event.status.value, event.actor, day_of(time))
    return (TermsRow(position=position, received_at=time, terms=terms),)


def _texts(event: Job.Reported) -> Iterator[str]:
    texts = [event.external_id, *(event.tags or ()), event.result_summary]
    details = (detail.get("record_id") for detail in event.details or ())
    return (text for text in chain(texts, details) if text)


class _TermsTable(EventTable[TermsRow]):
    """Leaves nothing for a search to read through."""

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        super().apply(connection, events)
        connection.execute(_SORT_IN, (self.table.as_string(connection),))


_SORT_IN = """
SELECT gin_clean_pending_list(pg_class.oid) FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
WHERE indrelid = %s::regclass AND amname = 'gin'
"""
JOB_TERMS = _TermsTable(
    name="job_terms_v1",
    row=TermsRow,
    key=["position"],
    fence=(),
    tables=TABLES,
    makers={Job.Reported.TOPIC: _reported},
)
