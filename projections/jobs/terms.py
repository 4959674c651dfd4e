"""The words that jobs are searched by.

A term is a hash of an account and a word, or of an account and what a list of jobs can be filtered by. So a term of one
account is never one of another, and the table says nothing to whoever does not know what to ask for. That is why it
needs no fence; and behind one PostgreSQL would not use the index, since `@>` is not leakproof.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from struct import unpack
from typing import TYPE_CHECKING
from uuid import UUID

from domain.ids import process_id
from domain.job import Job
from projections.event_table import EventTable, RowsWriter
from projections.versions import versioned
from projections.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from application.store.session import Connection

WORDS_MAX = 60_000
"""Different words of one job that it is found by: an id for each of its records, and what else it says of itself."""
SECONDS_PER_DAY = 86_400
_TEXTS_AT_ONCE = 100


@dataclass
class TermsRow:
    """What one job is found by. position: the job's (job_list.py), which also tells it from others of its instant."""

    position: int
    received_at: datetime
    terms: list[int]


# The index keeps what is new in a list of its own: half the cost of sorting each term in by itself. But every look at
# the index reads through it, so it is emptied at the end of each batch.
INDEXES = """
CREATE INDEX ON {table} USING gin (terms);
"""


def word_term(account_id: UUID, word: str) -> int:
    """Return the term of a word, which is one of `words_of`."""
    return _hash(account_id.bytes + b"w" + word.encode())


def filter_term(account_id: UUID, name: str, value: object) -> int:
    """Return the term of a filter: `status`, `process` or `key`, and its value."""
    return _hash(account_id.bytes + f"f{name}:{value}".encode())


def day_of(time: datetime) -> int:
    """Return the number of the UTC day, by which a search goes through the past."""
    return int(time.timestamp() // SECONDS_PER_DAY)


def day_term(account_id: UUID, day: int) -> int:
    return filter_term(account_id, "day", day)


# What is no number and no id is likely to turn up in other jobs; ids would only push that out of the cache.
@lru_cache(maxsize=10_000)
def _common(account_w: bytes, word: str) -> int:
    return _hash(account_w + word.encode())


# Nearly all jobs have theirs in common with others.
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
    return _hashes([text])[0]


def _hashes(texts: Sequence[bytes]) -> tuple[int, ...]:
    digests = [blake2b(text, digest_size=8).digest() for text in texts]
    return unpack(f">{len(texts)}q", b"".join(digests))


def _reported(event: Job.Reported, position: int) -> tuple[TermsRow]:
    account = event.account_id
    time = event.timestamp
    account_w = account.bytes + b"w"
    words = list(islice(_words(event), WORDS_MAX))
    terms = [_common(account_w, word) for word in words if word.isalpha()]
    terms += _hashes([account_w + word.encode() for word in words if not word.isalpha()])
    terms += _filters(account.int, event.flow_id.int, event.status.value, event.actor, day_of(time))
    return (TermsRow(position=position, received_at=time, terms=terms),)


def _words(event: Job.Reported) -> Iterable[str]:
    texts = [event.external_id, event.result_summary, *(event.tags or ())]
    texts += [detail.get("record_id") for detail in event.details or ()]
    found = [text for text in texts if text]
    words: dict[str, None] = {}
    # Not each by itself, which takes longer, and not all at once, which may be 10 MB.
    for start in range(0, len(found), _TEXTS_AT_ONCE):
        if len(words) < WORDS_MAX:
            words.update(dict.fromkeys(words_of("\n".join(found[start : start + _TEXTS_AT_ONCE]))))
    return words


class _TermsWriter(RowsWriter[TermsRow]):
    """Leaves nothing for a search to read through."""

    def store(self, connection: Connection) -> None:
        super().store(connection)
        connection.execute(_SORT_IN, (self._table.table.as_string(connection),))


class _TermsTable(EventTable[TermsRow]):
    def batch_writer(self) -> _TermsWriter:
        return _TermsWriter(self)


_SORT_IN = """
SELECT gin_clean_pending_list(pg_class.oid) FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid JOIN pg_am ON pg_am.oid = relam
WHERE indrelid = %s::regclass AND amname = 'gin'
"""
JOB_TERMS = _TermsTable(
    name=versioned("job_terms"),
    row=TermsRow,
    key=["position"],
    fence=(),
    indexes=INDEXES,
    makers={Job.Reported.TOPIC: _reported},
)
