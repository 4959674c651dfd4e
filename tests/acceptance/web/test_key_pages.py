"""The pages of keys: what they show, what they do, and who may."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from domain.api_key import ApiKey
from domain.limits import KEY_UNUSED_NOTICE, NAME_CHARS_MAX, RATE_LIMIT_MAX
from tests.support.api import OWN_KEY
from tests.support.pages import browser_of

if TYPE_CHECKING:
    from tests.support.pages import Seen
    from tests.support.world import World

SECRET = re.compile(r"rpakey_[A-Za-z0-9]{20,}")
NAMES = [
    "<script>alert(1)</script> & <b>bold</b>",
    "روبوت الفواتير",
    "עיבוד חשבוניות 123",
    "🤖" * 10,
    "n" * NAME_CHARS_MAX,
    'it\'s "quoted" {{ 7 * 7 }} {% raw %}',
]


def keys_of(world: World, path: str = "") -> str:
    return f"/accounts/{world.cast.account_a}/keys{path}"


def shown(world: World) -> None:
    """Wait until the lists show all that has happened."""
    world.wait_for_lists()


def made(world: World, **fields: Any) -> str:
    """Make a key in the page, and return its address."""
    page = browser_of(world, "alice").submit(keys_of(world, "/new"), **({"name": "Robot"} | fields))
    assert page.status == 200, page.text
    (link,) = page.root.all("a", id="done")
    return link.attributes["href"]


def secret_of(page: Seen) -> str:
    (shown,) = page.root.all("input", id="secret")
    return shown.attributes["value"]


def key_at(world: World, address: str) -> ApiKey:
    found = world.services.event_sourcing.find(ApiKey, UUID(address.rpartition("/")[2]))
    assert found is not None
    return found


def test_a_key_is_made_and_shown_once_with_a_line_that_reports_a_job(world: World) -> None:
    browser = browser_of(world, "alice")
    page = browser.submit(keys_of(world, "/new"), name="Invoice Processing Bot", flow_id=str(world.cast.flow_a))
    secret = secret_of(page)
    assert (page.status, page.heading) == (200, "Copy the key now")
    (line,) = page.root.all("pre", id="snippet")
    assert f"X-API-Key: {secret}" in line.text
    assert str(world.cast.flow_a) in line.text
    assert world.ask("GET", OWN_KEY, headers={"X-API-Key": secret}).json["name"] == "Invoice Processing Bot"
    (link,) = page.root.all("a", id="done")
    for path in (link.attributes["href"], keys_of(world), keys_of(world, "?show=all")):
        assert not SECRET.search(browser.get(path).answer.body.decode()), path


def test_the_same_form_sent_again_makes_nothing_and_shows_no_secret(world: World) -> None:
    browser = browser_of(world, "alice")
    fields = browser.get(keys_of(world, "/new")).form() | {"name": "Once"}
    first = browser.post(keys_of(world, "/new"), fields)
    again, appended = world.appended_by(lambda: browser.post(keys_of(world, "/new"), fields))
    assert (first.status, again.status, appended) == (200, 409, [])
    assert not SECRET.search(again.answer.body.decode())
    assert again.heading == "This key was created before"


def test_a_form_that_one_goes_back_to_and_changes_asks_whether_that_is_meant(world: World) -> None:
    browser = browser_of(world, "alice")
    fields = browser.get(keys_of(world, "/new")).form() | {"name": "First"}
    browser.post(keys_of(world, "/new"), fields)
    asked, appended = world.appended_by(lambda: browser.post(keys_of(world, "/new"), fields | {"name": "Second"}))
    assert (asked.status, appended) == (422, [])
    assert "sent before, with something else in it" in asked.alert
    assert secret_of(browser.post(keys_of(world, "/new"), asked.form())).startswith("rpakey_")


@pytest.mark.parametrize(
    ("typed", "beside", "message"),
    [
        ({"name": ""}, "name", "This must have at least 1 character."),
        ({"name": " "}, "name", "This must not be blank."),
        ({"name": "x" * (NAME_CHARS_MAX + 1)}, "name", f"This must have at most {NAME_CHARS_MAX} characters."),
        ({"name": "x", "rate_limit": "many"}, "rate_limit", "This must be a whole number."),
        ({"name": "x", "rate_limit": "0"}, "rate_limit", "This must be at least 1."),
        ({"name": "x", "rate_limit": str(RATE_LIMIT_MAX + 1)}, "rate_limit", f"This must be at most {RATE_LIMIT_MAX}."),
        ({"name": "x", "expires": "date", "date": ""}, "date", "This must be a day, as in 2026-03-10."),
        ({"name": "x", "expires": "date", "date": "2020-01-01"}, "date", "This must be in the future."),
        ({"name": "x", "expires": "soon"}, "expires", "This must be one of the choices."),
        ({"name": "x", "flow_id": "mine"}, "flow_id", "This must be a UUID."),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_is_kept(
    world: World, typed: dict[str, str], beside: str, message: str
) -> None:
    browser = browser_of(world, "alice")
    page, appended = world.appended_by(lambda: browser.submit(keys_of(world, "/new"), **typed))
    assert (page.status, page.error(beside), appended) == (422, message, [])
    kept = page.form() | ({"flow_id": typed["flow_id"]} if "flow_id" in typed else {})
    assert typed.items() <= (kept | {"expires": typed.get("expires", "")}).items()


def test_a_process_of_another_account_is_no_scope(world: World) -> None:
    page = browser_of(world, "alice").submit(keys_of(world, "/new"), name="x", flow_id=str(world.cast.flow_b))
    assert page.status == 422
    assert "not a process" in page.alert


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_shown_as_it_was_typed(world: World, name: str) -> None:
    browser, address = browser_of(world, "alice"), made(world, name=name)
    assert name in browser.get(address).heading
    assert any(name in row for row in browser.get(keys_of(world)).rows)
    (shown,) = browser.get(f"{address}/change").root.all("input", id="name")
    assert shown.attributes["value"] == name


def test_the_list_shows_active_keys_and_counts_the_others(world: World) -> None:
    browser = browser_of(world, "alice")
    kept, ended = made(world, name="Kept"), made(world, name="Ended")
    browser.submit(f"{ended}/deactivate", typed_name="Ended", reason="not needed")
    page = browser.get(keys_of(world))
    assert [row for row in page.rows if "Ended" in row] == []
    assert "Kept" in page.rows[0]
    assert "Show inactive (1)" in page.text
    (row,) = browser.get(keys_of(world, "?show=inactive")).rows
    assert "Ended" in row
    assert "deactivated" in row
    assert len(browser.get(keys_of(world, "?show=all")).rows) == 2
    assert browser.get(kept).status == 200


def test_the_list_is_searched_filtered_and_ordered_by_its_address(world: World) -> None:
    browser = browser_of(world, "alice")
    for name, scope in (("Bravo robot", str(world.cast.flow_a)), ("Alpha robot", ""), ("Charlie", "")):
        made(world, name=name, flow_id=scope)
    assert ["Alpha" in row for row in browser.get(keys_of(world, "?q=robot&sort=name")).rows] == [True, False]
    (row,) = browser.get(keys_of(world, f"?scope={world.cast.flow_a}")).rows
    assert "Bravo" in row
    nothing = browser.get(keys_of(world, "?q=nothing-like-it"))
    assert (nothing.rows, nothing.status) == ([], 200)
    assert "Nothing matches" in nothing.text
    assert "No keys yet" in browser_of(world, "carol").get(f"/accounts/{world.cast.account_b}/keys").text
    assert browser.get(keys_of(world, "?sort=secret")).status == 422


def test_pages_of_the_list_follow_each_other(world: World) -> None:
    for number in range(51):
        world.application.execute(replace(world.cast.create_key_command(), name=f"Bot {number:02}"))
    shown(world)
    browser = browser_of(world, "alice")
    first = browser.get(keys_of(world, "?sort=name"))
    (link,) = first.root.all("a", rel="next")
    second = browser.get(link.attributes["href"])
    assert (len(first.rows), len(second.rows)) == (50, 1)
    assert "Bot 50" in second.rows[0]


def test_notes_above_the_list_lead_to_keys_that_somebody_should_look_at(world: World) -> None:
    browser = browser_of(world, "alice")
    made(world, name="Idle")
    world.clock.advance(KEY_UNUSED_NOTICE + timedelta(days=1))
    made(world, name="Fresh")
    made(world, name="Ending", expires="date", date=f"{world.clock() + timedelta(days=2):%Y-%m-%d}")
    browser = browser_of(world, "alice")
    page = browser.get(keys_of(world))
    assert "1 key unused for 90 days" in page.text
    assert "1 key expires this week" in page.text
    assert ["Idle" in row for row in browser.get(keys_of(world, "?note=unused")).rows] == [True]
    assert ["Ending" in row for row in browser.get(keys_of(world, "?note=expiring")).rows] == [True]


def test_a_key_page_tells_its_life_its_uses_and_its_jobs(world: World) -> None:
    browser, robot = browser_of(world, "alice"), world.robot()
    robot.report()
    shown(world)
    page = browser.get(keys_of(world, f"/{robot.key_id}"))
    assert page.status == 200
    assert "Created" in page.text
    (chart,) = page.root.all("svg", role="img", class_="chart")
    assert chart.attributes["aria-label"].startswith("1 use in 24 hours")
    assert browser.get(keys_of(world, f"/{robot.key_id}?span=month")).status == 200
    assert [found.text for found in page.root.all("h2", id="jobs")] == ["Jobs that it reported"]
    assert robot.secret.text not in page.answer.body.decode()


def test_a_key_is_renamed_limited_and_made_to_end_sooner_but_never_later(world: World) -> None:
    browser = browser_of(world, "alice")
    day = f"{world.clock() + timedelta(days=20):%Y-%m-%d}"
    sooner, later = (f"{world.clock() + timedelta(days=days):%Y-%m-%d}" for days in (10, 30))
    address = made(world, name="Before", expires="date", date=day)
    assert browser.submit(f"{address}/change", name="After", rate_limit="7").location == address
    key = key_at(world, address)
    assert (key.name, key.limit, f"{key.expires_at:%Y-%m-%d}") == ("After", 7, day)
    assert (
        browser.submit(f"{address}/change", date=later).error("date")
        == "This must not be later than it is: a key can only end sooner."
    )
    assert "can't be taken away" in browser.submit(f"{address}/change", date="").error("date")
    assert browser.submit(f"{address}/change", date=sooner).location == address
    assert browser.submit(f"{address}/change", rate_limit="").error("rate_limit") == "This is required."


def test_a_rotated_key_works_on_for_as_long_as_was_chosen_and_the_new_one_is_shown_once(world: World) -> None:
    browser, robot = browser_of(world, "alice"), world.robot()
    address = keys_of(world, f"/{robot.key_id}")
    fields = browser.get(f"{address}/rotate").form() | {"overlap": "900"}
    page = browser.post(f"{address}/rotate", fields)
    new = secret_of(page)
    assert (robot.look().status, world.ask("GET", OWN_KEY, headers={"X-API-Key": new}).status) == (200, 200)
    assert "works until" in page.text
    again = browser.post(f"{address}/rotate", fields)
    assert (again.status, again.heading) == (409, "Another key has taken its place before")
    assert not SECRET.search(again.answer.body.decode())
    world.clock.advance(timedelta(minutes=16))
    assert robot.look().status == 401
    assert (
        browser.submit(f"{made(world)}/rotate", overlap="5 minutes").error("overlap") == "This must be a whole number."
    )


def test_a_key_is_deactivated_only_by_its_name_and_then_at_once(world: World) -> None:
    browser, robot = browser_of(world, "alice"), world.robot()
    address = keys_of(world, f"/{robot.key_id}")
    name = key_at(world, address).name
    wrong = browser.submit(f"{address}/deactivate", typed_name="another", reason="leaked in a chat")
    assert (wrong.status, wrong.error("typed_name")) == (422, "This must be the name of the key.")
    assert wrong.form()["reason"] == "leaked in a chat"
    assert robot.look().status == 200
    assert browser.submit(f"{address}/deactivate", typed_name=name, reason="leaked in a chat").location == address
    assert robot.look().status == 401
    page = browser.get(address)
    assert "leaked in a chat" in page.text
    assert "refused for good" in page.text
    assert "Rotate" not in page.text


def test_what_has_ended_can_not_be_changed(world: World) -> None:
    browser, address = browser_of(world, "alice"), made(world, name="Short")
    open_form = browser.get(f"{address}/change").form()
    browser.submit(f"{address}/deactivate", typed_name="Short")
    page = browser.post(f"{address}/change", open_form | {"name": "Longer"})
    assert page.status == 422
    assert "deactivated or has expired" in page.alert


@pytest.mark.parametrize(
    ("name", "path", "status"),
    [
        ("aud", "", 200),
        ("tess", "", 200),
        ("bob", "", 403),
        ("con", "", 403),
        ("carol", "", 404),
        ("stranger", "", 404),
        ("aud", "/new", 403),
        ("aud", "/{key}", 200),
        ("aud", "/{key}/deactivate", 403),
        ("aud", "/{key}/rotate", 403),
        ("aud", "/{key}/change", 403),
        ("carol", "/{key}", 404),
    ],
)
def test_who_may_see_which_page(world: World, name: str, path: str, status: int) -> None:
    key = world.robot().key_id
    page = browser_of(world, name).get(keys_of(world, path.format(key=key)))
    assert page.status == status
    assert page.answer.headers["content-type"].startswith("text/html")
    if name == "aud" and status == 200:
        assert "Create API key" not in page.text
        assert "Deactivate" not in page.text


def test_a_key_of_a_neighbour_is_not_there(world: World) -> None:
    theirs = world.robot(world.cast.account_b).key_id
    for path in (f"/{theirs}", f"/{theirs}/deactivate", f"/{uuid4()}", "/nothing"):
        assert browser_of(world, "alice").get(keys_of(world, path)).status == 404
