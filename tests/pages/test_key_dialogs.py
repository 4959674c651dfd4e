"""What is done to a key in a browser, while its robot is at work elsewhere."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from domain.key_secret import generate
from tests.support.world import Robot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.pages.accessibility import Axe
    from tests.pages.browser import Visit
    from tests.pages.conftest import VisitAs

# Sends once a second, tells each status in a line, and ends with the first refusal.
ROBOT = """
import http.client, sys, time
_, port, secret = sys.argv
for _ in range(60):
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=10)
    connection.request("GET", "/api/v1/ingest/key", headers={"X-API-Key": secret})
    status = connection.getresponse().status
    connection.close()
    print(status, flush=True)
    if status != 200:
        break
    time.sleep(1)
"""


def a_robot(visit: Visit) -> Robot:
    """Return a robot of account A with a key of its own, which is called "Nightly run"."""
    cast, secret = visit.office.world.cast, generate()
    visit.office.world.application.execute(cast.create_key_command(secret=secret))
    return Robot(visit.office.service.ask, secret, cast.account_a, cast.flow_a)


@contextmanager
def at_work(visit: Visit, robot: Robot) -> Iterator[subprocess.Popen[str]]:
    """Let another process send with the robot's key, once a second."""
    port = str(visit.office.service.port)
    with subprocess.Popen(
        [sys.executable, "-c", ROBOT, port, robot.secret.text], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_status(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def open_dialog(visit: Visit, robot: Robot, name: str) -> None:
    visit.go(f"/accounts/{{a}}/keys/{robot.key_id}")
    visit.page.get_by_role("link", name=name, exact=True).click()
    expect(visit.page.get_by_role("dialog")).to_be_visible()


def test_a_deactivation_stops_a_robot_that_is_sending(visit: VisitAs, axe: Axe) -> None:
    alice = visit("alice")
    page, robot = alice.page, a_robot(alice)
    with at_work(alice, robot) as process:
        assert next_status(process) == "200"
        open_dialog(alice, robot, "Deactivate")
        assert axe.violations(page) == []
        page.get_by_label("Reason").fill("left the company")
        page.get_by_role("button", name="Deactivate for good").click()
        expect(page.get_by_text("This must be the name of the key.")).to_be_visible()
        assert page.get_by_label("Reason").input_value() == "left the company"
        page.get_by_label("Type the key's name").fill("Nightly run")
        page.get_by_role("button", name="Deactivate for good").click()
        expect(page.get_by_text("refused for good")).to_be_visible()
        # What was sent before may stand in the pipe.
        statuses = iter(lambda: next_status(process), "")
        assert next(status for status in statuses if status != "200") == "401"
        assert robot.look().status == 401


def test_a_rotation_shows_the_new_key_once_and_the_old_one_works_on(visit: VisitAs, axe: Axe) -> None:
    alice = visit("alice")
    page, robot = alice.page, a_robot(alice)
    open_dialog(alice, robot, "Rotate")
    assert axe.violations(page) == []
    page.get_by_label("After 15 minutes").check()
    page.get_by_role("button", name="Rotate and show the new key").click()
    secret = page.get_by_label("The key", exact=True).input_value()
    assert secret.startswith("rpakey_")
    assert robot.look().status == 200
    page.get_by_label("I have stored it").check()
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/keys/*")
    assert secret not in page.content()
    alice.go(f"/accounts/{{a}}/keys/{robot.key_id}")
    expect(page.get_by_text("takes its place: this one works until")).to_be_visible()


def test_a_change_is_seen_at_once_in_page_and_list(visit: VisitAs, axe: Axe) -> None:
    alice = visit("alice")
    page, robot = alice.page, a_robot(alice)
    open_dialog(alice, robot, "Change")
    assert axe.violations(page) == []
    page.get_by_label("Name").fill("Renamed in a dialog")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main h1")).to_contain_text("Renamed in a dialog")
    alice.go("/accounts/{a}/keys?q=Renamed+in+a+dialog")
    expect(page.get_by_role("table")).to_contain_text("Renamed in a dialog")


@pytest.mark.parametrize("name", ["Change", "Rotate", "Deactivate"])
def test_with_the_keyboard_a_dialog_is_left_and_the_focus_is_where_it_was(visit: VisitAs, name: str) -> None:
    alice = visit("alice")
    robot = a_robot(alice)
    alice.go(f"/accounts/{{a}}/keys/{robot.key_id}")
    alice.tab_to(name)
    alice.page.keyboard.press("Enter")
    expect(alice.page.get_by_role("dialog")).to_be_visible()
    alice.page.keyboard.press("Escape")
    expect(alice.page.get_by_role("dialog")).to_have_count(0)
    assert alice.focused() == name
    assert robot.look().status == 200
