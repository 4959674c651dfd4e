"""Logs with a tree, made quickly: rows of any bytes, since the tree does not look into them."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from psycopg.rows import tuple_row

from domain.proof import merkle
from domain.proof.leaf import Leaf
from domain.proof.note import Signer
from projections.log_tree.follower import TreeFollower
from projections.log_tree.growth import Growth
from projections.log_tree.heads import publish_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from application.store.session import Connection
    from tests.projections.support import World

TENANT = UUID("00000000-0000-4000-8000-00000000007e")
ORIGIN = f"rpawatch/{TENANT}"
SIGNER = Signer(ORIGIN, bytes(range(32)))
_FILL = """
INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)
SELECT %s, number, 'job.reported', convert_to('{"n":' || number || '}', 'UTF8') FROM generate_series(1, %s) AS number
"""


def install(world: World, signer: Signer | None = SIGNER) -> None:
    """Say whose log it is, and publish its key."""
    world.owner.execute("INSERT INTO rpawatch.installation (tenant_id, created_at) VALUES (%s, now())", (TENANT,))
    if signer is not None:
        publish_key(world.owner, signer.verifier)


def fill(world: World, count: int) -> UUID:
    """Append so many events of one stream, and return it."""
    stream = uuid4()
    world.owner.execute(_FILL, (stream, count))
    return stream


def hashes_of(connection: Connection) -> list[bytes]:
    """The hash of each event in the log, made from its row as domain/proof makes it."""
    with connection.cursor(row_factory=tuple_row, binary=True) as cursor:
        rows = cursor.execute(
            "SELECT notification_id, originator_id, originator_version, topic, state FROM rpawatch.events"
            " ORDER BY notification_id"
        ).fetchall()
    return [merkle.leaf_hash(Leaf.of(*row).data) for row in rows]


def grow(connection: Connection) -> Growth:
    """Take in all that is in the log."""
    growth = Growth(connection)
    while growth.step():
        pass
    return growth


@contextmanager
def following(world: World, signer: Signer | None = SIGNER, *, sign_seconds_min: float = 0.0) -> Iterator[TreeFollower]:
    """Follow the log with the tree for as long as the block."""
    follower = TreeFollower(world.connect, None if signer is None else lambda _: signer)
    follower.TURN_SECONDS_MIN, follower.SIGN_SECONDS_MIN = 0.05, sign_seconds_min
    stop = threading.Event()
    thread = threading.Thread(target=follower.run, args=(stop,), name="log-tree")
    thread.start()
    try:
        yield follower
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive(), "a follower stops when it is told to"
