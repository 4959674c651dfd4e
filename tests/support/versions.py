"""The versions of read models: their digests, of a log that was drawn once, and the file that holds both.

    python -m tests.support.versions

raises the version of each read model whose digest has changed, and writes it into projections/versions.json.
"""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from eventsourcing.persistence import StoredEvent

import projections
from application.store.log.reading import Recorded
from application.store.mapper import EventMapper
from projections.read_model import apply
from projections.read_models import READ_MODELS
from projections.versions import VERSIONS, Version
from tests.projections.support import World
from tests.support.golden import FOLDER, all_golden
from tests.support.postgres import running_server

if TYPE_CHECKING:
    from application.store.session import Connection
    from projections.read_model import ReadModel

FILE = Path(projections.__file__).with_name("versions.json")
LOG = FOLDER.parent / "log.jsonl"
BATCH = 50


def golden_log() -> list[Recorded]:
    """Return the events of log.jsonl and those of the golden files, each stream in order, in one log."""
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


def plain_name(model: ReadModel) -> str:
    """Return the name without the version."""
    return model.name.rpartition("_v")[0]


def digest_of(model: ReadModel, connection: Connection, log: list[Recorded]) -> str:
    """Return the digest of a read model's table, of what it is made of, and of what it makes of a log."""
    wanted = [recorded for recorded in log if recorded.topic in model.topics]
    for start in range(0, len(wanted), BATCH):
        apply(model, connection, wanted[start : start + BATCH])
    rows = connection.execute(f"SELECT listed::text AS row FROM rpawatch_lists.{model.name} AS listed".encode())
    ddl = model.named(plain_name(model)).ddl().as_string(connection)
    made = [ddl, sorted(model.topics), sorted(str(row["row"]) for row in rows)]
    return sha256(json.dumps(made).encode()).hexdigest()[:16]


def found_digests(world: World) -> dict[str, str]:
    """Return the digests of all read models of this tree by their names without a version, in an empty world."""
    log = golden_log()
    with world.connect() as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        return {plain_name(model): digest_of(model, connection, log) for model in READ_MODELS}


def raised(found: dict[str, str]) -> dict[str, Version]:
    """Return what the file should hold: where the digest is another one than in it, the next version."""
    new: dict[str, Version] = {}
    for name, digest in found.items():
        before = VERSIONS.get(name)
        number = 1 if before is None else before["number"] + (before["digest"] != digest)
        new[name] = {"number": number, "digest": digest}
    return new


def main() -> None:
    """Write the file, and what has changed in it to standard output."""
    with running_server() as server, World(server.create_database()) as world:
        versions = raised(found_digests(world))
    for name in versions.keys() | VERSIONS.keys():
        if versions.get(name) != VERSIONS.get(name):
            sys.stdout.write(f"{name}: {VERSIONS.get(name)} -> {versions.get(name)}\n")
    FILE.write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
