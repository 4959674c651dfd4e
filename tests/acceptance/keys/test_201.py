from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from domain import key_secret
from domain.ids import key_id
from domain.limits import RATE_LIMIT_MAX
from interfaces.http.answers.keys import CREATED_KEY
from tests.support.api import OWN_KEY, REPORT
from tests.support.examples import report_body

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def create(world: World, *, by: str = "alice", key: str | None = None, **body: Any) -> Answer:
    headers = world.signed_in(by) | ({"Idempotency-Key": key} if key else {})
    return world.ask("POST", world.account("/keys"), headers=headers, json={"name": "Nightly"} | body)


def test_a_key_is_shown_with_its_secret_this_once(world: World) -> None:
    answer = create(world)
    assert answer.status == 201
    assert answer.headers["cache-control"] == "no-store"
    secret = key_secret.parse(answer.json["key"])
    assert secret is not None
    stream = str(key_id(secret.sha256_hex))
    assert answer.headers["location"] == world.account(f"/keys/{stream}")
    assert answer.json == {
        **dict.fromkeys(CREATED_KEY.example),  # null, where nothing else is said
        "id": stream,
        "account_id": str(world.cast.account_a),
        "name": "Nightly",
        "prefix": secret.prefix,
        "limit": 60,
        "created_at": world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "created_by": world.cast.alice,
        "uses": 0,
        "active": True,
        "status": "active",
        "refusals": 0,
        "key": secret.text,
    }
    shown = world.ask("GET", answer.headers["location"], headers=world.signed_in("alice"))
    assert shown.json == {name: value for name, value in answer.json.items() if name != "key"}


def test_it_works_at_once(world: World) -> None:
    headers = {"X-API-Key": create(world, limit=5).json["key"]}
    assert world.ask("GET", OWN_KEY, headers=headers).headers["ratelimit"] == '"per-key";r=4;t=60'
    body = report_body(flow_id=str(world.cast.flow_a))
    assert world.ask("POST", REPORT, headers=headers, json=body).status == 201


@pytest.mark.parametrize("limit", [1, RATE_LIMIT_MAX])
def test_it_has_the_scope_end_and_limit_that_were_asked_for(world: World, limit: int) -> None:
    ends = world.clock.now + timedelta(microseconds=1)
    body = create(world, flow_id=str(world.cast.flow_a), expires_at=ends.isoformat(), limit=limit).json
    assert (body["flow_id"], body["limit"], body["status"]) == (str(world.cast.flow_a), limit, "expiring")
    assert body["expires_at"] == ends.isoformat().replace("+00:00", "Z")


def test_each_key_is_another_one(world: World) -> None:
    assert len({create(world).json["key"] for _ in range(20)}) == 20


def test_only_its_digest_leads_to_it_and_no_secret_is_in_its_event(world: World) -> None:
    answer, appended = world.appended_by(lambda: create(world))
    [event] = appended
    assert answer.json["key"].encode() not in event.state
    assert answer.json["key"].removeprefix("rpakey_")[8:].encode() not in event.state
