"""Which keys a search means: each of its words begins a word of the key's name, or the key's prefix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg import sql
from psycopg.rows import tuple_row

from projections.fence import reading
from projections.keys.words import KEY_WORDS, LAST_CHARACTER, words_asked

if TYPE_CHECKING:
    from uuid import UUID

    from projections.read_model import Pool

FEW: Final = 1_000
"""Most keys that are quickly taken one by one and put in order."""
MANY: Final = 20_000
"""Most ids that are quickly collected; then the list is gone along in its order until a page is full. Of more there is
one among five of an account with 100,000: a page is soon full, and the words of each key on the way are looked up."""

_RANGES = "account_id = %s AND (word >= %s AND word < %s OR word >= %s AND word < %s AND is_prefix)"
_FIND = sql.SQL("SELECT key_id FROM {} WHERE {} LIMIT %s").format(KEY_WORDS.table, sql.SQL(_RANGES))
_COUNT = sql.SQL("SELECT count(*) FROM (SELECT FROM {} WHERE {} LIMIT %s) AS found").format(
    KEY_WORDS.table, sql.SQL(_RANGES)
)
_IS_ONE_OF = "key_id = ANY(%s::uuid[])"
# IS TRUE and OFFSET keep PostgreSQL from making a join of these. It would take those with the word one by one, and put
# them in order, which is slower by far for many.
_IS_AMONG = f"(key_id IN (SELECT key_id FROM rpawatch_lists.{KEY_WORDS.name} WHERE {_RANGES})) IS TRUE"  # noqa: S608 - constants
_HAS = (
    f"EXISTS (SELECT FROM rpawatch_lists.{KEY_WORDS.name} AS words WHERE words.key_id = listed.key_id AND {_RANGES}"
    " OFFSET 0)"
)


def conditions_of(pool: Pool, account_id: UUID, search: str) -> dict[str, object]:
    """Return the conditions of a list for a search. Raises ListIncompleteError."""
    words = words_asked(search)
    few: set[UUID] | None = None if words else set()
    conditions: dict[str, object] = {}
    with reading(pool, [account_id], KEY_WORDS.name) as connection, connection.cursor(row_factory=tuple_row) as cursor:
        for number, (in_name, in_prefix) in enumerate(words):
            values = (account_id, in_name, in_name + LAST_CHARACTER, in_prefix, in_prefix + LAST_CHARACTER)
            ids = {row[0] for row in cursor.execute(_FIND, (*values, FEW + 1), prepare=False)}
            if len(ids) <= FEW:
                few = ids if few is None else few & ids
                continue
            count = (cursor.execute(_COUNT, (*values, MANY + 1), prepare=False).fetchone() or (0,))[0]
            # A comment, since conditions are told apart by what they say.
            conditions[f"{_IS_AMONG if count <= MANY else _HAS} /* {number} */"] = values
    if few is not None:
        conditions[_IS_ONE_OF] = sorted(few)
    return conditions
