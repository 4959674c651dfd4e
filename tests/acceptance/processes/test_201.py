from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

if TYPE_CHECKING:
    from tests.support.api import Answer
    from tests.support.world import World


def register(world: World, *, by: str = "alice", key: str | None = None, **body: Any) -> Answer:
    headers = world.signed_in(by) | ({"Idempotency-Key": key} if key else {})
    return world.ask("POST", world.account("/processes"), headers=headers, json={"name": "Orders"} | body)


def test_a_process_is_registered_under_the_id_of_the_rpa_tool_and_takes_jobs_at_once(world: World) -> None:
    flow_id = str(uuid4())
    answer = register(world, flow_id=flow_id)
    assert answer.status == 201
    now = world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert answer.json == {
        "flow_id": flow_id,
        "account_id": str(world.cast.account_a),
        "name": "Orders",
        "registered_at": now,
        "retired_at": None,
        "last_job": None,
    }
    assert answer.headers["location"] == world.account(f"/processes/{flow_id}")
    assert world.robot().report(flow_id=flow_id).status == 201


def test_without_an_id_one_is_made(world: World) -> None:
    assert UUID(register(world).json["flow_id"]).version == 4


def test_it_is_in_the_list_at_once(world: World) -> None:
    answer = register(world)
    listed = world.ask("GET", world.account("/processes"), headers=world.signed_in("alice")).json["items"]
    assert answer.json in listed


def test_a_repeat_with_the_same_idempotency_key_is_the_same_process(world: World) -> None:
    for body in ({}, {"flow_id": str(uuid4())}):
        key = str(uuid4())
        first = register(world, key=key, **body)
        again, appended = world.appended_by(lambda k=key, b=body: register(world, key=k, **b))
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["idempotent-replayed"] == "true"
        assert appended == []


def test_people_do_not_share_idempotency_keys(world: World) -> None:
    answers = [register(world, by=name, key="mine") for name in ("alice", "tess")]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json["flow_id"] != answers[1].json["flow_id"]


def test_accounts_do_not_share_idempotency_keys(world: World) -> None:
    headers = world.signed_in("tess") | {"Idempotency-Key": "mine"}
    paths = [world.account("/processes", of=account) for account in (world.cast.account_a, world.cast.account_b)]
    answers = [world.ask("POST", path, headers=headers, json={"name": "Orders"}) for path in paths]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].json["flow_id"] != answers[1].json["flow_id"]
