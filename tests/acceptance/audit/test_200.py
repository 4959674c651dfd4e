from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from application.store.database import connect
from domain.model import SYSTEM_ACTOR
from domain.permissions import Role
from projections.audit.listing import AUDIT_LOG
from tests.acceptance.audit.asking import create_key, listed
from tests.support.api import ADDRESS

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.fixture(autouse=True)
def _everybody(world: World) -> None:
    """What led to it that all are at work is listed too."""
    _ = world.cast.people


def test_a_change_is_told_with_who_when_what_and_from_where(world: World) -> None:
    key = create_key(world)
    path = world.account(f"/keys/{key['id']}/deactivate")
    sent = {"X-Request-Id": "ticket-17", **world.signed_in("alice")}
    assert world.ask("POST", path, headers=sent, json={"reason": "Laptop was lost"}).status == 200
    [item] = listed(world, resource=key["id"], limit=1)
    assert item.pop("position") == world.application.position()
    assert item == {
        "at": world.clock.now.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "actor": world.cast.alice,
        "actor_name": "Alice",
        "actor_kind": "user",
        "action": "api_key.deactivated",
        "resource": {"kind": "api_key", "id": key["id"], "label": f"Nightly run ({key['prefix']})"},
        "address": ADDRESS,
        "request_id": "ticket-17",
        "version": 2,
        "changes": {"reason": "Laptop was lost"},
    }


@pytest.mark.parametrize("name", ["alice", "tess", "aud"])
def test_admins_and_auditors_see_all_of_the_account_newest_first(world: World, name: str) -> None:
    key = create_key(world)
    items = listed(world, name)
    assert items[0]["resource"]["id"] == key["id"]
    assert [item["position"] for item in items] == sorted((item["position"] for item in items), reverse=True)
    assert {item["action"] for item in items} == {
        "account.opened", "process.registered", "member.role_granted", "member.process_assigned", "api_key.created",
    }  # fmt: skip


def test_nothing_of_another_account_or_of_the_tenant_is_in_it(world: World) -> None:
    world.robot(world.cast.account_b)
    own = (world.cast.account_a, world.cast.flow_a, world.cast.other_flow_a, world.cast.alice, world.cast.bob)
    assert {item["resource"]["id"] for item in listed(world)} == set(map(str, own))


def test_a_member_is_called_what_they_are_called_now_and_nothing_when_they_were_erased(world: World) -> None:
    world.people.sign_up("bob")
    assert {item["resource"]["label"] for item in listed(world, resource=world.cast.bob)} == {"Bob"}
    erased = str(uuid4())
    world.cast.add_member(erased, Role.ACCOUNT_ADMIN, world.cast.account_a)
    world.cast.add_member(erased, Role.ACCOUNT_USER, world.cast.account_a, by=erased)
    world.wait_for_lists()
    [item, _] = listed(world, resource=erased)
    assert (item["actor"], item["actor_name"], item["actor_kind"]) == (erased, None, "user")
    assert item["resource"] == {"kind": "member", "id": erased, "label": None}


def test_no_name_or_address_of_a_person_is_in_the_table(world: World, database_url: str) -> None:
    person = {"email": "zoe.quux@example.org", "name": "Zoe Quux", "role": "account_user"}
    added = world.ask("POST", world.account("/members"), headers=world.signed_in("alice"), json=person)
    assert added.status == 201
    assert [item["resource"]["label"] for item in listed(world, resource=added.json["user_id"])] == ["Zoe Quux"]
    with connect(database_url) as connection:
        rows = connection.execute(f"SELECT log::text AS text FROM rpawatch_lists.{AUDIT_LOG.name} AS log").fetchall()
        people = connection.execute("SELECT email, name FROM rpawatch.users").fetchall()
    text = "\n".join(row["text"] for row in rows)
    assert added.json["user_id"] in text
    assert not [word for user in people for word in user.values() if word in text]


