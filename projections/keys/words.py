"""The words that keys are found by: those of their names, and their prefixes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from psycopg import sql
from psycopg.rows import args_row

from domain.api_key import ApiKey
from domain.key_secret import MARK
from projections.events_writer import EventsWriter
from projections.stream_table import StreamBeginsLateError
from projections.table import Table
from projections.versions import versioned
from projections.words import WORD_CHARS_MAX, pieces_of, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from application.store.log.reading import Recorded
    from application.store.session import Connection
    from projections.table import Bytewise

LAST_CHARACTER = "\U0010ffff"
"""Every word that begins with something comes before that something with this behind it."""
WORDS_ASKED_MAX = 8
"""Most words of a search; further ones would only make it slower."""
_PREFIX_CHARS = 8
_OF_A_PREFIX = re.compile("[0-9A-Za-z]+")


@dataclass(frozen=True, slots=True)
class WordRow:
    """A word of a key. is_prefix: it is the key's public prefix, with capitals as they are, and no word of its name."""

    account_id: UUID
    word: Bytewise
    is_prefix: bool
    key_id: UUID


INDEXES = """
CREATE INDEX ON {table} (key_id);
"""


@dataclass(frozen=True, kw_only=True)
class KeyWords(Table[WordRow]):
    @property
    def topics(self) -> frozenset[str]:
        return frozenset({ApiKey.Created.TOPIC, ApiKey.Renamed.TOPIC})

    def batch_writer(self) -> EventsWriter:
        return EventsWriter(self)

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        """Take in events in the order of the log. Raises StreamBeginsLateError."""
        prefixes: dict[UUID, WordRow] = {}
        names: dict[UUID, str] = {}
        for recorded in events:
            event: Any = recorded.event
            if isinstance(event, ApiKey.Created):
                prefixes[event.originator_id] = WordRow(event.account_id, event.prefix, True, event.originator_id)  # noqa: FBT003 - a row
            names[event.originator_id] = event.name
        renamed = names.keys() - prefixes.keys()
        if renamed:
            prefixes |= self._prefixes(connection, renamed)
            connection.execute(self._delete, (list(renamed),))
        self.store(connection, self._rows(prefixes, names))

    def _rows(self, prefixes: dict[UUID, WordRow], names: dict[UUID, str]) -> Iterable[WordRow]:
        for key_id, name in names.items():
            prefix = prefixes.get(key_id)
            if prefix is None:
                raise StreamBeginsLateError(f"{self.name} knows no key {key_id}")
            yield prefix
            for word in words_of(name):
                yield WordRow(prefix.account_id, word, False, key_id)  # noqa: FBT003 - a row

    def _prefixes(self, connection: Connection, key_ids: Iterable[UUID]) -> dict[UUID, WordRow]:
        with connection.cursor(row_factory=args_row(WordRow)) as cursor:
            return {row.key_id: row for row in cursor.execute(self._select_prefixes, (list(key_ids),))}

    @cached_property
    def _select_prefixes(self) -> bytes:
        query = sql.SQL("SELECT {} FROM {} WHERE key_id = ANY(%s::uuid[]) AND is_prefix")
        return query.format(self.columns, self.table).as_bytes()

    @cached_property
    def _delete(self) -> bytes:
        query = sql.SQL("DELETE FROM {} WHERE key_id = ANY(%s::uuid[]) AND NOT is_prefix")
        return query.format(self.table).as_bytes()


KEY_WORDS = KeyWords(
    name=versioned("key_words"), row=WordRow, key=["account_id", "word", "key_id", "is_prefix"], indexes=INDEXES
)


def words_of(name: str) -> list[str]:
    """Return the words of a name as they are looked for: without case and accents, each once, in their order."""
    pieces = (word for piece in plain(name).split() for word in pieces_of(piece))
    return list(dict.fromkeys(word[:WORD_CHARS_MAX] for word in pieces))


def words_asked(text: str) -> list[tuple[str, str]]:
    """Return what is looked for: for each word, how it is in a name, and how it is in a prefix.

    A prefix has capitals; it may come with what stands before it in a key, and before the rest of it in a list.
    """
    found: list[tuple[str, str]] = []
    for piece in text.replace(MARK, "").split():
        # A word is made plain before it is cut out, as in a name: ℡ is tel, and ½ are two words.
        as_typed = {run.lower(): run[:_PREFIX_CHARS] for run in _OF_A_PREFIX.findall(piece)}
        found += [(word, as_typed.get(word, word)) for word in words_of(piece)]
    return found[:WORDS_ASKED_MAX]
