"""A table of rows made from events: its columns are the fields of a dataclass."""

from __future__ import annotations

from dataclasses import Field, dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeAlias, TypeVar

import orjson
from psycopg import sql
from psycopg.types.json import Json

from projections.read_model import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from _typeshed import DataclassInstance

    from application.store.session import Connection

R = TypeVar("R", bound="DataclassInstance")
Bytewise: TypeAlias = str
"""Text that is compared byte by byte, as every index of it has to."""
Int32: TypeAlias = int
Int16: TypeAlias = int
"""Numbers in four and in two bytes, where there are many."""
_COLUMN_TYPES: Final = {
    "UUID": "uuid",
    "str": "text",
    "Bytewise": 'text COLLATE "C"',
    "int": "bigint",
    "Int32": "integer",
    "Int16": "smallint",
    "bool": "boolean",
    "datetime": "timestamptz",
    "Instant": "timestamptz",
    "list[str]": "text[]",
    "list[int]": "bigint[]",
    "frozenset[UUID]": "uuid[]",
    "frozenset[Role]": "text[]",
    # Not jsonb, which would put the names into an order of its own.
    "dict[str, Any]": "json",
}
"""What a field's annotation, with or without `| None` behind it, makes of its column."""


def _column(field: Field[Any]) -> sql.Composed:
    kind, _, alternative = str(field.type).partition(" | ")
    null = "" if alternative == "None" else " NOT NULL"
    return sql.SQL("{} {}").format(sql.Identifier(field.name), sql.SQL(_COLUMN_TYPES[kind] + null))


@dataclass(frozen=True, kw_only=True)
class Table(Generic[R]):
    """A read model's table.

    name: of the table, with its version.
    row: a dataclass, one field per column.
    key: the columns of the primary key, account first.
    indexes: statements with `{table}` for the name; an index has no name of its own, so that the same statement makes
    one of a copy under another name.
    fillfactor: how full pages are written, in percent, to leave room for changes of rows.
    sums: the columns whose values are added to those that are there, where others take their place.
    fence: the columns of which one must hold an id that a transaction may read (fence.py), or a row is not there for
    it.
    """

    name: str
    row: type[R]
    key: Sequence[str]
    indexes: str = ""
    fillfactor: int = 100
    sums: Sequence[str] = ()
    fence: Sequence[str] = ("account_id",)

    def named(self, name: str) -> Self:
        return replace(self, name=name)

    def ddl(self) -> sql.Composed:
        return sql.SQL(
            "CREATE TABLE {table} ({columns}, PRIMARY KEY ({key})) WITH (fillfactor = {fillfactor});" + self.indexes
        ).format(
            table=self.table,
            columns=sql.SQL(", ").join(map(_column, fields(self.row))),
            key=self._key,
            fillfactor=self.fillfactor,
        )

    @cached_property
    def _key(self) -> sql.Composed:
        return sql.SQL(", ").join(map(sql.Identifier, self.key))

    @cached_property
    def table(self) -> sql.Identifier:
        """The table's name with its schema."""
        return sql.Identifier(SCHEMA, self.name)

    @cached_property
    def columns(self) -> sql.Composed:
        """The columns, as a list for SELECT and INSERT."""
        return sql.SQL(", ").join(sql.Identifier(field.name) for field in fields(self.row))

    def make_row(self, **columns: Any) -> R:  # noqa: ANN401 - columns have the types of the row's fields
        """Return a row of what the database gave."""
        for name in self._sets:
            columns[name] = frozenset(columns[name])
        return self.row(**columns)

    @cached_property
    def _sets(self) -> list[str]:
        return [field.name for field in fields(self.row) if str(field.type).startswith("frozenset")]

    def store(self, connection: Connection, rows: Iterable[R]) -> None:
        """Insert these rows, each key once, or change those that are there."""
        self.store_json(connection, orjson.dumps(list(rows), default=sorted))  # sets, in order

    def store_json(self, connection: Connection, rows: bytes) -> None:
        """Do the same with rows as a JSON array of objects."""
        # Arrays of columns would do for scalars, but an array of arrays has no shape that unnest() keeps. orjson knows
        # dataclasses, ids and times by itself: for a row of 22 columns a sixth of the time that Python's json takes,
        # and half of what it takes with slots.
        # COPY was no faster, whether of text or binary: 25 µs for a row of 21 columns with five indexes, like this.
        connection.execute(self._upsert, (Json(rows, dumps=bytes),))

    @cached_property
    def _upsert(self) -> bytes:
        changes = [
            sql.SQL("{0} = stored.{0} + EXCLUDED.{0}" if field.name in self.sums else "{0} = EXCLUDED.{0}").format(
                sql.Identifier(field.name)
            )
            for field in fields(self.row)
            if field.name not in self.key
        ]
        return (
            sql.SQL(
                "INSERT INTO {table} AS stored ({columns})"
                " SELECT {columns} FROM json_populate_recordset(NULL::{table}, %s::json)"
                " ON CONFLICT ({key}) DO {change}"
            )
            .format(
                table=self.table,
                columns=self.columns,
                key=self._key,
                change=sql.SQL("UPDATE SET ") + sql.SQL(", ").join(changes) if changes else sql.SQL("NOTHING"),
            )
            .as_bytes()
        )