def test_what_a_key_does_is_told_as_done_by_the_key(world: World) -> None:
    robot = world.robot(limit=1)
    assert [robot.look().status for _ in range(3)] == [200, 429, 429]
    world.wait_for_lists()
    [throttled] = listed(world, actor=robot.key_id)
    assert (throttled["action"], throttled["actor_kind"], throttled["actor_name"]) == ("api_key.throttled", "key", None)
    assert throttled["address"] == "192.0.2.7"


def test_uses_of_keys_and_jobs_are_not_in_it(world: World) -> None:
    robot = world.robot()
    assert robot.report().status == 201
    world.wait_for_lists()
    assert [item["action"] for item in listed(world, resource=robot.key_id)] == ["api_key.created"]


def test_times_in_changes_look_as_everywhere(world: World) -> None:
    key = create_key(world)
    body = {"expires_at": "2199-01-01T00:00:00+02:00"}
    path = world.account(f"/keys/{key['id']}")
    assert world.ask("PATCH", path, headers=world.signed_in("alice"), json=body).status == 200
    assert listed(world, resource=key["id"])[0]["changes"] == {"expires_at": "2198-12-31T22:00:00.000000Z"}


def test_filters_narrow_the_list_alone_and_together(world: World) -> None:
    key = create_key(world)
    world.clock.advance(timedelta(hours=1))
    noon = world.clock.now
    path = world.account(f"/processes/{world.cast.flow_a}")
    assert world.ask("PATCH", path, headers=world.signed_in("tess"), json={"name": "Incoming"}).status == 200

    def actions(**parameters: Any) -> list[str]:
        return [item["action"] for item in listed(world, **parameters)]

    assert actions(actor=world.cast.tess) == ["process.renamed"]
    assert actions(actor=world.cast.tess.upper()) == ["process.renamed"]
    assert actions(actor=world.cast.alice) == ["api_key.created"]
    assert set(actions(actor=SYSTEM_ACTOR)) == {
        "account.opened", "process.registered", "member.role_granted", "member.process_assigned",
    }  # fmt: skip
    assert actions(action="api_key") == ["api_key.created"]
    assert actions(action="process") == ["process.renamed", "process.registered", "process.registered"]
    assert actions(action="process.renamed") == ["process.renamed"]
    assert actions(resource=world.cast.flow_a) == ["process.renamed", "process.registered"]
    assert actions(**{"from": noon.isoformat()}) == ["process.renamed"]
    assert "process.renamed" not in actions(to=noon.isoformat())
    assert actions(action="api_key", actor=world.cast.alice, resource=key["id"], to=noon.isoformat()) == [
        "api_key.created"
    ]
    assert actions(action="api_key", actor=world.cast.tess) == []


def test_pages_keep_the_filter_that_they_began_with(world: World) -> None:
    path: str | None = world.account("/audit?action=process&limit=1")
    seen = []
    while path is not None:
        answer = world.ask("GET", path, headers=world.signed_in("alice"))
        [item] = answer.json["items"]
        seen.append(item["resource"]["id"])
        link = answer.headers.get("link")
        path = None if link is None else link.removeprefix("<").partition(">")[0]
        assert (path is None) == (answer.json["next_cursor"] is None)
        assert path is None or "action=process" in path
    assert sorted(seen) == sorted([str(world.cast.flow_a), str(world.cast.other_flow_a)])


def test_a_page_goes_on_where_the_last_one_ended_while_things_happen(world: World) -> None:
    headers = world.signed_in("alice")
    first = world.ask("GET", world.account("/audit?limit=3"), headers=headers).json
    create_key(world)
    cursor = quote(first["next_cursor"])
    second = world.ask("GET", world.account(f"/audit?limit=3&cursor={cursor}"), headers=headers).json
    positions = [item["position"] for item in (*first["items"], *second["items"])]
    assert positions == sorted(positions, reverse=True)
    assert len(set(positions)) == 6
    assert "api_key.created" not in {item["action"] for item in second["items"]}
