"""The page of the audit log: what it tells, how it is narrowed, and who sees it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from domain.limits import PAGE_ITEMS_DEFAULT
from domain.permissions import Role
from interfaces.web.audit import KIND_NAMES
from interfaces.web.event_labels import EVENT_LABELS
from projections.audit.listing import KINDS
from tests.support.pages import browser_of

if TYPE_CHECKING:
    from tests.support.pages import Seen
    from tests.support.world import World

DAY = timedelta(days=1)


def audit_of(world: World, query: str = "") -> str:
    return f"/accounts/{world.cast.account_a}/audit{query}"


def seen(world: World, query: str = "", name: str = "alice") -> Seen:
    world.wait_for_lists()
    page = browser_of(world, name).get(audit_of(world, query))
    assert page.status == 200, page.text
    return page


def new_key(world: World, **fields: Any) -> dict[str, Any]:
    body = {"name": "Nightly run"} | fields
    answer = world.ask("POST", world.account("/keys"), headers=world.signed_in("alice"), json=body)
    assert answer.status == 201, answer.body
    found: dict[str, Any] = answer.json
    return found


def test_every_kind_has_a_name_and_no_two_actions_are_called_the_same() -> None:
    assert set(KIND_NAMES) == set(KINDS)
    assert len(set(EVENT_LABELS.values())) == len(EVENT_LABELS)


def test_an_entry_tells_who_did_what_when_to_what_and_from_where(world: World) -> None:
    key = new_key(world, flow_id=str(world.cast.flow_a))
    headers = {"X-Request-Id": "ticket-17", **world.signed_in("alice")}
    world.ask("POST", world.account(f"/keys/{key['id']}/deactivate"), headers=headers, json={"reason": "<b>Lost</b>"})
    page = seen(world)
    assert page.heading == "Audit log"
    ended, made = page.rows[:2]
    assert "Alice" in ended
    assert f"API key deactivated: Nightly run ({key['prefix']})" in ended
    assert "Reason: <b>Lost</b>" in ended
    assert "ticket-17" in ended
    assert "192.0.2.7" in ended
    assert "Version 2" in ended
    assert f"{world.clock.now:%Y-%m-%d %H:%M:%S} UTC" in ended
    assert "Limit 60 in any 60 seconds" in made
    assert "Process Invoices" in made
    assert page.main.all("a", href=f"/accounts/{world.cast.account_a}/keys/{key['id']}")


def test_the_operator_people_and_keys_are_called_what_they_are(world: World) -> None:
    world.people.sign_up("bob")
    text = " ".join(seen(world).rows)
    assert "the operator Account opened" in text
    assert "Role given: Bob" in text
    assert "Role: User" in text
    robot = world.robot(limit=1)
    robot.look()
    robot.look()
    row = seen(world, "?action=api_key.throttled").rows[0]
    assert f"key Nightly run ({robot.secret.prefix})" in row


def test_somebody_who_left_is_not_named(world: World) -> None:
    world.cast.add_member(str(uuid4()), Role.ACCOUNT_USER, world.cast.account_a, by=world.cast.alice)
    assert "Role given: somebody who left" in seen(world).rows[0]


def test_it_is_narrowed_to_a_kind_an_action_a_person_and_a_thing(world: World) -> None:
    key, other = new_key(world), new_key(world, name="Other")
    keys = seen(world, "?action=api_key")
    assert len(keys.rows) == 2
    assert len(seen(world, "?action=account.opened").rows) == 1
    assert len(seen(world, f"?actor={world.cast.alice}").rows) == 2
    assert all("the operator" in row for row in seen(world, "?actor=system").rows)
    about = seen(world, f"?resource={key['id']}")
    assert [f"Nightly run ({key['prefix']})" in row for row in about.rows] == [True]
    (chip,) = [link for link in about.main.all("a", class_="chip") if "alone" in link.text]
    assert chip.text == f"About Nightly run ({key['prefix']}) alone"
    assert len(seen(world, f"?actor=&action=&resource={other['id']}&from=&to=").rows) == 1


def test_the_filter_keeps_what_was_chosen(world: World) -> None:
    today = f"{world.clock.now:%Y-%m-%d}"
    page = seen(world, f"?actor={world.cast.alice}&action=api_key.created&from={today}&to={today}")
    chosen = {option.attributes["value"] for option in page.main.all("option") if "selected" in option.attributes}
    assert chosen == {world.cast.alice, "api_key.created"}
    assert [field.attributes["value"] for field in page.main.all("input", type="date")] == [today, today]
    assert "Nothing matches" in page.text
    assert len(page.main.all("optgroup")) == len(KINDS)


def test_both_days_are_among_those_that_are_asked_for_in_utc(world: World) -> None:
    midnight = (world.clock.now + 2 * DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    for instant in (midnight - timedelta(microseconds=1), midnight, midnight + DAY - timedelta(microseconds=1)):
        world.clock.now = instant
        new_key(world, name=f"At {instant:%H:%M}")
    world.clock.now = midnight + DAY
    new_key(world, name="Next day")
    day = f"{midnight:%Y-%m-%d}"
    before, after = (f"{midnight + shift:%Y-%m-%d}" for shift in (-DAY, DAY))
    counts = {
        query: len(seen(world, f"?action=api_key&{query}").rows)
        for query in (f"from={day}&to={day}", f"from={day}", f"to={day}", f"from={before}&to={after}")
    }
    assert list(counts.values()) == [2, 3, 3, 4]


def test_pages_follow_each_other_and_keep_the_filter(world: World) -> None:
    for number in range(PAGE_ITEMS_DEFAULT + 1):
        new_key(world, name=f"Key {number}")
    first = seen(world, "?action=api_key")
    (following,) = first.main.all("a", rel="next")
    second = browser_of(world, "alice").get(following.attributes["href"])
    assert (len(first.rows), len(second.rows)) == (PAGE_ITEMS_DEFAULT, 1)
    assert "Key 0" in second.rows[0]


def test_the_export_links_send_all_that_matches(world: World) -> None:
    new_key(world, name="Exported")
    today = f"{world.clock.now:%Y-%m-%d}"
    page = seen(world, f"?actor={world.cast.alice}&action=api_key&from={today}&to={today}")
    links = [link.attributes["href"] for link in page.main.all("a") if "format=" in link.attributes["href"]]
    assert [parse_qs(urlsplit(link).query)["format"] for link in links] == [["csv"], ["jsonl"]]
    cookie = world.cookie(world.session("alice")["token"])
    for link in links:
        answer = world.ask("GET", link, headers=cookie)
        assert answer.status == 200, answer.body
        assert answer.body.count(b"Exported") >= 1
        assert b"account.opened" not in answer.body
    (everything,) = [
        link.attributes["href"] for link in seen(world).main.all("a") if "format=csv" in link.attributes["href"]
    ]
    assert b"account.opened" in world.ask("GET", everything, headers=cookie).body


@pytest.mark.parametrize(
    "query",
    [
        "?action=nothing",
        "?actor=me",
        "?resource=mine",
        "?from=yesterday",
        "?to=2026-02-30",
        "?from=2026-03-10T00:00:00Z",
        "?from=1969-12-31",
        "?to=9999-12-31",
        "?from=2026-03-11&to=2026-03-10",
        "?cursor=mine",
        "?limit=5",
        "?format=csv",
    ],
)
def test_what_can_not_be_asked_for_is_refused(world: World, query: str) -> None:
    page = browser_of(world, "alice").get(audit_of(world, query))
    assert page.status == 422
    assert page.main.all("li"), "it says what is wrong"


@pytest.mark.parametrize("day", ["1970-01-01", "2199-12-30"])
def test_the_first_and_the_last_day_can_be_asked_for_also_by_the_export(world: World, day: str) -> None:
    page = seen(world, f"?from={day}&to={day}")
    assert "Nothing matches" in page.text
    link = next(link.attributes["href"] for link in page.main.all("a") if "format=csv" in link.attributes["href"])
    assert world.ask("GET", link, headers=world.signed_in("alice")).status == 200


@pytest.mark.parametrize(
    ("name", "status"),
    [("alice", 200), ("tess", 200), ("aud", 200), ("con", 403), ("bob", 403), ("carol", 404), ("stranger", 404)],
)
def test_who_sees_it(world: World, name: str, status: int) -> None:
    page = browser_of(world, name).get(audit_of(world))
    assert (page.status, page.answer.headers["content-type"]) == (status, "text/html; charset=utf-8")


def test_who_may_not_see_members_is_offered_only_who_is_on_the_page(world: World) -> None:
    for name in ("alice", "bob"):
        world.people.sign_up(name)
    new_key(world)

    def offered(name: str, query: str = "") -> set[str]:
        (select,) = seen(world, query, name).main.all("select", id="actor")
        return {option.text for option in select.all("option")}

    assert {"Alice", "Bob"} <= offered("alice")
    assert offered("aud") == {"By anybody", "By the operator", "Alice"}
    assert "Carol" not in offered("aud", f"?actor={world.cast.carol}"), "a name is not told for an id"


def test_nothing_of_a_neighbour_is_in_it(world: World) -> None:
    robot = world.robot(world.cast.account_b)
    page = seen(world)
    assert robot.secret.prefix not in page.answer.body.decode()
    assert "Nothing matches" in seen(world, f"?resource={robot.key_id}").text
