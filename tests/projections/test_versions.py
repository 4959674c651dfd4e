"""What a read model makes of the log never changes under one name: tables with this name are in databases.

The log is a file, drawn once as histories.py does and never again, and behind it the golden events, so that each kind
of event is there. Where a digest differs, its read model has other columns or indexes, is made of other events, or
makes something else of them.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from application.store.log.reading import Recorded
from application.store.mapper import EventMapper
from projections.read_model import apply
from projections.read_models import READ_MODELS
from tests.support.golden import FOLDER, all_golden

if TYPE_CHECKING:
    from application.store.session import Connection
    from projections.read_model import ReadModel
    from tests.projections.support import World

LOG = FOLDER.parent / "log.jsonl"
BATCH = 50
DIGESTS = {
    "account_list_v1": "948aa55c6f13663a",
    "process_list_v1": "9bcab8e6de3e38ea",
    "process_jobs_v1": "ce451227f6b39d26",
    "member_list_v1": "b7821addf37030ef",
    "key_list_v1": "1004dc9c76a65894",
    "key_words_v1": "d71660f971fa40a9",
    "key_uses_v1": "e1d9510c87d5b253",
    "audit_log_v1": "7710444b908b7c1e",
    "job_list_v1": "d8d4a7aa2f7d80b8",
    "job_details_v1": "340ca670feae2115",
    "job_terms_v1": "08ff04bb04d01488",
}


def golden_log() -> list[Recorded]:
    """Return the events of the file and those of the golden files, each stream in order, in one log."""
    kept = [json.loads(line) for line in LOG.read_text("utf-8").splitlines()]
    stored = [StoredEvent(UUID(one["stream"]), one["version"], one["topic"], one["state"].encode()) for one in kept]
    golden = [one.stored for one in all_golden().values() if not one.stored.topic.endswith(".snapshot")]
    # Of an event there may be files in several shapes: the last one is in a log of today.
    newest = {(event.originator_id, event.originator_version): event for event in golden}
    mapper = EventMapper()
    return [
        Recorded(position, event.topic, mapper.to_domain_event(event))
        for position, event in enumerate([*stored, *(newest[place] for place in sorted(newest))], start=1)
    ]


def digest_of(model: ReadModel, connection: Connection, log: list[Recorded]) -> str:
    """Return the digest of a read model's table, of what it is made of, and of what it makes of a log."""
    wanted = [recorded for recorded in log if recorded.topic in model.topics]
    for start in range(0, len(wanted), BATCH):
        apply(model, connection, wanted[start : start + BATCH])
    rows = connection.execute(f"SELECT listed::text AS row FROM rpawatch_lists.{model.name} AS listed".encode())
    made = [model.ddl().as_string(connection), sorted(model.topics), sorted(str(row["row"]) for row in rows)]
    return sha256(json.dumps(made).encode()).hexdigest()[:16]


def test_what_a_read_model_makes_of_the_log_is_what_its_name_stands_for(world: World) -> None:
    log = golden_log()
    with world.connect() as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        found = {model.name: digest_of(model, connection, log) for model in READ_MODELS}
    changed = {name: digest for name, digest in found.items() if digest != DIGESTS.get(name)}
    assert not changed, (
        f"{', '.join(changed)}: not what stands in databases under this name. Give it the name of a new version, so"
        f" that it is made anew from the first event, and its digest here: {changed}"
    )
    assert DIGESTS.keys() == found.keys(), "a digest here is of a read model that is gone"
