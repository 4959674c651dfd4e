"""Looks for secrets where none may be: in what a service wrote, answered and stored."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import psycopg
from psycopg import sql

from application.store.mapper import EventMapper
from domain.key_secret import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.store.log.reading import LoggedEvent
    from tests.support.api import Answer

_PREFIX_CHARS = 8
_TABLES = """
SELECT table_schema, table_name FROM information_schema.tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'
"""


@dataclass
class Traces:
    """What was left behind, by place. answers: all but those that create the secret which they hold."""

    by_place: dict[str, str] = field(default_factory=dict)

    def add_answer(self, name: str, answer: Answer) -> Answer:
        """Take an answer in, and return it."""
        self.by_place[f"answer to {name} {len(self.by_place)}"] = (
            f"{answer.headers} {answer.body!r} {answer.body.decode()}"
        )
        return answer

    def add_database(self, url: str) -> None:
        """Take in every row of every table as text, bytes in each spelling."""
        for table, row in _rows(url):
            place = f"table {table}"
            self.by_place[place] = f"{self.by_place.get(place, '')}\n{row}"

    def add_events(self, log: list[LoggedEvent]) -> None:
        """Take in the events as the application reads them."""
        mapper = EventMapper()
        self.by_place["events"] = "\n".join(repr(mapper.to_domain_event(event)) for event in log)


def _rows(url: str) -> Iterator[tuple[str, str]]:
    with psycopg.connect(url) as connection:
        for schema, name in connection.execute(_TABLES).fetchall():
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(schema, name))):
                yield f"{schema}.{name}", " ".join(map(_as_text, row))


def _as_text(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        data = bytes(value)
        return f"{data.decode('utf-8', 'replace')} {data.hex()} {base64.b64encode(data).decode()}"
    return f"{value} {value!r}"


def spellings(secret: str) -> set[str]:
    """Return the ways in which a secret could be written down. Of a key, what follows its public prefix will do."""
    core = secret.removeprefix(MARK)[_PREFIX_CHARS:] if secret.startswith(MARK) else secret
    data = core.encode()
    encoded = {base64.b64encode(data), base64.urlsafe_b64encode(data)}
    return {
        core,
        core[::-1],
        quote(core, safe=""),
        quote_plus(core, safe=""),
        quote(quote(core, safe=""), safe=""),
        "".join(f"%{byte:02x}" for byte in data),
        data.hex(),
        repr(core)[1:-1],
        *(text.decode().rstrip("=") for text in encoded),
    }


def leaks(secrets: dict[str, str], traces: Traces) -> list[str]:
    """Return which secret stands where."""
    return sorted(
        f"{name} in {place}"
        for name, secret in secrets.items()
        for place, text in traces.by_place.items()
        if any(spelling in text for spelling in spellings(secret))
    )
