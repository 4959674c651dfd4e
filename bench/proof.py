"""What proving the log costs: growing the tree, comparing all of it, proofs, replaying a key with a million uses."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid4

import psutil
import psycopg

from application.event_sourcing import SNAPSHOT_INTERVAL
from application.replay.keys import Replay
from application.replay.limits import breaches
from bench.figures import Figure, Target, ratios
from bench.history import write_history
from bench.scenarios import DETAILS, Case, in_turns
from bench.services import WATCH_1, WATCH_2, report_body
from domain.api_key import ApiKey
from domain.ids import random_id
from domain.key_snapshot import ApiKeySnapshot
from domain.model import Cause
from domain.proof.note import Signer
from interfaces.bootstrap import Services, migrate
from projections.log_tree.comparing import compare
from projections.log_tree.follower import LOCK
from projections.log_tree.growth import Growth
from projections.log_tree.heads import add_head, publish_key
from projections.log_tree.signing import next_checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from bench.figures import Results
    from bench.services import Contenders

EVENTS = int(os.environ.get("RPAWATCH_BENCH_EVENTS", "1000000"))
TIMES = 300
ROUND_TIMES = 4
"""So many times as long as other rounds: the tree grows every two seconds."""
_BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
_USES = """
INSERT INTO rpawatch.events (originator_id, originator_version, topic, state)
SELECT %s, number + 1, 'api_key.used', convert_to(%s::text || to_char(
    %s::timestamptz AT TIME ZONE 'UTC' + number * interval '1 second', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'
) || %s::text, 'UTF8') FROM generate_series(1, %s) AS number
"""


def proof(contenders: Contenders, seconds: float, results: Results) -> None:
    """Prove a long log, and replay a key that was used as often."""
    del seconds
    database = contenders.testbed.create_database("proof")
    migrate(database)
    chance = Random(1)
    with Services(database, threads=2) as services:
        tenant = services.begin().tenant_id
        history = write_history(database, random_id(), EVENTS)
        signer = Signer(f"rpawatch/{tenant}", bytes(32))
        with closing(services.connect_projector()) as connection:
            publish_key(connection, signer.verifier)
            began, growth = time.perf_counter(), Growth(connection)
            while growth.step():
                pass
            grown = growth.size / (time.perf_counter() - began)
            add_head(connection, next_checkpoint(connection, signer.name, growth.size), [signer])
            process, memory = psutil.Process(), list[int]()
            before, began = process.memory_info().rss, time.perf_counter()
            found = compare(connection, [], [signer.verifier], lambda *_: memory.append(process.memory_info().rss))
            compared = found.events / (time.perf_counter() - began)
            if found.findings or found.events < history.events:
                raise RuntimeError(f"the log does not hold: {found.findings}")
        proofs = _times(lambda: services.log_proofs.event(chance.randint(1, growth.position)))
        key_id = _busy_key(services, database, EVENTS)
        replay = Replay(services.event_sourcing)
        instants = _times(lambda: replay.at(key_id, _BEGIN + timedelta(seconds=chance.uniform(0, EVENTS))))
        began = time.perf_counter()
        if list(breaches(services.event_sourcing, key_id, lambda *_: None)):
            raise RuntimeError("the key kept its limit")
        limits = EVENTS / (time.perf_counter() - began)
    log, key = f"a log of {growth.size:,} events", f"a key of {EVENTS:,} uses"
    results.figures += [
        Figure("events/s, growing the tree", [grown], of=log),
        Figure("events/s, audit verify", [compared], Target("at least", 50_000), of=log),
        Figure("memory, audit verify", [(max(memory) - before) / 1e6], unit="MB", of=log),
        Figure("inclusion proof in the server, p99", [_p99(proofs)], Target("under", 20), "ms", of=log),
        Figure("replay at an instant, p99", [_p99(instants)], Target("under", 1_000), "ms", of=key),
        Figure("events/s, audit limits", [limits], of=key),
    ]


def tree_cost(contenders: Contenders, seconds: float, results: Results) -> None:
    """Send reports to a service with the tree, and to one whose tree does not grow, since its lock is taken."""
    with_tree, without = "RPA Watch with the tree", "RPA Watch without it"
    body = report_body(DETAILS)
    with ExitStack() as stack:
        standing = stack.enter_context(psycopg.connect(contenders.watch_database(WATCH_2), autocommit=True))
        standing.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        cases = [
            Case(with_tree, stack.enter_context(contenders.running(WATCH_1)), contenders.requests(WATCH_1, body)),
            Case(
                without,
                stack.enter_context(contenders.running(WATCH_2, workers="1")),
                contenders.requests(WATCH_2, body),
            ),
        ]
        turns = in_turns(contenders.testbed, cases, ROUND_TIMES * seconds, results)
    values = ratios(turns[with_tree], turns[without])
    results.figures.append(
        Figure("reports/s with the tree, to without", values, Target("at least", 0.95), of="RPA Watch")
    )


def _times(once: Callable[[], object]) -> list[float]:
    """Return how many milliseconds something took, each time but the first."""
    times = []
    for _ in range(TIMES + 1):
        began = time.perf_counter()
        once()
        times.append((time.perf_counter() - began) * 1000)
    return times[1:]


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def _busy_key(services: Services, database: str, uses: int) -> UUID:
    """Make a key that was used each second, with the snapshots that the service takes."""
    cause = Cause(_BEGIN, "system", "bench", uuid4())
    key = ApiKey.create(
        cause,
        key_id=uuid4(),
        account_id=uuid4(),
        flow_id=None,
        name="Busy",
        prefix="BusyBusy",
        limit=60,
        expires_at=None,
    )
    key.use(cause, "accepted")
    mapper = services.event_sourcing.mapper
    created, used = (mapper.to_stored_event(event) for event in key.collect_events())
    services.event_sourcing.recorder.append([created], {})
    before, after = used.state.decode().split("2026-03-01T00:00:00Z")
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(_USES, (key.id, before, _BEGIN, after, uses))
        owner.execute("VACUUM ANALYZE rpawatch.events")
    _take_snapshots(services, key.id)
    return key.id


def _take_snapshots(services: Services, key_id: UUID) -> None:
    key: ApiKey | None = None
    recorder, after = services.event_sourcing.recorder, 0
    while page := recorder.select_events(key_id, gt=after, limit=1_000):
        for stored in page:
            key = services.event_sourcing.mapper.to_domain_event(stored).mutate(key)
            if key is not None and key.version % SNAPSHOT_INTERVAL == 0:
                services.event_sourcing.snapshots.put([ApiKeySnapshot.of(key.copy())])
        after = page[-1].originator_version
