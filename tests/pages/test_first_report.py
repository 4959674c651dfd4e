"""From an empty account to the first report, by what the pages say and nothing else."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from uuid import uuid4

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.pages.conftest import VisitAs

CURL_SECONDS_MAX = 30


def expect_steps_done(page: Page, number: int) -> None:
    expect(page.locator("#steps > li.done")).to_have_count(number)


def test_the_guide_leads_to_the_first_report_and_notices_when_it_arrives(visit: VisitAs) -> None:
    alice = visit("alice")
    page = alice.page
    account = alice.office.empty_account()
    alice.go(account)
    assert alice.at == f"{account}/start"
    page.get_by_role("link", name="Register a process").click()
    page.get_by_label("Name").fill("Incoming invoices")
    page.get_by_role("dialog").get_by_role("button").first.click()
    expect_steps_done(page, 1)
    page.get_by_role("link", name="Create API key").click()
    page.get_by_label("Name").fill("First robot")
    page.get_by_role("button", name="Create key").click()
    secret = page.get_by_label("The key", exact=True).input_value()
    page.get_by_label("I have stored it").check()
    page.get_by_role("link", name="Done").click()
    page.wait_for_url("**/keys/*")
    alice.go(account)
    assert alice.at == f"{account}/start"
    expect_steps_done(page, 2)
    command = page.locator("#snippet").inner_text().replace("YOUR_KEY", secret)
    done = subprocess.run(
        ["sh", "-c", command.replace("curl ", "curl --silent --fail-with-body ", 1)],
        capture_output=True,
        text=True,
        timeout=CURL_SECONDS_MAX,
        check=False,
    )
    assert (done.returncode, '"job_id"' in done.stdout) == (0, True), done.stdout + done.stderr
    expect(page.get_by_text("The report has arrived")).to_be_visible()
    expect_steps_done(page, 3)
    page.get_by_role("link", name="See the jobs").click()
    expect(page.get_by_role("table")).to_contain_text("first-robot")


def test_without_a_script_the_guide_works_too(visit: VisitAs) -> None:
    alice = visit("alice", java_script_enabled=False)
    page = alice.page
    account = alice.office.empty_account()
    alice.go(account)
    page.get_by_role("link", name="Register a process").click()
    page.get_by_label("Name").fill(f"Process {uuid4()}")
    page.get_by_role("main").get_by_role("button").first.click()
    assert alice.at == f"{account}/start"
    expect_steps_done(page, 1)
