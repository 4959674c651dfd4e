"""A key as it was, in a page: at a version, at an instant, and what has happened since."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.acceptance.audit.asking import create_key
from tests.support.pages import browser_of

if TYPE_CHECKING:
    from interfaces.queries.key_history import PastKey
    from tests.support.pages import Seen
    from tests.support.world import World


@pytest.fixture
def key(world: World) -> dict[str, Any]:
    """A key that was renamed and ended, a minute apart."""
    made = create_key(world)
    headers = world.signed_in("alice")
    path = world.account(f"/keys/{made['id']}")
    world.clock.advance(timedelta(minutes=1))
    assert world.ask("PATCH", path, headers=headers, json={"name": "Nightly, old", "limit": 7}).status == 200
    world.clock.advance(timedelta(minutes=1))
    assert world.ask("POST", f"{path}/deactivate", headers=headers, json={"reason": "<b>lost</b>"}).status == 200
    return made


def then(world: World, key: dict[str, Any], query: str = "", name: str = "alice") -> Seen:
    return browser_of(world, name).get(f"/accounts/{world.cast.account_a}/keys/{key['id']}/then{query}")


def test_it_was_what_it_was_after_each_event(world: World, key: dict[str, Any]) -> None:
    page = then(world, key, "?version=1")
    assert page.status == 200
    assert page.heading.startswith("Nightly run")
    assert "active" in page.heading
    assert "after 1 of 4 events" in page.main.text
    assert "changed since" in page.main.text
    last = then(world, key, "?version=4")
    assert last.heading.startswith("Nightly, old")
    assert "deactivated" in last.heading
    assert "changed since" not in last.main.text
    assert "Nothing but its uses." in last.main.text


def test_it_leads_from_event_to_event(world: World, key: dict[str, Any]) -> None:
    links = {link.text: link.attributes["href"] for link in then(world, key, "?version=2").main.all("a")}
    assert links["One event earlier"].endswith("?version=1")
    assert links["One event later"].endswith("?version=3")
    assert "One event earlier" not in then(world, key, "?version=1").main.text
    assert "One event later" not in then(world, key, "?version=4").main.text
    assert "One event later" not in then(world, key).main.text


def test_a_moment_that_was_typed_is_in_utc(world: World, key: dict[str, Any]) -> None:
    between = world.clock.now - timedelta(seconds=30)
    page = then(world, key, f"?at={between:%Y-%m-%dT%H:%M:%S}")
    assert page.heading.startswith("Nightly, old")
    assert "after 3 of 4 events" in page.main.text
    assert f'value="{between:%Y-%m-%dT%H:%M:%S}"' in page.answer.body.decode()
    with_zone = quote(between.isoformat())
    assert "after 3 of 4 events" in then(world, key, f"?as_of={with_zone}").main.text


def test_before_it_was_made_there_was_nothing(world: World, key: dict[str, Any]) -> None:
    page = then(world, key, "?at=2020-02-02T20:02")
    assert page.status == 200
    assert "It was not made yet." in page.main.text
    assert "Created" in page.main.text


def test_what_happened_since_is_told_with_its_reason_and_no_markup(world: World, key: dict[str, Any]) -> None:
    page = then(world, key, "?version=1")
    assert "<b>lost</b>" in page.main.text
    assert b"&lt;b&gt;lost" in page.answer.body
    assert "by Alice" in page.main.text


def test_only_what_is_shown_and_changed_is_marked(world: World, key: dict[str, Any]) -> None:
    first, renamed = (then(world, key, f"?version={version}").main.all("dl")[0].text for version in (1, 3))
    assert (first.count("changed since"), renamed.count("changed since")) == (3, 1)
    assert "Yes · changed since" in renamed


def test_who_stands_in_what_was_is_named_also_where_somebody_else_does_now(
    world: World, key: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No field of today names another person later on, so one is put in the place of who made the key.
    history = type(world.services.key_history)
    as_it_was = history.as_it_was
    tess = world.cast.tess
    world.signed_in("tess")

    def made_by_tess(*arguments: Any) -> PastKey:
        past: PastKey = as_it_was(*arguments)
        past.key.created_by = tess
        return past

    monkeypatch.setattr(history, "as_it_was", made_by_tess)
    facts = then(world, key, "?version=1").main.all("dl")[0].text
    assert "by Tess" in facts
    assert "somebody who left" not in facts


def test_the_page_of_the_key_leads_there(world: World, key: dict[str, Any]) -> None:
    world.wait_for_lists()
    page = browser_of(world, "alice").get(f"/accounts/{world.cast.account_a}/keys/{key['id']}")
    links = [link.attributes["href"] for link in page.main.all("a")]
    assert [link for link in links if link.endswith("/then?version=1")]
    assert [link for link in links if link.endswith("/then")]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("?version=5", 404),
        ("?version=0", 422),
        ("?at=yesterday", 422),
        ("?at=2026-03-10T21:43Z", 422),
        ("?as_of=2026-03-10T21:43", 422),
        ("?version=1&at=2026-03-10T21:43", 422),
        ("?when=now", 422),
        ("?version=&at=", 200),
    ],
)
def test_what_can_not_be_meant_is_refused(world: World, key: dict[str, Any], query: str, status: int) -> None:
    assert then(world, key, query).status == status


@pytest.mark.parametrize(("name", "status"), [("aud", 200), ("tess", 200), ("bob", 403), ("con", 403), ("carol", 404)])
def test_who_sees_the_keys_sees_what_they_were(world: World, key: dict[str, Any], name: str, status: int) -> None:
    assert then(world, key, "?version=1", name).status == status


def test_a_key_of_another_account_is_none_here(world: World, key: dict[str, Any]) -> None:
    own = f"/accounts/{world.cast.account_b}/keys"
    browser = browser_of(world, "carol")
    assert {browser.get(f"{own}/{one}/then?version=1").status for one in (key["id"], uuid4())} == {404}
